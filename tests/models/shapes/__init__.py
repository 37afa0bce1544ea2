"""Streams in the shapes that endpoints send them in, and what they mean."""
