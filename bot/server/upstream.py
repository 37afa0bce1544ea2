"""The model endpoint behind the server, as a protocol that the program around both fills."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct


class Forwarded(Struct, frozen=True):
    """An endpoint's answer; reading ``pieces`` raises ``APIError`` where the answer breaks off."""

    content_type: str
    pieces: AsyncIterator[bytes]


class Upstream(Protocol):
    """The model endpoint, as the server uses it."""

    def forward(
        self, method: str, path: str, body: bytes | None
    ) -> AbstractAsyncContextManager[Forwarded]:
        """Send a request; ``path`` is the part behind ``/v1/``.

        Entering raises ``APIError`` where the endpoint refuses, lacks the path or is not reached;
        leaving drops the connection.
        """
