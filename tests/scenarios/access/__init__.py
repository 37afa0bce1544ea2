"""Who may ask and read, what may be spent, and what is stored of members."""
