"""The modal that asks for an assistant's instructions, tools and knowledge."""

from typing import Any, Final

import discord
from discord import ui

from bot.assistants.schema.objects import Assistant
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.texts.fluent import localized
from bot.chat.threads.assistant_editor import Submission
from bot.chat.threads.assistant_tools import type_of

KIND: Final = "assistant"
"""The kind of the modal; its custom_id is this kind, a colon and the form's id in the ledger."""

MOST_FILES: Final = 10
"""The most files of one form (Discord's limit)."""

_LONGEST_TEXT: Final = 4_000


def assistant_modal(draft_id: int, name: str, old: Assistant | None) -> ui.Modal:
    """Return the modal of a form, with the present values of an assistant that is changed."""
    modal = ui.Modal(
        title=_shortened(localized("assistant-form", name=name), 45),
        custom_id=f"{KIND}:{draft_id}",
    )
    present = (old.instructions or "") if old is not None else ""
    fits = len(present) <= _LONGEST_TEXT
    types = {type_of(tool) for tool in old.tools} if old is not None else set()
    _add(
        modal,
        "instructions",
        ui.TextInput(
            custom_id="instructions",
            style=discord.TextStyle.paragraph,
            default=present if fits else None,
            placeholder=localized("assistant-form-instructions.placeholder")
            if fits
            else localized("assistant-form-instructions.too-long"),
            required=False,
            max_length=_LONGEST_TEXT,
        ),
    )
    _add(
        modal,
        "tools",
        ui.CheckboxGroup(
            custom_id="tools",
            required=False,
            options=[
                _option("code_interpreter", default="code_interpreter" in types),
                _option("file_search", default="file_search" in types),
            ],
        ),
    )
    _add(modal, "knowledge", ui.FileUpload(custom_id="knowledge", required=False, max_values=10))
    _add(modal, "file", ui.FileUpload(custom_id="file", required=False, max_values=1))
    if old is not None:
        # The instructions' length tells the submission whether an empty field clears them.
        _add(
            modal,
            "changes",
            ui.CheckboxGroup(
                custom_id="changes" if fits else "changes-keeping",
                required=False,
                options=[_option("forget_knowledge", default=False)],
            ),
        )
    # A finished form is not kept by discord.py: ``Modals`` handles all of them.
    modal.stop()
    return modal


def submission_of(entries: ModalEntries) -> Submission:
    """Return what the modal was sent with."""
    written: str | None = entries.texts.get("instructions", "").strip()
    files = entries.files.get("file", ())
    if not written and (files or "changes-keeping" in entries.choices):
        # A file replaces the instructions; an empty field keeps those that did not fit into it.
        written = "" if files else None
    changes = entries.choices.get("changes", ()) + entries.choices.get("changes-keeping", ())
    return Submission(
        instructions=written,
        tools=entries.choices.get("tools", ()),
        knowledge=entries.files.get("knowledge", ()),
        instructions_file=files[0] if files else None,
        without_old_knowledge="forget_knowledge" in changes,
    )


def _add(modal: ui.Modal, field: str, component: ui.Item[Any]) -> None:
    label: ui.Label[Any] = ui.Label(
        text=localized(f"assistant-form-{field}"),
        description=localized(f"assistant-form-{field}.description"),
        component=component,
    )
    modal.add_item(label)


def _option(value: str, *, default: bool) -> discord.CheckboxGroupOption:
    return discord.CheckboxGroupOption(
        label=localized(f"assistant-form-option.{value}"), value=value, default=default
    )


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
