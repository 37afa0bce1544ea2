"""What all requests have in common: how they are read, pages of lists, and metadata."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]],
    Meta(max_length=16),
]
"""At most 16 pairs, keys of 64 and values of 512 characters (the API's limits)."""


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every request has in common: what was not given is not written."""


class Modification(Request, frozen=True, kw_only=True):
    """A request that changes an object: UNSET leaves a field as it is, None clears it."""


class Page(Request, frozen=True, kw_only=True):
    """Which part of a list: ``limit`` 1 to 100, from behind ``after`` or before ``before``."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


FIRST_PAGE: Final = Page()
"""The newest 20."""
