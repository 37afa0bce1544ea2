"""Slash commands and buttons: who may use them and what they do."""
