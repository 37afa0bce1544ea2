"""SQLite databases and stored files; the only package that imports aiosqlite and sqlite3."""
