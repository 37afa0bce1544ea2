"""The end of a run in the ledger's terms."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.assistants.errors import INTERRUPTED_RUN
from bot.assistants.schema.content import MAX_CONTENT
from bot.assistants.schema.objects import Run
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.messages.answer_text import AnswerText, Source
from bot.store.ledger import Outcome

MOST_TEXT: Final = MAX_CONTENT
"""The longest answer, in characters. A longer answer is cut off, and its run is cancelled."""

_MOST_TOKENS: Final = 2**53

_BY_CAUSE: Final[dict[str, FailureKind]] = {
    "key": "model_key",
    "credit": "model_credit",
    "model": "model_missing",
    "tools": "model_tools",
    "ability": "ability",
    "too_long": "too_long",
    "content": "content",
}


class RunEnd(Struct, frozen=True):
    """The end of a run in the ledger's terms, with the text of its answer.

    ``reason`` is the server's text about a failure, only for the log. ``model`` is the run's model
    if known; ``run`` is None if the end of the run was not seen. ``file_ids`` are the answer's
    files; ``sources`` are the files that it cites, in the order of their numbers.
    """

    outcome: Outcome
    text: str
    error: str | None = None
    tokens: int | None = None
    reason: str = ""
    model: str | None = None
    run: Run | None = None
    file_ids: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def with_answer(end: RunEnd, answer: AnswerText) -> RunEnd:
    """Return an end with an answer's text (at most ``MOST_TEXT`` characters), files and sources."""
    text = answer.text[:MOST_TEXT]
    return replace(end, text=text, file_ids=answer.file_ids, sources=answer.sources)


def ended(run: Run, text: str) -> RunEnd:
    """Return a run's end in the ledger's terms."""
    tokens = run.usage.total_tokens if run.usage else None
    if tokens is not None and not 0 <= tokens <= _MOST_TOKENS:
        tokens = None
    if run.status == "completed":
        return RunEnd("answered", text, None, tokens, model=run.model, run=run)
    if run.status == "incomplete":
        return RunEnd("answered", text, "incomplete", tokens, model=run.model, run=run)
    if run.status == "cancelled":
        return RunEnd("cancelled", text, None, tokens, run=run)
    reason = f"{run.last_error.code}: {run.last_error.message}" if run.last_error else run.status
    return RunEnd("failed", text, _failure_kind(run), tokens, reason, model=run.model, run=run)


def _failure_kind(run: Run) -> FailureKind:
    if run.status == "expired":
        return "expired"
    if run.last_error is not None and run.last_error.message == INTERRUPTED_RUN:
        return "gave_up"
    if run.last_error is not None and (kind := _BY_CAUSE.get(str(run.last_error.cause))):
        return kind
    code = run.last_error.code if run.last_error else ""
    if code == "rate_limit_exceeded":
        return "rate_limited"
    return "rejected" if code == "invalid_prompt" else "model_failed"
