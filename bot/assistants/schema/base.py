"""The base classes of requests, pages of lists, and metadata."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

LONGEST_VALUE: Final = 512
"""The most characters of a value of metadata."""

Metadata = Annotated[
    dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=LONGEST_VALUE)]],
    Meta(max_length=16),
]
"""At most 16 pairs, keys of 64 and values of 512 characters (the API's limits)."""


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """The base of all requests: fields that the caller left out are not encoded.

    ``validation`` marks a request that it has checked. The mark is kept beside the fields, so it is
    neither encoded nor compared, and a changed copy does not have it.
    """

    def mark_checked(self) -> None:
        """Record that the request follows the rules of its types."""
        self.__dict__["checked"] = True

    @property
    def is_checked(self) -> bool:
        """Whether the request was checked when it was parsed."""
        return "checked" in self.__dict__


class Modification(Request, frozen=True, kw_only=True):
    """A request that changes an object: ``UNSET`` keeps a field, ``None`` clears the field."""


class Page(Request, frozen=True, kw_only=True):
    """The requested part of a list: ``limit`` (1 to 100) objects after or before an id."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


FIRST_PAGE: Final = Page()
"""The newest 20 objects."""
