"""The buttons of replies and lists; a button's custom_id holds everything its press needs."""

import re
from typing import Any, Final, Protocol

import discord

from bot.chat.texts.fluent import localized

_CANCEL: Final = re.compile(r"cancel:(?P<turn>\d{1,18})\.(?P<attempt>\d{1,9})")


class ButtonHandlers(Protocol):
    """Handles presses of buttons."""

    async def cancel_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Handle a press of Cancel on this attempt's reply."""

    async def retry_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Handle a press of Retry on this attempt's reply."""

    async def page_pressed(self, interaction: discord.Interaction[Any], page: int) -> None:
        """Handle a press of Newer or Older below the list of runs."""


class HasButtonHandlers(Protocol):
    """A client that has handlers for its buttons."""

    @property
    def handlers(self) -> ButtonHandlers:
        """The handlers of presses."""
        ...

    async def enter(self, interaction: discord.Interaction[Any]) -> bool:
        """Let an interaction in; False: it was answered already."""
        ...


def cancel_id(turn_id: int, attempt: int) -> str:
    """Return the custom_id of an attempt's Cancel button; it identifies the attempt's reply."""
    return f"cancel:{turn_id}.{attempt}"


def retry_id(turn_id: int, attempt: int) -> str:
    """Return the custom_id of the Retry button below the last part of an attempt that failed."""
    return f"retry:{turn_id}.{attempt}"


def cancellable(message: discord.Message) -> tuple[int, int] | None:
    """Return turn id and attempt of a message's Cancel button; None if it has no such button."""
    for custom_id in custom_ids(message):
        if (match := _CANCEL.fullmatch(custom_id)) is not None:
            return int(match["turn"]), int(match["attempt"])
    return None


def custom_ids(message: discord.Message) -> frozenset[str]:
    """Return the custom_ids of a message's buttons."""
    return frozenset(
        item.custom_id
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for item in row.children
        if isinstance(item, discord.Button) and item.custom_id is not None
    )


class _HandledItem:
    """A part of a message whose use passes the entrance before its handler."""

    async def interaction_check(self, interaction: discord.Interaction[Any], /) -> bool:
        """Take the interaction through the entrance."""
        client: HasButtonHandlers = interaction.client
        return await client.enter(interaction)


class CancelButton(
    _HandledItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=_CANCEL,
):
    """Cancels the attempt that its reply belongs to."""

    def __init__(self, turn_id: int, attempt: int) -> None:
        self.turn_id = turn_id
        self.attempt = attempt
        super().__init__(
            discord.ui.Button(
                label=localized("cancel-button"),
                style=discord.ButtonStyle.secondary,
                custom_id=cancel_id(turn_id, attempt),
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "CancelButton":
        """Return the button that a member pressed."""
        return cls(int(match["turn"]), int(match["attempt"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.cancel_pressed(interaction, self.turn_id, self.attempt)


class RetryButton(
    _HandledItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"retry:(?P<turn>\d{1,18})\.(?P<attempt>\d{1,9})",
):
    """Starts one more attempt at a turn that failed."""

    def __init__(self, turn_id: int, attempt: int) -> None:
        self.turn_id = turn_id
        self.attempt = attempt
        super().__init__(
            discord.ui.Button(
                label=localized("retry-button"),
                style=discord.ButtonStyle.primary,
                custom_id=retry_id(turn_id, attempt),
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "RetryButton":
        """Return the button that a member pressed."""
        return cls(int(match["turn"]), int(match["attempt"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.retry_pressed(interaction, self.turn_id, self.attempt)


class PageButton(
    _HandledItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=r"runs:(?P<label>newer|older):(?P<page>\d{1,9})",
):
    """Shows another page of the list of runs."""

    def __init__(self, page: int, *, older: bool, disabled: bool = False) -> None:
        self.page = page
        super().__init__(
            discord.ui.Button(
                label=localized("older-button") if older else localized("newer-button"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"runs:{'older' if older else 'newer'}:{page}",
                disabled=disabled,
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "PageButton":
        """Return the button that a member pressed."""
        return cls(int(match["page"]), older=match["label"] == "older")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasButtonHandlers = interaction.client
        await client.handlers.page_pressed(interaction, self.page)


BUTTONS: Final[tuple[type[discord.ui.DynamicItem[Any]], ...]] = (
    CancelButton,
    RetryButton,
    PageButton,
)


def cancel_view(turn_id: int, attempt: int) -> discord.ui.View:
    """Return a reply's buttons while it is being written."""
    return _view(CancelButton(turn_id, attempt))


def retry_view(turn_id: int, attempt: int) -> discord.ui.View:
    """Return a reply's buttons after it failed."""
    return _view(RetryButton(turn_id, attempt))


def page_view(page: int, pages: int) -> discord.ui.View | None:
    """Return the buttons below a page of the list; None if there is only one page."""
    if pages < 2:
        return None
    return _view(
        PageButton(page - 1, older=False, disabled=page <= 1),
        PageButton(page + 1, older=True, disabled=page >= pages),
    )


def _view(*items: discord.ui.DynamicItem[Any]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    return view
