"""What the ledger has of a member, and how the ledger forgets."""
