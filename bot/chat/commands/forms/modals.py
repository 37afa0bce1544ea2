"""Modals that outlive the process: the custom_id of a modal says which handler takes it.

discord.py forgets an open modal when the process ends, so its modals are not used to receive one.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import discord
from discord import ui
from msgspec import Struct

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_gate import InteractionGate
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.texts.sentences import shortened
from bot.chat.threads.messages.message_builder import AttachedFile
from bot.chat.transport.rest_retry import RestRetry

MOST_FILES: Final = 10
"""The most files of one field (Discord's limit)."""

LONGEST_TEXT: Final = 4_000
"""The most characters of one field (Discord's limit)."""

_LONGEST_TITLE: Final = 45

_log: Final = logging.getLogger(__name__)


class ModalEntries(Struct, frozen=True):
    """What a member entered, by the custom_id of each field."""

    texts: dict[str, str]
    choices: dict[str, tuple[str, ...]]
    files: dict[str, tuple[AttachedFile, ...]]


ModalHandler = Callable[[discord.Interaction[Any], str, ModalEntries], Awaitable[None]]
"""Handles a submission: the interaction, the part of the custom_id after the colon, the entries."""


class Modals:
    """Hands each submission to the handler of its kind, the part of the custom_id before ":"."""

    def __init__(
        self, interaction_gate: InteractionGate, rest: RestRetry, handlers: dict[str, ModalHandler]
    ) -> None:
        self._gate = interaction_gate
        self._rest = rest
        self._handlers = handlers

    async def submitted(self, interaction: discord.Interaction[Any]) -> None:
        """Handle the event of a submitted modal; a refused member gets the entered texts back."""
        data: Any = interaction.data
        kind, _, name = str(data["custom_id"]).partition(":")
        handler = self._handlers.get(kind)
        if handler is None:
            _log.warning("A modal of an unknown kind was sent: %.40s", kind)
            return
        entries = entries_of(data)
        if await self._gate.admits(interaction):
            await handler(interaction, name, entries)
        else:
            await AcknowledgedInteraction.answered(interaction, self._rest).give_back(entries.texts)


def new_modal(custom_id: str, title: str, *fields: ui.Label[Any]) -> ui.Modal:
    """Return a modal of these fields, which ``Modals`` handles and discord.py does not keep."""
    modal = ui.Modal(title=shortened(title, _LONGEST_TITLE), custom_id=custom_id)
    for field in fields:
        modal.add_item(field)
    modal.stop()
    return modal


def labelled(message_id: str, component: ui.Item[Any], *, described: bool = True) -> ui.Label[Any]:
    """Label a field by a message of the language files, and describe it by its ``description``."""
    description = localized(f"{message_id}.description") if described else None
    return ui.Label(text=localized(message_id), description=description, component=component)


def text_field(custom_id: str, **options: Any) -> ui.TextInput[Any]:
    """Return a field for a text of several lines; ``options`` are those of ``TextInput``."""
    return ui.TextInput(custom_id=custom_id, style=discord.TextStyle.paragraph, **options)


def entries_of(data: Any) -> ModalEntries:
    """Return the entries in the payload of a submission."""
    texts: dict[str, str] = {}
    choices: dict[str, tuple[str, ...]] = {}
    files: dict[str, tuple[AttachedFile, ...]] = {}
    uploads: dict[str, Any] = (data.get("resolved") or {}).get("attachments") or {}
    for row in data["components"]:
        fields = [row["component"]] if "component" in row else row.get("components", [])
        for field in fields:
            name, values = field["custom_id"], field.get("values") or ()
            if field["type"] == discord.ComponentType.file_upload.value:
                files[name] = tuple(_file(uploads[each]) for each in values if each in uploads)
            elif "values" in field:
                choices[name] = tuple(map(str, values))
            else:
                texts[name] = well_formed(str(field.get("value") or ""))
    return ModalEntries(texts, choices, files)


def _file(upload: Any) -> AttachedFile:
    return AttachedFile(
        id=int(upload["id"]),
        name=well_formed(upload["filename"]),
        url=well_formed(upload["url"]),
        size=int(upload["size"]),
        content_type=well_formed(upload.get("content_type") or ""),
    )
