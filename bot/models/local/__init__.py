"""A GGUF model in a child process on this machine."""
