"""The function calls of runs, and what functions keep."""
