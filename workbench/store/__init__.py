"""The workspace: documents, vectors, search, answers and audit rows in one DuckDB file."""
