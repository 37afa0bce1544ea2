"""The ``init`` command: from nothing to a configured bot on a server."""
