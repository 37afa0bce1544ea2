"""The sandbox's state: users, guilds, channels, messages, permissions, events."""
