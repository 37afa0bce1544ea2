"""Executes one run: model calls, run steps, stream events, its end."""
