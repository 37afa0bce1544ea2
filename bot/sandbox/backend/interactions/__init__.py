"""Application commands and interactions."""
