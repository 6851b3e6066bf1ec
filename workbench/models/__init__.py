"""Talks to model servers: a real Ollama, or the embedded server that speaks its API."""
