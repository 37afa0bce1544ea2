"""Reads the content of messages and modals from requests, and checks Discord's limits."""
