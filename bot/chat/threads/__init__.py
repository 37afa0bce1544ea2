"""The Assistants API as the bot uses it: threads, messages and runs."""
