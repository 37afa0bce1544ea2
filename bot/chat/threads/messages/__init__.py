"""Builds the messages of questions, and reads those of answers."""
