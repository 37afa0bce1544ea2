"""One queue in which groups take turns, and slots that are granted in that queue's order."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

Path = tuple[Hashable, ...]


@dataclass(eq=False)
class _Node(Generic[T]):
    """A group or an entry; a group's children stand in the order in which they are served.

    ``number`` is the node's place among all children that its parent ever had. ``added`` counts
    the children that were ever added, ``size`` the entries below.
    """

    number: int = 0
    size: int = 0
    added: int = 0
    children: "dict[Hashable, _Node[T]]" = field(default_factory=dict)
    value: T | None = None


class FairQueue(Generic[T]):
    """Entries in groups, which may be in groups themselves; the groups of a group take turns.

    A path names an entry by its groups, outermost first, and its own key last. Entries of one
    group leave in the order in which they came. Adding, removing and taking the next entry cost
    the same however many entries wait.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def __len__(self) -> int:
        return self._root.size

    def __contains__(self, path: Path) -> bool:
        return self._nodes(path) is not None

    def add(self, path: Path, value: T) -> None:
        """Append an entry to its group; the path must not be in the queue."""
        node = self._root
        node.size += 1
        for key in path:
            if key not in node.children:
                node.children[key] = _Node(node.added)
                node.added += 1
            node = node.children[key]
            node.size += 1
        node.value = value

    def remove(self, path: Path) -> bool:
        """Take an entry out; return whether it was in the queue."""
        nodes = self._nodes(path)
        if nodes is None:
            return False
        for parent, key, node in zip(nodes, path, nodes[1:], strict=True):
            node.size -= 1
            if not node.size:
                del parent.children[key]
                break
        self._root.size -= 1
        return True

    def pop(self, may: Callable[[Hashable], bool] = lambda group: True) -> tuple[Path, T] | None:
        """Take out the next entry whose outermost group ``may`` be served; None if there is none.

        Each group on the entry's path goes behind its neighbours.
        """
        first = next((key for key in self._root.children if may(key)), None)
        if first is None:
            return None
        path: list[Hashable] = []
        node, key = self._root, first
        while True:
            node.size -= 1
            child = node.children.pop(key)
            path.append(key)
            if not child.children:
                assert child.value is not None
                return tuple(path), child.value
            if child.size > 1:
                node.children[key] = child  # behind all others
            node, key = child, next(iter(child.children))

    def ahead(self, path: Path) -> int:
        """Return about how many entries are served before this one.

        The count may include entries ahead that were removed meanwhile.
        """
        nodes = self._nodes(path)
        assert nodes is not None, "only an entry that waits has others ahead"
        parent = nodes[-2]
        count = nodes[-1].number - next(iter(parent.children.values())).number
        count = min(count, parent.size - 1)
        for parent, own in reversed(list(itertools.pairwise(nodes[:-1]))):
            others = (node for node in parent.children.values() if node is not own)
            count += sum(min(node.size, count + 1) for node in others)
        return count

    def _nodes(self, path: Path) -> "list[_Node[T]] | None":
        nodes = [self._root]
        for key in path:
            child = nodes[-1].children.get(key)
            if child is None:
                return None
            nodes.append(child)
        return nodes


class FairSlots:
    """At most ``slots`` callers hold a slot at once, at most ``most_per_group`` of one group.

    Groups take turns, however many slots one of them asks for. Within a group the caller who came
    first is served first.
    """

    def __init__(self, slots: int, most_per_group: int | None = None) -> None:
        self._free = slots
        self._most: Final = most_per_group
        self._held: Counter[Hashable] = Counter()
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

    @property
    def held(self) -> int:
        """The number of slots that are held."""
        return self._held.total()

    @property
    def waiting(self) -> int:
        """The number of callers that wait for a slot."""
        return len(self._waiting)

    def is_waiting(self, path: Path) -> bool:
        """Return whether the caller that ``path`` names waits for a slot."""
        return path in self._waiting

    def ahead(self, path: Path) -> int:
        """Return about how many of the waiting callers get a slot before the one at ``path``."""
        return self._waiting.ahead(path)

    async def acquire(self, group: Hashable, *within: Hashable) -> None:
        """Wait for a slot and hold it until ``release``.

        ``within`` names groups inside the group and, last, the caller. Without it callers of the
        group are served in the order in which they came.
        """
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        path = (group, *(within or (slot,)))
        self._waiting.add(path, slot)
        self._serve()
        try:
            await slot
        except asyncio.CancelledError:
            # The slot may have been granted just before the caller was cancelled.
            if not self._waiting.remove(path) and not slot.cancelled():
                self.release(group)
            raise

    def acquire_at_once(self, group: Hashable) -> None:
        """Hold a slot without waiting, even one more than there are."""
        self._free -= 1
        self._held[group] += 1

    def release(self, group: Hashable) -> None:
        """Give a slot back; the next caller in turn gets it."""
        self._free += 1
        self._held[group] -= 1
        if not self._held[group]:
            del self._held[group]
        self._serve()

    @asynccontextmanager
    async def hold(self, group: Hashable) -> AsyncGenerator[None]:
        """Wait for a slot and hold it within the block."""
        await self.acquire(group)
        try:
            yield
        finally:
            self.release(group)

    def _serve(self) -> None:
        while self._free > 0 and (found := self._waiting.pop(self._may_hold_more)) is not None:
            path, slot = found
            if not slot.done():
                self._free -= 1
                self._held[path[0]] += 1
                slot.set_result(None)

    def _may_hold_more(self, group: Hashable) -> bool:
        return self._most is None or self._held[group] < self._most
