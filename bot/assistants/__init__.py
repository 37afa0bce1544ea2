"""The Assistants API v2 as data: objects, requests, states, events and errors; no I/O."""
