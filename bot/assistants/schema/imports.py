"""The import of objects that another server made: an extension, which the API does not have."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from bot.assistants.schema.base import Request
from bot.assistants.schema.objects import Assistant, Message, Run, RunStep, Thread

MOST_IMPORTED: Final = 1000
"""The most objects of one kind in a request."""

_MOST: Final = Meta(max_length=MOST_IMPORTED)


class ImportObjects(Request, frozen=True, kw_only=True):
    """Objects to store with their ids; each kind in the order in which lists have it.

    Messages and runs belong to a thread, steps to a run, that is here or was imported before.
    """

    assistants: Annotated[tuple[Assistant, ...], _MOST] = ()
    threads: Annotated[tuple[Thread, ...], _MOST] = ()
    messages: Annotated[tuple[Message, ...], _MOST] = ()
    runs: Annotated[tuple[Run, ...], _MOST] = ()
    steps: Annotated[tuple[RunStep, ...], _MOST] = ()


class RefusedObject(Struct, frozen=True):
    """An object that was not imported, and why."""

    id: str
    reason: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did: counts by kind of object, and what it refused.

    ``present`` counts objects that were there before; they stay as they are. ``expired`` are the
    runs that were unfinished and are now stored as expired.
    """

    object: Literal["import"] = "import"
    stored: dict[str, int]
    present: dict[str, int]
    refused: tuple[RefusedObject, ...] = ()
    expired: tuple[str, ...] = ()
