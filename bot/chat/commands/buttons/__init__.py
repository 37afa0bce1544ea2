"""Handles presses of the buttons below replies and answers."""
