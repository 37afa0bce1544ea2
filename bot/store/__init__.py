"""SQLite: the only room that knows it; who writes here gets all of a transaction or none."""
