"""Who may use the bot: the one gate that every message and every interaction passes."""
