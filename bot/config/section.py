"""What every section of config.toml is made of."""

from typing import Annotated

from msgspec import Meta, Struct

Positive = Annotated[int, Meta(ge=1)]

Snowflakes = tuple[Positive, ...]
"""Ids of Discord."""


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all sections; an unknown key is an error."""
