"""Every sentence that a Discord member reads."""
