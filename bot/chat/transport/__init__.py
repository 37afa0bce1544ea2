"""The connection to Discord: gateway, login, REST retries and Discord's rate limits."""
