"""The readable reasoning of a Response: its summaries, or the thoughts of open models."""

from collections.abc import Iterable
from typing import Any, Final

from bot.models.http.leniency import text_in
from bot.models.responses.items import field_of, kind_of, object_of

_DELTAS: Final = {
    f"response.{kind}.delta": kind.startswith("reasoning_summary")
    for kind in ("reasoning_summary_text", "reasoning_summary", "reasoning_text", "reasoning")
}
"""The events with a piece of reasoning, and whether the piece is of a summary."""


class Thoughts:
    """Collects the reasoning of one response; with ``keep`` False nothing is kept."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._pieces: dict[bool, list[str]] = {True: [], False: []}

    def take(self, kind: str, delta: object) -> None:
        """Take an event's delta if the event's type says that it is reasoning."""
        if self._keep and (of_summary := _DELTAS.get(kind)) is not None:
            self._pieces[of_summary].append(text_in(delta))

    def text(self, items: Iterable[dict[str, Any]], filtered: str) -> str:
        """Return the reasoning; ``filtered`` is the reasoning between tags in the answer.

        Finished ``items`` have the whole reasoning, but not every endpoint sends such items.
        """
        if not self._keep:
            return ""
        whole = "\n\n".join(filter(None, map(_thoughts_in, items)))
        streamed = "".join(self._pieces[True]) or "".join(self._pieces[False])
        return "\n\n".join(filter(None, (whole or streamed.strip(), filtered)))


def _thoughts_in(item: dict[str, Any]) -> str:
    """Return the reasoning in an item: the summary, else the thoughts themselves."""
    if kind_of(item) != "reasoning":
        return ""
    for name in ("summary", "content"):
        parts = field_of(item, name, list) or [item.get(name)]
        texts = (text_in(object_of(each).get("text") or each).strip() for each in parts)
        if written := "\n\n".join(filter(None, texts)):
            return written
    return ""
