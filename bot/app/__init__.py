"""Builds every part from the configuration, starts them in order and stops them in reverse."""


class StartError(Exception):
    """The program can't start; the message is one line for the operator."""
