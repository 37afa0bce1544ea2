"""The ``import`` command: brings assistants and conversations from another server."""
