"""Slash commands, menus and forms."""
