"""Discord, the server of the assistants, the disk or the network is in trouble."""
