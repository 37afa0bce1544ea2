"""The HTTP handlers, one noun of the API a module."""
