"""Builds the model request of a run: instructions, history, images, token budget."""
