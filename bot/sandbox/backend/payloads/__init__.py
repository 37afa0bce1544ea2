"""Writes the sandbox's state as Discord's JSON objects."""
