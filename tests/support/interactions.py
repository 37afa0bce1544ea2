"""An interaction as discord.py hands it to a handler, with everything that is answered to it."""

from types import SimpleNamespace
from typing import Any

import discord


class FakeInteraction:
    """An interaction in a DM channel, or in a channel of the server ``guild_id``.

    ``notes`` are messages beside the interaction's own one, ``shown`` the contents of its own,
    ``responses`` and ``forms`` what it got as the first response. Each answer of Discord to the
    bot fails while ``failure`` is set.
    """

    def __init__(
        self,
        user_id: int,
        *,
        channel_id: int,
        guild_id: int | None = None,
        moderator: bool = False,
    ) -> None:
        self.id = 1
        self.type = discord.InteractionType.application_command
        self.token = "a token"
        self.user = SimpleNamespace(id=user_id, display_name=f"user{user_id}")
        self.permissions = discord.Permissions(manage_messages=moderator)
        self.guild = self.channel = None
        self.guild_id = guild_id
        self.channel_id = channel_id
        self.context = SimpleNamespace(private_channel=False)
        self.failure: Exception | None = None
        self.acknowledged = 0
        self.notes: list[str] = []
        self.files: list[discord.File] = []
        self.shown: list[str] = []
        self.responses: list[str] = []
        self.forms: list[discord.ui.Modal] = []
        self.response = self.followup = self

    async def defer(self, *, ephemeral: bool, thinking: bool) -> None:
        self._take()
        self.acknowledged += 1

    async def send(self, text: str, *, ephemeral: bool, files: Any = ()) -> None:
        self._take()
        assert ephemeral
        self.notes.append(text)
        self.files += files

    async def send_message(self, text: str, *, ephemeral: bool) -> None:
        self._take()
        assert ephemeral
        self.responses.append(text)

    async def send_modal(self, form: discord.ui.Modal) -> None:
        self._take()
        self.forms.append(form)

    async def edit_original_response(self, *, content: str, view: object, attachments: Any) -> None:
        self._take()
        self.shown.append(content)
        self.files += attachments

    def is_user_integration(self) -> bool:
        """Return False: the server has added the bot."""
        return False

    def is_done(self) -> bool:
        """Return whether the interaction has had its first response."""
        return bool(self.acknowledged or self.responses or self.forms)

    def _take(self) -> None:
        if self.failure is not None:
            raise self.failure


def refused(status: int, code: int) -> discord.HTTPException:
    """Return Discord's refusal of a request."""
    response: Any = SimpleNamespace(status=status, reason="refused")
    return discord.HTTPException(response, {"code": code, "message": "refused"})
