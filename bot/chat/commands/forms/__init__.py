"""Modals: the forms in which members write."""
