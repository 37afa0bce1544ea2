"""The Assistants API v2 as data: objects, states, events, errors and the interface; no I/O."""
