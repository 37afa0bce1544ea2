"""What slash commands, menus and buttons do, one module a group."""
