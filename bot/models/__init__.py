"""Model endpoints behind one small interface, ``types.Model``."""
