"""Operations on guilds, channels and channel threads."""
