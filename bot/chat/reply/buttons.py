"""The buttons of replies and lists; a button's custom_id has all data that a press needs."""

import re
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol, cast, get_args

import discord
from msgspec import Struct

from bot.chat.places.channel_settings import PlaceAction
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import retry_helps
from bot.config import AnswerButton
from bot.store.ledger import Turn

Action = Literal["cancel", "retry", "continue", "again", "steps", "up", "down", "write", "person"]
"""The actions of a reply's buttons."""

Item = discord.ui.DynamicItem[Any]

_STYLES: Final[dict[Action, discord.ButtonStyle]] = {"retry": discord.ButtonStyle.primary}
_EMOJI: Final[dict[Action, str]] = {"up": "👍", "down": "👎"}

_CHOSEN: Final[dict[AnswerButton, tuple[Action, ...]]] = {
    "continue": ("continue",),
    "answer_again": ("again",),
    "steps": ("steps",),
    "votes": ("up", "down"),
}
"""The buttons for each value of ``[discord] buttons``."""

_REPLY_BUTTON: Final = re.compile(
    rf"(?P<action>{'|'.join(get_args(Action))}):(?P<turn>\d{{1,18}})\.(?P<attempt>\d{{1,9}})"
)


RunState = Literal["active", "answered", "cancelled", "failed"]
"""The states by which a list of runs can be filtered."""


class RunFilter(Struct, frozen=True, kw_only=True):
    """The filter of a list of runs; a channel includes its channel threads."""

    state: RunState | None = None
    member_id: int | None = None
    channel_id: int | None = None


class ButtonHandlers(Protocol):
    """Handles presses of buttons."""

    async def pressed(
        self, interaction: discord.Interaction[Any], action: Action, turn_id: int, attempt: int
    ) -> None:
        """Handle a press of a button on this attempt's reply."""

    async def page_pressed(
        self, interaction: discord.Interaction[Any], page: int, chosen: RunFilter
    ) -> None:
        """Handle a press of Newer or Older below the list of runs."""

    async def forget_pressed(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the press by which a member confirms that everything is to be forgotten."""


class HasButtonHandlers(Protocol):
    """A client that has handlers for its buttons."""

    @property
    def handlers(self) -> ButtonHandlers:
        """The handlers of presses."""

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Return whether an interaction may be handled; a refused one has been answered."""


def button_id(action: Action, turn_id: int, attempt: int) -> str:
    """Return the custom_id of a button of an attempt's reply; it identifies the reply."""
    return f"{action}:{turn_id}.{attempt}"


def cancellable(message: discord.Message) -> tuple[int, int] | None:
    """Return turn id and attempt of a message's Cancel button; None if it has no such button."""
    for custom_id in custom_ids(message):
        match = _REPLY_BUTTON.fullmatch(custom_id)
        if match is not None and match["action"] == "cancel":
            return int(match["turn"]), int(match["attempt"])
    return None


def is_finished_part(message: discord.Message, turn_id: int, attempt: int) -> bool:
    """Return whether a message has no buttons but those of this attempt's finished reply."""
    finished = {
        button_id(action, turn_id, attempt) for action in get_args(Action) if action != "cancel"
    }
    return custom_ids(message) <= finished


def custom_ids(message: discord.Message) -> frozenset[str]:
    """Return the custom_ids of a message's buttons."""
    return frozenset(
        item.custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for item in row.children
        if isinstance(item, discord.Button) and item.custom_id is not None
    )


class HandledItem:
    """A button whose press passes the interaction gate before it is handled."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Return whether the interaction gate admits the interaction."""
        client: HasButtonHandlers = interaction.client
        return await client.admits(interaction)


class ReplyButton(
    HandledItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=_REPLY_BUTTON
):
    """A button of the reply of one attempt."""

    def __init__(self, action: Action, turn_id: int, attempt: int) -> None:
        self.action: Final = action
        self.turn_id: Final = turn_id
        self.attempt: Final = attempt
        super().__init__(
            discord.ui.Button(
                label=None if action in _EMOJI else localized(f"{action}-button"),
                emoji=_EMOJI.get(action),
                style=_STYLES.get(action, discord.ButtonStyle.secondary),
                custom_id=button_id(action, turn_id, attempt),
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "ReplyButton":
        """Return the button that a member pressed."""
        return cls(cast("Action", match["action"]), int(match["turn"]), int(match["attempt"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.pressed(interaction, self.action, self.turn_id, self.attempt)


class PageButton(
    HandledItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=(
        r"runs:(?P<label>newer|older):(?P<page>\d{1,9})"
        r"(?::(?P<state>active|answered|cancelled|failed)?\.(?P<member>\d{0,20})\.(?P<channel>\d{0,20}))?"
    ),
):
    """Shows another page of the list of runs; its custom_id holds the list's filter."""

    def __init__(
        self, page: int, chosen: RunFilter, *, older: bool, disabled: bool = False
    ) -> None:
        self.page = page
        self.chosen = chosen
        direction = "older" if older else "newer"
        restricted = ""
        if chosen != RunFilter():
            restricted = f":{chosen.state or ''}.{chosen.member_id or ''}.{chosen.channel_id or ''}"
        super().__init__(
            discord.ui.Button(
                label=localized("older-button") if older else localized("newer-button"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"runs:{direction}:{page}{restricted}",
                disabled=disabled,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "PageButton":
        """Return the button that a member pressed."""
        state: Any = match["state"]
        chosen = RunFilter(
            state=state,
            member_id=int(match["member"]) if match["member"] else None,
            channel_id=int(match["channel"]) if match["channel"] else None,
        )
        return cls(int(match["page"]), chosen, older=match["label"] == "older")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.page_pressed(interaction, self.page, self.chosen)


class ForgetButton(
    HandledItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"privacy:forget"
):
    """Confirms that all that is stored of a member is to be forgotten."""

    def __init__(self) -> None:
        super().__init__(
            discord.ui.Button(
                label=localized("forget-button"),
                style=discord.ButtonStyle.danger,
                custom_id="privacy:forget",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "ForgetButton":
        """Return the button that a member pressed."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.forget_pressed(interaction)


def finished_buttons(
    turn: Turn, chosen: Sequence[AnswerButton], of_place: Sequence[PlaceAction]
) -> list[Item]:
    """Return the buttons under a finished reply: Retry or the operator's, then ``of_place``.

    ``of_place`` are the buttons of the turn's channel.
    """
    shown: list[Item] = []
    if turn.outcome == "failed" and retry_helps(turn.error):
        shown = [ReplyButton("retry", turn.id, turn.attempt)]
    elif turn.outcome == "cancelled" and "answer_again" in chosen:
        shown = [ReplyButton("again", turn.id, turn.attempt)]
    elif turn.outcome == "answered":
        cut_off = turn.error == "incomplete"
        shown = answer_buttons(turn.id, turn.attempt, chosen, cut_off=cut_off)
    return shown + place_buttons(turn, of_place)


def place_buttons(turn: Turn, of_place: Sequence[PlaceAction]) -> list[Item]:
    """Return the buttons of a turn's channel; below a cancelled answer nobody is called."""
    return [
        ReplyButton(action, turn.id, turn.attempt)
        for action in of_place
        if action == "write" or turn.outcome != "cancelled"
    ]


BUTTONS: Final[tuple[type[Item], ...]] = (ReplyButton, PageButton, ForgetButton)


def answer_buttons(
    turn_id: int,
    attempt: int,
    chosen: Sequence[AnswerButton],
    *,
    cut_off: bool,
    outdated: bool = False,
) -> list[Item]:
    """Return those buttons under an answer that the operator chose.

    "Continue" is shown only below an answer that was ``cut_off``. "Answer again" is always shown
    below an ``outdated`` answer: its question was edited.
    """
    actions = [
        action
        for word, actions in _CHOSEN.items()
        if word in chosen and (cut_off or word != "continue")
        for action in actions
    ]
    if outdated and "again" not in actions:
        actions.insert(0, "again")
    return [ReplyButton(action, turn_id, attempt) for action in actions]


def view(*items: discord.ui.Item[Any]) -> discord.ui.View:
    """Return a view of buttons; discord.py does not keep the view in memory."""
    made = discord.ui.View(timeout=None)
    for item in items:
        made.add_item(item)
    return made


def page_view(page: int, pages: int, chosen: RunFilter) -> discord.ui.View | None:
    """Return the buttons below a page of the list; None if there is only one page."""
    if pages < 2:
        return None
    return view(
        PageButton(page - 1, chosen, older=False, disabled=page <= 1),
        PageButton(page + 1, chosen, older=True, disabled=page >= pages),
    )
