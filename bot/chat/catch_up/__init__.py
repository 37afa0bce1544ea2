"""Finds the questions that were asked while the bot was away."""
