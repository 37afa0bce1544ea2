"""Builds every part from the configuration, starts them in order and stops them in reverse."""
