"""Discord: questions, replies, commands and buttons; no other package imports discord."""
