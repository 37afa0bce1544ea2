"""Delivers a reply's messages to Discord: to a channel, or as an interaction's response."""
