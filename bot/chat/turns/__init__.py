"""Schedules turns and runs each one from its questions to its reply."""
