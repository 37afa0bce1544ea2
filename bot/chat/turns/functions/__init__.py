"""The function calls of a turn: made, approved, and made late."""
