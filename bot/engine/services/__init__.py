"""One project's operations of the Assistants API, one noun a module."""
