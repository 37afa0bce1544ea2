"""What members, channels and servers spend, and their limits."""
