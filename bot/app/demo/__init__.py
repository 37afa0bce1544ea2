"""The ``demo`` command: a sandbox Discord, the bot in its own process, and a choice of models."""
