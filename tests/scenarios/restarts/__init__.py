"""The bot is stopped, killed, away or set back, and goes on."""
