"""Model endpoints behind one small interface; what they have in common is ``types.Model``."""
