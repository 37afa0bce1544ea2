"""The tools the engine hosts itself: text out of files, search over it, a sandbox for code."""
