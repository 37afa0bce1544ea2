"""The bodies of the page's requests."""

import base64
from typing import Annotated

from msgspec import Meta, Struct

Id = Annotated[str, Meta(pattern=r"\A[0-9]{1,20}\Z")]
"""A snowflake, as JSON carries it."""


class PackedFile(Struct, frozen=True):
    """A file inside JSON: its name and its content in base64."""

    name: str
    data: str

    def unpacked(self) -> tuple[str, bytes]:
        """Return name and content; raises ``ValueError`` for what is not base64."""
        return self.name, base64.b64decode(self.data, validate=True)


Value = str | int | float | bool | PackedFile | None
"""The value of a command's option."""


class InChannel(Struct, frozen=True):
    """An action in a channel."""

    channel_id: Id


class OnMessage(InChannel, frozen=True):
    """An action on a message."""

    message_id: Id


class Pressing(OnMessage, frozen=True):
    """A press of a message's button."""

    custom_id: str


class UsingMenu(OnMessage, frozen=True):
    """A context menu command, by its name, on a message."""

    name: str


class Voting(OnMessage, frozen=True):
    """Votes on a message's poll: the ids of the chosen answers."""

    answers: tuple[int, ...]


class Selecting(Pressing, frozen=True):
    """Entries chosen in a menu: their values, or the ids of members, roles or channels."""

    values: tuple[str, ...]


class Commanding(InChannel, frozen=True):
    """A slash command with the values of its options."""

    path: str
    values: dict[str, Value] | None = None


class Completing(Commanding, frozen=True, kw_only=True):
    """A text typed into the option ``focused`` of a slash command."""

    focused: str
    value: str


class Submitting(Struct, frozen=True):
    """The fields of a modal that answered an interaction."""

    interaction_id: Id
    values: dict[str, str | bool | tuple[str | PackedFile, ...] | None]


class Performing(Struct, frozen=True):
    """An action of the demo panel with its value."""

    name: str
    value: str = ""


class Troubling(Struct, frozen=True):
    """A trouble that the page causes, with its number and the open channel."""

    name: str
    number: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    channel_id: Id | None = None
