"""``/assistant``: lists, shows, chooses, makes, changes and deletes the assistants of a server."""

import asyncio
import logging
from typing import Final, Literal

from discord import app_commands, ui

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.tools import FunctionTool
from bot.chat.commands.assistant_options import (
    LOOK_SECONDS,
    OfferedModels,
    function_choices,
    function_patterns,
)
from bot.chat.commands.forms.assistant_form import assistant_modal, submission_of
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.interaction_handler import (
    CommandServices,
    Interaction,
    InteractionHandler,
    answers_privately,
    responds_first,
)
from bot.chat.commands.localization import Choices, matching
from bot.chat.places.assistant_choice import UsableAssistant
from bot.chat.places.places import guild_of, named_place, place_id_of
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.assistant_editor import AssistantGoneError, EditRefusedError
from bot.chat.threads.assistant_tools import type_of
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.store.ledger import ASSISTANT_SETTING, AssistantDraft, NameTakenError

Where = Literal["here", "channel", "category", "server"]
"""A place whose assistant is chosen; ``here`` is the channel or the channel thread."""

AssistantName = app_commands.Range[str, 1, 100]

ModelName = app_commands.Range[str, 1, 100]

FunctionNames = app_commands.Range[str, 1, 1_000]

_log: Final = logging.getLogger(__name__)


class AssistantCommands(InteractionHandler):
    """Handles ``/assistant`` and its form."""

    def __init__(self, services: CommandServices) -> None:
        super().__init__(services)
        self._choice = services.choice
        self._models = OfferedModels(services.models, services.clock)

    @answers_privately
    async def list_assistants(self, interaction: Interaction) -> str:
        """List the assistants that this server may use, and where they were chosen."""
        guild_id = guild_of(interaction)
        chosen = await self._ledger.settings.of_guild(guild_id, ASSISTANT_SETTING)
        return overviews.lines(
            [
                overviews.assistant_line(
                    known.name,
                    own=known.own,
                    default=known.id == self._choice.default_id,
                    places=[
                        named_place(setting.place_id, guild_id)
                        for setting in chosen
                        if setting.value == known.id
                    ],
                )
                for known in await self._choice.usable(guild_id)
            ]
        )

    @answers_privately
    async def show(self, interaction: Interaction, assistant: AssistantName | None = None) -> str:
        """Show the named assistant, or the one that answers here and why."""
        source: str | None = None
        if assistant is not None:
            assistant_id = (await self._named(interaction, assistant)).id
        else:
            chosen = await self._choice.of_interaction(interaction)
            assistant_id, source = chosen.assistant_id, localized("assistant-source-config")
            if chosen.place_id is not None:
                place = named_place(chosen.place_id, guild_of(interaction))
                source = localized("assistant-source-place", place=place)
        return _details(await self._retrieved(assistant_id), source)

    @answers_privately
    async def use(
        self,
        interaction: Interaction,
        assistant: AssistantName | None = None,
        where: Where = "here",
    ) -> str:
        """Choose the assistant of a place; without an assistant, reset the choice."""
        guild_id, place_id = guild_of(interaction), place_id_of(self._client, interaction, where)
        place = named_place(place_id, guild_id)
        if assistant is None:
            await self._ledger.settings.set(place_id, guild_id, {ASSISTANT_SETTING: None})
            return localized("assistant-choice-reset", place=place)
        known = await self._named(interaction, assistant)
        await self._ledger.settings.set(place_id, guild_id, {ASSISTANT_SETTING: known.id})
        return localized("assistant-chosen", name=sentences.plain(known.name), place=place)

    @responds_first
    async def create(
        self,
        interaction: Interaction,
        name: AssistantName,
        model: ModelName,
        functions: FunctionNames | None = None,
    ) -> ui.Modal:
        """Show the form of a new assistant."""
        return await self._form(interaction, None, name, model, functions)

    @responds_first
    async def edit(
        self,
        interaction: Interaction,
        assistant: AssistantName,
        name: AssistantName | None = None,
        model: ModelName | None = None,
        functions: FunctionNames | None = None,
    ) -> ui.Modal:
        """Show the form of an assistant that was made in this server."""
        known = await self._own(interaction, assistant)
        old = await self._retrieved(known.id, within=LOOK_SECONDS)
        return await self._form(interaction, old, name or known.name, model or old.model, functions)

    @answers_privately
    async def delete(self, interaction: Interaction, assistant: AssistantName) -> str:
        """Delete an assistant that was made in this server, with its knowledge."""
        known = await self._own(interaction, assistant)
        deleted = await self._ledger.assistants.begin_delete(guild_of(interaction), known.id)
        if deleted is None:
            raise RefusalError(overviews.no_such_assistant(assistant))
        name = sentences.plain(known.name)
        try:
            await self._services.editor.delete(deleted)
        except (APIError, TurnError) as error:
            _log.warning("Assistant %s is not deleted yet: %s", known.id, error)
            return localized("assistant-deleted-later", name=name)
        return localized("assistant-deleted", name=name)

    @answers_privately
    async def form_sent(self, interaction: Interaction, name: str, entries: ModalEntries) -> str:
        """Make or change the assistant of a form; ``name`` is the form's id in the ledger."""
        submission = submission_of(entries)
        try:
            draft = await self._ledger.assistants.submit(int(name), submission.to_json())
        except NameTakenError as error:
            taken = sentences.plain(str(error))
            raise RefusalError(localized("assistant-name-taken", name=taken)) from None
        if draft is None:
            raise RefusalError(localized("assistant-form-old"))
        return await self._carried_out(draft)

    async def own_assistants(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of an assistant that was made in this server."""
        return await self._choices(interaction, typed, own=True)

    async def all_assistants(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of an assistant that this server may use."""
        return await self._choices(interaction, typed, own=False)

    async def offered_models(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of a model that the endpoint offers."""
        return matching(typed, ((name, name) for name in await self._models.names()))

    async def offered_functions(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the last of the functions that are being typed."""
        return function_choices(typed, self._services.functions)

    async def _choices(self, interaction: Interaction, typed: str, *, own: bool) -> Choices:
        usable = await self._choice.usable(guild_of(interaction))
        return matching(typed, ((known.name, known.id) for known in usable if known.own or not own))

    async def _named(self, interaction: Interaction, name: str) -> UsableAssistant:
        """Return the assistant with that id or name; ``RefusalError`` if there is none here."""
        known = await self._choice.named(guild_of(interaction), name)
        if known is None:
            raise RefusalError(overviews.no_such_assistant(name))
        return known

    async def _own(self, interaction: Interaction, name: str) -> UsableAssistant:
        """Return an assistant that was made in this server; ``RefusalError`` for any other."""
        known = await self._named(interaction, name)
        if not known.own:
            raise RefusalError(localized("assistant-configured", name=sentences.plain(known.name)))
        return known

    async def _retrieved(self, assistant_id: str, within: float | None = None) -> Assistant:
        """Return an assistant; ``RefusalError`` if it is gone, or not read ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                return await self._services.threads.api.retrieve_assistant(assistant_id)
        except (APIError, TurnError, TimeoutError) as error:
            raise RefusalError(_api_failure(error)) from error

    async def _form(
        self,
        interaction: Interaction,
        old: Assistant | None,
        name: str,
        model: str,
        functions: str | None,
    ) -> ui.Modal:
        """Store the beginning of a form, and return the form; raises ``RefusalError``."""
        patterns = None
        if functions is not None:
            patterns = " ".join(function_patterns(functions, self._services.functions))
        draft = AssistantDraft(
            id=interaction.id,
            guild_id=guild_of(interaction),
            creator_id=interaction.user.id,
            assistant_id=None if old is None else old.id,
            name=" ".join(well_formed(name).split()),
            model=well_formed(model).strip(),
            functions=patterns,
        )
        if not is_visible(draft.name):  # Discord refuses a list of choices that has such a name
            raise RefusalError(localized("conversation-name-invisible"))
        if not draft.model:
            raise RefusalError(localized("assistant-no-model"))
        try:
            await self._ledger.assistants.begin(draft)
        except NameTakenError:
            taken = sentences.plain(draft.name)
            raise RefusalError(localized("assistant-name-taken", name=taken)) from None
        return assistant_modal(draft.id, draft.name, old)

    async def _carried_out(self, draft: AssistantDraft) -> str:
        """Make or change an assistant, and return what the member reads about it."""
        try:
            edited = await self._services.editor.carry_out(draft)
        except UnreadableError as error:
            _log.info("The instructions of form %d can't be read: %s", draft.id, error)
            return localized("assistant-instructions-unreadable")
        except AssistantGoneError:
            return localized("assistant-gone")
        except EditRefusedError as error:
            _log.warning("The Assistants API refused form %d: %s", draft.id, error)
            return localized("assistant-refused", model=sentences.plain(draft.model))
        except TurnError as error:
            return _api_failure(error)
        offered = await self._models.names()
        return overviews.assistant_ready(
            draft.name,
            new=draft.assistant_id is None,
            left_out=edited.left_out,
            unknown_model=draft.model if offered and draft.model not in offered else None,
        )


def _details(assistant: Assistant, source: str | None) -> str:
    return overviews.assistant_details(
        name=assistant.name or assistant.id,
        model=assistant.model,
        tools=[type_of(tool) for tool in assistant.tools],
        functions=[
            each.function.name for each in assistant.tools if isinstance(each, FunctionTool)
        ],
        instructions=assistant.instructions or "",
        source=source,
    )


def _api_failure(error: Exception) -> str:
    _log.warning("An assistant can't be read or changed: %r", error)
    if isinstance(error, APIError) and gone(error):
        return localized("assistant-gone")
    return localized("assistant-api-failed")
