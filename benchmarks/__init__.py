"""Measurements: scripts that print a table and write JSON; see RESULTS.md."""
