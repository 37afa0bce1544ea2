"""Discord: questions in, replies out, commands and buttons; the only room that imports discord."""
