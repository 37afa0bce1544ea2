"""Places on Discord: which settings apply in them, and what is set on their posts."""
