"""The buttons by which people decide about a function call; they outlive the process."""

import re
from typing import Any, Final, Literal, Protocol, cast, get_args

import discord

from bot.chat.reply.buttons import HandledItem, custom_ids, view
from bot.chat.texts.fluent import localized

Choice = Literal["once", "conversation", "deny", "reason"]
"""Allow this call, allow the function for the conversation, deny, or deny with a reason."""

_STYLES: Final[dict[Choice, discord.ButtonStyle]] = {
    "once": discord.ButtonStyle.success,
    "deny": discord.ButtonStyle.danger,
}


class HasApprovalHandler(Protocol):
    """A client that handles presses of these buttons."""

    async def approval_pressed(
        self, interaction: discord.Interaction[Any], approval_id: int, choice: Choice
    ) -> None:
        """Handle a press."""


class ApprovalButton(
    HandledItem,
    discord.ui.DynamicItem[discord.ui.Button[Any]],
    template=rf"tools:(?P<choice>{'|'.join(get_args(Choice))}):(?P<approval>\d{{1,18}})",
):
    """A button below a function call that needs an approval."""

    def __init__(self, choice: Choice, approval_id: int) -> None:
        self.choice: Final = choice
        self.approval_id: Final = approval_id
        super().__init__(
            discord.ui.Button(
                label=localized(f"approval-button.{choice}"),
                style=_STYLES.get(choice, discord.ButtonStyle.secondary),
                custom_id=f"tools:{choice}:{approval_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str]
    ) -> "ApprovalButton":
        """Return the button that a member pressed."""
        return cls(cast("Choice", match["choice"]), int(match["approval"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Call the client's handler."""
        client: HasApprovalHandler = interaction.client
        await client.approval_pressed(interaction, self.approval_id, self.choice)


def approval_view(approval_id: int) -> discord.ui.View:
    """Return the buttons of a function call that needs an approval."""
    return view(*(ApprovalButton(choice, approval_id) for choice in get_args(Choice)))


def shows_call(message: discord.Message) -> bool:
    """Return whether a message of the bot shows a call that needs or needed an approval."""
    return any(custom_id.startswith("tools:") for custom_id in custom_ids(message))


def decided_view(approval_id: int) -> discord.ui.View:
    """Return the disabled button that replaces the others after a decision.

    A message of the bot without any button could be taken for a part of a reply.
    """
    custom_id = f"tools:decided:{approval_id}"
    label = localized("approval-decided")
    return view(discord.ui.Button(label=label, disabled=True, custom_id=custom_id))
