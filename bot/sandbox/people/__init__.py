"""The people of the sandbox, and what they do in Discord's app."""
