"""A dictionary that forgets its oldest entries."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class NewestEntries(dict[K, V]):
    """The ``most`` entries that were set last; only ``[key] = value`` drops older ones."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        """Set an entry as the newest one."""
        self.pop(key, None)
        super().__setitem__(key, value)
        if len(self) > self._most:
            del self[next(iter(self))]
