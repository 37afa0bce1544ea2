"""Questions that the bot asks for members at set times, and reminders."""
