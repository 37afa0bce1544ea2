"""The sections ``[limits]`` and ``[prices]`` of config.toml."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, field

from bot.config.section import Section
from bot.runtime.problems import out_of_range

Runs = Annotated[int, Meta(ge=0, le=1_000_000)]
"""A number of runs or questions; 0 stands for no limit."""

Tokens = Annotated[int, Meta(ge=0, le=1_000_000_000_000)]

Money = Annotated[float, Meta(ge=0, le=1_000_000)]
"""An amount in the currency of ``[prices]``."""

Price = Annotated[float, Meta(ge=0, le=10_000)]
"""The price of a million tokens in the currency of ``[prices]``."""


class SpendingLimit(Section, frozen=True, kw_only=True):
    """The most tokens and money in a day and in a month; None: no such limit here."""

    tokens_per_day: Tokens | None = None
    tokens_per_month: Tokens | None = None
    money_per_day: Money | None = None
    money_per_month: Money | None = None


class LimitSettings(Section, frozen=True, kw_only=True):
    """How much may be asked and spent; the keys of the tables are Discord ids."""

    questions_per_minute: Runs = 0
    burst: Annotated[int, Meta(ge=1, le=1_000)] = 5
    runs_per_member: Runs = 0
    runs_per_channel: Runs = 0
    runs_per_server: Runs = 0
    completion_tokens: Annotated[int, Meta(ge=0, le=10_000_000)] = 0
    total: SpendingLimit = SpendingLimit()
    server: SpendingLimit = SpendingLimit()
    channel: SpendingLimit = SpendingLimit()
    member: SpendingLimit = SpendingLimit()
    servers: dict[str, SpendingLimit] = field(default_factory=dict)
    channels: dict[str, SpendingLimit] = field(default_factory=dict)
    roles: dict[str, SpendingLimit] = field(default_factory=dict)
    members: dict[str, SpendingLimit] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """Yield an error for each value that is invalid or does not fit another one."""
        if 0 < self.completion_tokens < 256:
            problem = out_of_range(
                number="integer", relation=">=", limit="256", value=self.completion_tokens
            )
            yield problem.sentence("[limits] completion_tokens") + " Write 0 for no maximum."
        for name in ("servers", "channels", "roles", "members"):
            for key in getattr(self, name):
                if not (key.isascii() and key.isdecimal() and int(key) > 0):
                    yield (
                        f'[limits.{name}] "{key}" is not an id of Discord. Copy the id in Discord '
                        '(Developer Mode, "Copy ID"), such as "123456789012345678".'
                    )

    def limits_money(self) -> bool:
        """Return whether a limit is set in money."""
        limits = [self.total, self.server, self.channel, self.member]
        for table in (self.servers, self.channels, self.roles, self.members):
            limits += table.values()
        return any(
            each.money_per_day is not None or each.money_per_month is not None for each in limits
        )


class ModelPrice(Section, frozen=True, kw_only=True):
    """What a million tokens of a model cost; ``cached_input`` None: as much as ``input``."""

    input: Price
    cached_input: Price | None = None
    output: Price


class PriceSettings(Section, frozen=True, kw_only=True):
    """The prices of models by name; the cost of other models is unknown."""

    currency: Annotated[str, Meta(min_length=1, max_length=8)] = "USD"
    models: dict[str, ModelPrice] = field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """Yield an error for each value that is invalid or does not fit another one."""
        for name, price in self.models.items():
            if price.cached_input is not None and price.cached_input > price.input:
                yield (
                    f'[prices.models."{name}"] cached_input = {price.cached_input:g} is higher '
                    f"than input = {price.input:g}. Cached input never costs more; check both."
                )
