"""Who may use the bot, how often, and how much they may spend; alerts to the operator."""
