"""What the messages of a reply contain: split to fit, with drawn formulas and uploads."""
