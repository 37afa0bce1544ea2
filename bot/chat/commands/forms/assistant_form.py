"""The modal that asks for an assistant's instructions, tools and knowledge."""

from typing import Any, Final

import discord
from discord import ui

from bot.assistants.schema.objects import Assistant
from bot.chat.commands.forms.modals import (
    LONGEST_TEXT,
    MOST_FILES,
    ModalEntries,
    labelled,
    new_modal,
    text_field,
)
from bot.chat.texts.fluent import localized
from bot.chat.threads.assistant_editor import Submission
from bot.chat.threads.assistant_tools import type_of

KIND: Final = "assistant"
"""The kind of the modal; its custom_id is this kind, a colon and the form's id in the ledger."""


def assistant_modal(draft_id: int, name: str, old: Assistant | None) -> ui.Modal:
    """Return the modal of a form, with the present values of an assistant that is changed."""
    present = (old.instructions or "") if old is not None else ""
    fits = len(present) <= LONGEST_TEXT
    types = {type_of(tool) for tool in old.tools} if old is not None else set()
    hint = "placeholder" if fits else "too-long"
    fields: dict[str, ui.Item[Any]] = {
        "instructions": text_field(
            "instructions",
            default=present if fits else None,
            placeholder=localized(f"assistant-form-instructions.{hint}"),
            required=False,
            max_length=LONGEST_TEXT,
        ),
        "tools": _checkboxes(
            "tools", **{each: each in types for each in ("code_interpreter", "file_search")}
        ),
        "knowledge": ui.FileUpload(custom_id="knowledge", required=False, max_values=MOST_FILES),
        "file": ui.FileUpload(custom_id="file", required=False, max_values=1),
    }
    if old is not None:
        # The field's custom_id tells the submission whether empty instructions clear the old ones.
        custom_id = "changes" if fits else "changes-keeping"
        fields["changes"] = _checkboxes(custom_id, forget_knowledge=False)
    return new_modal(
        f"{KIND}:{draft_id}",
        localized("assistant-form", name=name),
        *(labelled(f"assistant-form-{field}", component) for field, component in fields.items()),
    )


def submission_of(entries: ModalEntries) -> Submission:
    """Return the entries of a sent modal in the form that ``AssistantEditor`` reads."""
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


def _checkboxes(custom_id: str, **options: bool) -> ui.CheckboxGroup[Any]:
    """Return checkboxes; ``options`` are their values, and whether each is checked."""
    return ui.CheckboxGroup(
        custom_id=custom_id,
        required=False,
        options=[
            discord.CheckboxGroupOption(
                label=localized(f"assistant-form-option.{value}"), value=value, default=is_checked
            )
            for value, is_checked in options.items()
        ],
    )
