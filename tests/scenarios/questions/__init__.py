"""What of a member's question reaches the model."""
