"""The objects and requests of the Assistants API v2 as typed structs."""
