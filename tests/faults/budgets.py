"""The budgets of a run: large in the end, but too small for more than a few runs at once."""

from typing import Final

BUDGETS: Final = """
[limits]
completion_tokens = 1_000_000
[limits.total]
tokens_per_day = 10_000_000
[limits.server]
tokens_per_day = 7_000_000
money_per_month = 16
[limits.member]
tokens_per_month = 6_000_000
[prices.models."scripted-model"]
input = 1
cached_input = 0.25
output = 2
"""
"""Each run reserves a million tokens until it is settled.

A question that finds no room fails, and is asked again by its Retry button.
"""
