"""Model endpoints that speak chat completions."""
