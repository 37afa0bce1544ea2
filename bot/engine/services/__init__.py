"""The operations of the Assistants API, one service for each kind of object."""
