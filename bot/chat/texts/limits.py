"""The sentences about limits that are reached, and their form in the ledger."""

from typing import Final

import msgspec
from msgspec import Struct

from bot.chat.texts.fluent import localized
from bot.store.ledger import Period, SpendingScope

_PREFIX: Final = "limit "


class LimitReached(Struct, frozen=True, kw_only=True):
    """A limit of spending that leaves no room; ``until`` is when it ends, in seconds since 1970.

    ``in_use``: it leaves room again once the answers under way are finished.
    """

    scope: SpendingScope
    period: Period
    until: int
    in_use: bool = False

    def sentence(self) -> str:
        """Return what the person reads, in the current language."""
        if self.in_use:
            return localized("limit-in-use")
        span = localized(f"limit-span-{self.period}")
        return localized(f"limit-{self.scope}", span=span, until=str(self.until))

    def error(self) -> str:
        """Return the limit as the ledger stores it with a failed turn."""
        return _PREFIX + msgspec.json.encode(self).decode()


def limit_of(error: str | None) -> LimitReached | None:
    """Return the limit because of which a turn failed; None for other failures."""
    if error is None or not error.startswith(_PREFIX):
        return None
    try:
        return msgspec.json.decode(error.removeprefix(_PREFIX), type=LimitReached)
    except msgspec.DecodeError:  # of a later version
        return None
