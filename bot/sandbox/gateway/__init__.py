"""The sandbox's gateway: sessions that number and keep events, and the sockets they go out by."""
