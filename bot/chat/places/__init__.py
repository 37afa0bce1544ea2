"""Places on Discord: the settings that apply in a channel, its assistant, tags and hand-overs."""
