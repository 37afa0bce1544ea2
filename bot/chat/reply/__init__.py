"""The reply's Discord messages: rendered, split, edited at Discord's pace."""
