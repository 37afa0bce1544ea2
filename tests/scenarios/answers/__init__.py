"""How answers stand in Discord, and what members do with them."""
