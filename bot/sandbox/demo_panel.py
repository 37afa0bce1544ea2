"""The demo's part of the page: prepared questions, a tour, a choice of models, a kill."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from bot.sandbox.backend.state.parts import Payload

Perform = Callable[[str, str], Awaitable[None]]
"""Performs an action by its name, with a value; raises ``ValueError`` with the reason."""


@dataclass(slots=True)
class DemoPanel:
    """The parts of the page beside Discord; ``perform`` carries out the actions of its buttons.

    Shapes: a chip (a prepared question) is ``{channel_id, text, files}``, a step of the tour
    ``{title, text, until, buttons}``, a model ``{id, label}``, a text ``{en, ja}``. ``model`` is
    the id of the chosen model, which ``model_text`` describes. ``scripted`` says that no model
    writes the answers.
    """

    perform: Perform
    chips: Sequence[Payload] = ()
    tour: Sequence[Payload] = ()
    models: Sequence[Payload] = field(default=())
    model: str = ""
    model_text: Payload = field(default_factory=dict)
    scripted: bool = False

    def payload(self) -> Payload:
        """Return the panel in the JSON form that the page reads."""
        return {
            "chips": list(self.chips),
            "tour": list(self.tour),
            "models": list(self.models),
            "model": self.model,
            "model_text": self.model_text,
            "scripted": self.scripted,
        }
