"""What the messages of a reply contain: composed, illustrated, and split to fit."""
