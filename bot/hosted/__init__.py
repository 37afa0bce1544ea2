"""The tools that the engine hosts: text extraction, full-text search and a Python sandbox."""
