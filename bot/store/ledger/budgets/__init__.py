"""The spending of members, channels and servers, and their limits."""
