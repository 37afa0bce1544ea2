"""The HTTP side that all model endpoints share: connections, retries, errors."""
