"""What asynchronous code needs everywhere: a clock, backoff between retries, tasks."""
