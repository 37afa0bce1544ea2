"""Follows runs to their end."""
