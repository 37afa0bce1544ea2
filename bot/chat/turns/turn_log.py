"""Logs the ends of turns."""

import logging
from typing import Final

from bot.chat.texts import sentences
from bot.runtime.quoted_text import without_quotes
from bot.store.ledger import Turn

_log: Final = logging.getLogger(__name__)


def log_end(turn: Turn, took: float, reason: str) -> None:
    """Log the end of a turn in one line."""
    facts = [f"{took:.1f} s", f"channel {turn.channel_id}"]
    facts += [turn.run_id] if turn.run_id else []
    facts += [f"{turn.tokens} tokens"] if turn.tokens is not None else []
    facts += [turn.error] if turn.error else []
    level = logging.WARNING if turn.outcome == "failed" else logging.INFO
    task = ""
    if turn.error in sentences.OPERATORS_TASK:
        level = logging.ERROR
        section = "[models]" if turn.error.startswith("model_") else "[assistants]"
        task = f" Members cannot mend this: check the key, the credit and the names in {section}."
    _log.log(
        level,
        "Turn %d %s (%s)%s%s",
        turn.id,
        turn.outcome,
        ", ".join(facts),
        f": {without_quotes(reason)}" if reason else "",
        task,
    )
