"""Finds the limits of spending that apply to a member in a place.

The limits of the operator and those of the server's managers both count. The ledger stores the
managers' limits as settings of the member, role, channel or server that a limit is for.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, Protocol

import msgspec
from msgspec.structs import replace

from bot.chat.access.prices import UNIT
from bot.config.limits import LimitSettings, SpendingLimit
from bot.store.ledger import Cap, Ledger, Period, SpendingScope

LimitKind = Literal["server", "channel", "role", "member", "everyone"]
"""Whose spending a limit of a server's managers limits; "everyone" is each member alone."""

_log: Final = logging.getLogger(__name__)

NO_LIMIT: Final = SpendingLimit()

_SCOPE: Final[dict[LimitKind, SpendingScope]] = {
    "server": "server",
    "channel": "channel",
    "role": "member",
    "member": "member",
    "everyone": "member",
}


class CategoryFinder(Protocol):
    """Knows the categories of channels."""

    def __call__(self, channel_id: int, /) -> int | None:
        """Return the category of a channel; None for a channel without one."""


class CapFinder:
    """Returns the caps of places and members; a cap is a limit with the day on which it counts.

    ``settings`` are the operator's limits. A channel without a limit of its own has that of its
    category.
    """

    def __init__(
        self, settings: LimitSettings, ledger: Ledger, category_of: CategoryFinder
    ) -> None:
        self._settings = settings
        self._places = ledger.settings
        self._category_of = category_of

    def total(self, day: str) -> tuple[Cap, ...]:
        """Return the operator's cap of all spending; empty without one."""
        return _caps("total", 0, 0, day, self._settings.total)

    async def shared(
        self, guild_id: int | None, channel_id: int, day: str, total_day: str
    ) -> tuple[Cap, ...]:
        """Return the caps that everybody in a channel shares. Raises ``LedgerError``."""
        settings = self._settings
        caps = [*self.total(total_day)]
        if guild_id is not None:
            limit = _first(settings.servers.get(str(guild_id)), settings.server)
            caps += _caps("server", guild_id, guild_id, day, limit)
            # The managers of a server can't lift the operator's limit of the server.
            lifted = await self.lifted("server", guild_id, (guild_id,), day)
            stored = _without(await self.stored("server", guild_id, guild_id), lifted)
            caps += _caps("server", guild_id, guild_id, day, stored)
        place, category_id = guild_id or 0, self._category_of(channel_id)
        places = (channel_id,) if category_id is None else (channel_id, category_id)
        lifted = await self.lifted("channel", place, places, day)
        by_operator = [settings.channels.get(str(each)) for each in places]
        limits = (
            _first(*by_operator, settings.channel),
            _first(*[await self.stored("channel", place, each) for each in places]),
        )
        caps += _caps(
            "channel", place, channel_id, day, *(_without(each, lifted) for each in limits)
        )
        return tuple(caps)

    async def of_member(
        self, guild_id: int | None, member_id: int, role_ids: Iterable[int], day: str
    ) -> tuple[Cap, ...]:
        """Return a member's own caps. Raises ``LedgerError``.

        Of the limits of the member's roles the highest counts.
        """
        settings, place = self._settings, guild_id or 0
        lifted = await self.lifted("member", place, (member_id,), day)
        roles = [role_id for role_id in role_ids if role_id != guild_id]
        by_operator = _first(
            settings.members.get(str(member_id)),
            _highest(settings.roles.get(str(role_id)) for role_id in roles),
            settings.member,
        )
        by_managers = NO_LIMIT
        if guild_id is not None:
            by_managers = _first(
                await self.stored("member", guild_id, member_id),
                _highest([await self.stored("role", guild_id, role_id) for role_id in roles]),
                await self.stored("everyone", guild_id, guild_id),
            )
        limits = (_without(each, lifted) for each in (by_operator, by_managers))
        return _caps("member", place, member_id, day, *limits)

    async def stored(self, kind: LimitKind, guild_id: int, target_id: int) -> SpendingLimit:
        """Return the limit that a server's managers set."""
        value = await self._places.value(target_id, f"limit.{guild_id}.{kind}")
        return NO_LIMIT if value is None else decoded(value)

    async def all_stored(self, guild_id: int) -> list[tuple[LimitKind, int, SpendingLimit]]:
        """Return every limit that a server's managers set, after its kind and the id it is for."""
        return [
            (kind, found.place_id, decoded(found.value))
            for kind in _SCOPE
            for found in await self._places.of_guild(guild_id, f"limit.{guild_id}.{kind}")
        ]

    async def store(
        self, kind: LimitKind, guild_id: int, target_id: int, limit: SpendingLimit
    ) -> None:
        """Store a limit of a server's managers; an empty limit removes the stored one."""
        value = None if limit == NO_LIMIT else msgspec.json.encode(limit).decode()
        name = f"limit.{guild_id}.{kind}"
        await self._places.set(target_id, guild_id, {name: value})

    async def lifted(
        self, scope: SpendingScope, guild_id: int, target_ids: Iterable[int], day: str
    ) -> frozenset[Period]:
        """Return the periods, this day or this month, whose limits the managers lifted.

        A lift of any of ``target_ids`` counts: a channel's limits are lifted with its category's.
        """
        return frozenset(
            [
                period
                for period, value in _dates(day).items()
                for target_id in target_ids
                if await self._places.value(target_id, _lift_name(guild_id, scope, period)) == value
            ]
        )

    async def lift(
        self, kind: LimitKind, guild_id: int, target_id: int, day: str, periods: Iterable[Period]
    ) -> None:
        """Store that the limits of ``target_id`` are lifted until a day, its month or both end."""
        dates, scope = _dates(day), _SCOPE[kind]
        values: dict[str, str | None] = {
            _lift_name(guild_id, scope, period): dates[period] for period in periods
        }
        await self._places.set(target_id, guild_id, values)

    async def all_lifted(self, guild_id: int, day: str) -> list[tuple[SpendingScope, int, Period]]:
        """Return scope, target id and period of each limit that is lifted in a server on a day."""
        scopes: tuple[SpendingScope, ...] = ("server", "channel", "member")
        return [
            (scope, found.place_id, period)
            for scope in scopes
            for period, value in _dates(day).items()
            for found in await self._places.of_guild(guild_id, _lift_name(guild_id, scope, period))
            if found.value == value
        ]


def _dates(day: str) -> dict[Period, str]:
    """Return the dates under which lifts of a day's and of its month's limits are stored."""
    return {"day": day, "month": day[:7]}


def _lift_name(guild_id: int, scope: SpendingScope, period: Period) -> str:
    return f"limit.{guild_id}.{scope}.lifted" + (".month" if period == "month" else "")


def _without(limit: SpendingLimit, lifted: Iterable[Period]) -> SpendingLimit:
    """Return a limit without its amounts for the ``lifted`` periods."""
    lifts = [f"{unit}_per_{period}" for unit in ("tokens", "money") for period in lifted]
    return replace(limit, **dict.fromkeys(lifts)) if lifts else limit


def decoded(value: str) -> SpendingLimit:
    """Return a stored limit; a limit that this version can't read limits nothing."""
    try:
        return msgspec.json.decode(value, type=SpendingLimit)
    except msgspec.MsgspecError as error:
        _log.warning("A stored limit can't be read, so it limits nothing: %s", error)
        return NO_LIMIT


def _caps(
    scope: SpendingScope, guild_id: int, target_id: int, day: str, *limits: SpendingLimit
) -> tuple[Cap, ...]:
    """Return a cap of ``target_id`` for each limit that has an amount."""
    return tuple(
        Cap(
            scope=scope,
            guild_id=guild_id,
            target_id=target_id,
            day=day,
            tokens_per_day=limit.tokens_per_day,
            tokens_per_month=limit.tokens_per_month,
            cost_per_day=_billionths(limit.money_per_day),
            cost_per_month=_billionths(limit.money_per_month),
        )
        for limit in limits
        if limit != NO_LIMIT
    )


def _billionths(money: float | None) -> int | None:
    return None if money is None else round(money * UNIT)


def _first(*limits: SpendingLimit | None) -> SpendingLimit:
    """Merge limits: for each unit and period, the first limit that has an amount counts."""
    return _merged(limits, lambda values: values[0])


def _highest(limits: Iterable[SpendingLimit | None]) -> SpendingLimit:
    """Merge limits: for each unit and period, the highest amount counts."""
    return _merged(limits, max)


def _merged(
    limits: Iterable[SpendingLimit | None], choose: Callable[[list[float]], float]
) -> SpendingLimit:
    known = [limit for limit in limits if limit is not None and limit != NO_LIMIT]
    if len(known) < 2:  # as for almost every question
        return known[0] if known else NO_LIMIT
    given: Mapping[str, list[float]] = {name: [] for name in SpendingLimit.__struct_fields__}
    for limit in known:
        for name in given:
            value = getattr(limit, name)
            if value is not None:
                given[name].append(value)
    chosen = {name: choose(values) for name, values in given.items() if values}
    return msgspec.convert(chosen, SpendingLimit)
