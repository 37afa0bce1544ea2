"""What asynchronous code needs everywhere: clock, backoff, retry, tasks, fair slots."""
