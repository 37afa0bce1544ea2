"""From a Discord event to a question in the ledger."""
