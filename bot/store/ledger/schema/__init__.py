"""The ledger's tables, by migration."""
