"""What a demo adds to the page: prepared questions, a tour, a choice of models, a kill."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.sandbox.backend.state.parts import Payload

Perform = Callable[[str, str], Awaitable[None]]
"""Performs an action by its name, with a value; raises ``ValueError`` with the reason."""


@dataclass(slots=True)
class Exhibit:
    """The parts that the page shows besides Discord; ``perform`` does what its buttons ask for.

    A chip is ``{channel_id, text, files}``; a step of the tour ``{title, text, does, …}``. A model
    is ``{id, label}``; ``model`` is the chosen one and ``model_text`` says what answers. A text is
    ``{en, ja}``. ``scripted`` marks answers that no model thought of.
    """

    perform: Perform
    chips: Sequence[Payload] = ()
    tour: Sequence[Payload] = ()
    models: Sequence[Payload] = field(default=())
    model: str = ""
    model_text: Payload = field(default_factory=dict)
    scripted: bool = False

    def payload(self) -> Payload:
        """Return what the page needs."""
        return {
            "chips": list(self.chips),
            "tour": list(self.tour),
            "models": list(self.models),
            "model": self.model,
            "model_text": self.model_text,
            "scripted": self.scripted,
        }
