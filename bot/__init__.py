"""A Discord bot on which every channel thread is an assistant's thread, and the engine it stands on."""

__version__ = "0.1.0"
