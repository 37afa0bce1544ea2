"""A Discord bot on which every channel thread is an assistant's thread, with its own engine."""

__version__ = "0.1.0"
