"""The hosted tools of a run: code_interpreter, file_search and their results."""
