"""What HTTP needs on both sides: client, bodies, server-sent events, addresses."""
