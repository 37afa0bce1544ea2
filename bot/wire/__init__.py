"""What HTTP needs on every side; knows nothing of who speaks over it."""
