"""The positions of items in a Response's output: found by id, by index, or by order in a type.

Some endpoints send one index for all items, or a new id with each event of an item.
"""

from typing import Any

from bot.models.http.leniency import integer, text_in
from bot.models.responses.items import kind_of


class OutputSlots:
    """The positions of the known items, counted from 0 in the order they began."""

    def __init__(self) -> None:
        self._by_id: dict[str, int] = {}
        self._items: dict[int, tuple[str, str]] = {}  # the type and id of the item there
        self._done: set[int] = set()

    def of(self, index: object, item_id: object, kind: str) -> int:
        """Return the position of the item of type ``kind`` that a piece belongs to."""
        slot = self._by_id.get(text_in(item_id))
        if slot is None:
            slot = integer(index) or 0
            if slot in self._items and self._items[slot][0] != kind:
                alike = (each for each, (other, _) in self._items.items() if other == kind)
                slot = max(alike, default=max(self._items) + 1)
            self._items.setdefault(slot, (kind, text_in(item_id)))
        if item_id:
            self._by_id.setdefault(text_in(item_id), slot)
        return slot

    def of_item(self, index: object, item: dict[str, Any], *, done: bool = False) -> int:
        """Return the position of an item that begins or is done; no two items share one."""
        kind, item_id = kind_of(item), _id_of(item)
        slot = self._by_id.get(text_in(item.get("id")))
        if slot is None:
            slot = integer(index) or 0
            there = self._items.get(slot)
            other = there is not None and (
                there[0] != kind
                or (slot in self._done and item_id and there[1] and there[1] != item_id)
            )
            if other:
                slot = max(self._items) + 1
        return self._keep(slot, kind, item, done=done)

    def of_output(self, output: list[dict[str, Any]]) -> list[int]:
        """Return the positions of the items in the whole output at the end.

        An item with an unknown id is taken for the next known item of its type, in order.
        """
        taken = {self._by_id.get(text_in(item.get("id"))) for item in output}
        slots: list[int] = []
        for item in output:
            kind = kind_of(item)
            slot = self._by_id.get(text_in(item.get("id")))
            if slot is None:
                alike = (each for each, (other, _) in self._items.items() if other == kind)
                free = min(set(alike) - taken, default=None)
                slot = max(self._items, default=-1) + 1 if free is None else free
                taken.add(slot)
            slots.append(self._keep(slot, kind, item, done=True))
        return slots

    def _keep(self, slot: int, kind: str, item: dict[str, Any], *, done: bool) -> int:
        self._items[slot] = (kind, _id_of(item))
        if item_id := text_in(item.get("id")):
            self._by_id.setdefault(item_id, slot)
        if done:
            self._done.add(slot)
        return slot


def _id_of(item: dict[str, Any]) -> str:
    """Return the id of an item, else its call id; empty without both."""
    return text_in(item.get("id")) or text_in(item.get("call_id"))
