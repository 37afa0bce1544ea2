"""The protocol by which the server forwards requests; ``app`` implements it."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct


class Forwarded(Struct, frozen=True):
    """A forwarded answer; reading ``pieces`` raises ``APIError`` if the answer breaks off."""

    content_type: str
    pieces: AsyncIterator[bytes]


class Upstream(Protocol):
    """The model endpoint, as the server sees it."""

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[Forwarded]:
        """Forward a request; ``path`` is the part after ``/v1/``.

        Entering raises ``APIError`` if the endpoint refuses, lacks the path or is unreachable.
        Leaving closes the connection.
        """
