"""Model endpoints that speak OpenAI's Responses API."""
