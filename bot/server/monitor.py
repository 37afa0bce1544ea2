"""The protocol by which the server shows the state of the program; ``app`` implements it."""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct


class MetricsText(Struct, frozen=True):
    """The metrics in a text format of Prometheus, which ``content_type`` names."""

    content_type: str
    body: bytes


class Monitor(Protocol):
    """Watches the parts of the program."""

    @property
    def has_metrics(self) -> bool:
        """Whether metrics are on."""

    async def metrics(self) -> MetricsText:
        """Return the present metrics."""

    async def problems(self) -> Mapping[str, str]:
        """Return why each part is not ready, by the part's name; empty if all are."""
