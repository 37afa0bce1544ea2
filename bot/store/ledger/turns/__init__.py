"""Questions, turns, their moves between states, and what belongs to them."""
