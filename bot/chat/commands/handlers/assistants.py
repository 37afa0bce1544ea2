"""``/assistant``: lists, shows, chooses, makes, changes and deletes the assistants of a server."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.tools import FunctionTool
from bot.chat.commands.forms.assistant_form import assistant_modal, submission_of
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.function_names import completed, patterns_in, unknown_functions
from bot.chat.commands.interaction import AcknowledgedInteraction, open_form
from bot.chat.commands.localization import Choices
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.places import channel_ids, named_place, place_id_of, places_of
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.api_errors import TurnError, gone
from bot.chat.threads.assistant_editor import (
    AssistantEditor,
    AssistantGoneError,
    EditRefusedError,
)
from bot.chat.threads.assistant_tools import type_of
from bot.chat.threads.messages.message_builder import UnreadableError
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import (
    ASSISTANT_SETTING,
    AssistantDraft,
    Ledger,
    NameTakenError,
)
from bot.tools.functions import Functions

Where = Literal["here", "channel", "category", "server"]
"""A place whose assistant is chosen: the channel or channel thread, its channel, …"""

AssistantName = app_commands.Range[str, 1, 100]

ModelName = app_commands.Range[str, 1, 100]

FunctionNames = app_commands.Range[str, 1, 1_000]

ModelLister = Callable[[], Awaitable[tuple[str, ...]]]
"""Returns the names of the models that the endpoint offers; empty where that is not known.

Raises ``APIError``.
"""

_MODELS_SECONDS: Final = 600.0
"""How long a list of models is offered before the endpoint is asked again, in seconds."""

_RETRY_SECONDS: Final = 60.0
"""The time after which an endpoint that gave no list is asked again, in seconds."""

_MOST_MODELS: Final = 5_000
_MOST_CHOICES: Final = 25
_LOOK_SECONDS: Final = 2.0
"""How long a form waits for its assistant, and a completion for the models, in seconds."""

_log: Final = logging.getLogger(__name__)


class AssistantCommands:
    """Handles ``/assistant`` and its form."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        threads: AssistantThreads,
        choice: AssistantChoice,
        editor: AssistantEditor,
        functions: Functions,
        models: ModelLister,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._threads = threads
        self._choice = choice
        self._editor = editor
        self._functions = functions
        self._models = models
        self._listing = asyncio.Lock()
        self._listed: tuple[str, ...] = ()
        self._list_again_at = 0.0

    async def list_assistants(self, interaction: discord.Interaction[Any]) -> None:
        """List the assistants that this server may use, and where they were chosen."""
        async with self._acknowledged(interaction) as response:
            guild_id = _guild_of(interaction)
            chosen = await self._ledger.settings.of_guild(guild_id, ASSISTANT_SETTING)
            lines = []
            for assistant in await self._choice.usable(guild_id):
                places = [each.place_id for each in chosen if each.value == assistant.id]
                line = overviews.assistant_line(
                    assistant.name,
                    own=assistant.own,
                    default=assistant.id == self._choice.default_id,
                    places=[named_place(place, guild_id) for place in places],
                )
                lines.append(line)
            await response.show(overviews.lines(lines))

    async def show(
        self, interaction: discord.Interaction[Any], assistant: AssistantName | None = None
    ) -> None:
        """Show an assistant, or the one that answers here with the place of that choice."""
        async with self._acknowledged(interaction) as response:
            guild_id = _guild_of(interaction)
            source: str | None = None
            if assistant is None:
                chosen = await self._choice.of_places(self._places(interaction))
                assistant_id = chosen.assistant_id
                source = (
                    localized("assistant-source-config")
                    if chosen.place_id is None
                    else localized(
                        "assistant-source-place", place=named_place(chosen.place_id, guild_id)
                    )
                )
            else:
                known = await self._choice.named(guild_id, assistant)
                if known is None:
                    await response.show(overviews.no_such_assistant(assistant))
                    return
                assistant_id = known.id
            try:
                found = await self._threads.api.retrieve_assistant(assistant_id)
            except (APIError, TurnError) as error:
                await response.show(_api_failure(error))
                return
            await response.show(_details(found, source))

    async def use(
        self,
        interaction: discord.Interaction[Any],
        assistant: AssistantName | None = None,
        where: Where = "here",
    ) -> None:
        """Choose the assistant of a place; without one, take the place's choice back."""
        async with self._acknowledged(interaction) as response:
            guild_id = _guild_of(interaction)
            place_id = place_id_of(self._client, interaction, where)
            if place_id is None:
                await response.show(localized("place-no-category"))
                return
            place = named_place(place_id, guild_id)
            known = None
            if assistant is not None:
                known = await self._choice.named(guild_id, assistant)
                if known is None:
                    await response.show(overviews.no_such_assistant(assistant))
                    return
            value = None if known is None else known.id
            await self._ledger.settings.set(place_id, guild_id, {ASSISTANT_SETTING: value})
            if known is None:
                await response.show(localized("assistant-choice-reset", place=place))
            else:
                await response.show(
                    localized("assistant-chosen", name=sentences.plain(known.name), place=place)
                )

    async def create(
        self,
        interaction: discord.Interaction[Any],
        name: AssistantName,
        model: ModelName,
        functions: FunctionNames | None = None,
    ) -> None:
        """Show the form of a new assistant."""
        await self._show_form(interaction, None, name, model, functions)

    async def edit(
        self,
        interaction: discord.Interaction[Any],
        assistant: AssistantName,
        name: AssistantName | None = None,
        model: ModelName | None = None,
        functions: FunctionNames | None = None,
    ) -> None:
        """Show the form of an assistant that was made in this server."""
        known = await self._choice.named(_guild_of(interaction), assistant)
        old: Assistant | None = None
        refusal = overviews.no_such_assistant(assistant)
        if known is not None and not known.own:
            refusal = localized("assistant-configured", name=sentences.plain(known.name))
        elif known is not None:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    old = await self._threads.api.retrieve_assistant(known.id)
            except (APIError, TurnError, TimeoutError) as error:
                refusal = _api_failure(error)
        if known is None or old is None:
            await self._refuse(interaction, refusal)
            return
        await self._show_form(interaction, old, name or known.name, model or old.model, functions)

    async def delete(self, interaction: discord.Interaction[Any], assistant: AssistantName) -> None:
        """Delete an assistant that was made in this server, with its knowledge."""
        async with self._acknowledged(interaction) as response:
            guild_id = _guild_of(interaction)
            known = await self._choice.named(guild_id, assistant)
            if known is None:
                await response.show(overviews.no_such_assistant(assistant))
                return
            name = sentences.plain(known.name)
            if not known.own:
                await response.show(localized("assistant-configured", name=name))
                return
            deleted = await self._ledger.assistants.begin_delete(guild_id, known.id)
            if deleted is None:
                await response.show(overviews.no_such_assistant(assistant))
                return
            try:
                await self._editor.delete(deleted)
            except (APIError, TurnError) as error:
                _log.warning("Assistant %s is not deleted yet: %s", known.id, error)
                await response.show(localized("assistant-deleted-later", name=name))
                return
            await response.show(localized("assistant-deleted", name=name))

    async def form_sent(
        self, interaction: discord.Interaction[Any], name: str, entries: ModalEntries
    ) -> None:
        """Make or change the assistant of a form; ``name`` is the form's id in the ledger."""
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=True, thinking=True
        ) as response:
            submission = submission_of(entries)
            try:
                draft = await self._ledger.assistants.submit(int(name), submission.to_json())
            except NameTakenError as error:
                await response.show(
                    localized("assistant-name-taken", name=sentences.plain(str(error)))
                )
                return
            if draft is None:
                await response.show(localized("assistant-form-old"))
                return
            await response.show(await self._carried_out(draft))

    async def own_assistants(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of an assistant that was made in this server."""
        return await self._choices(interaction, typed, own=True)

    async def all_assistants(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of an assistant that this server may use."""
        return await self._choices(interaction, typed, own=False)

    async def offered_models(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of a model that the endpoint offers."""
        found = [each for each in await self._offered() if typed.casefold() in each.casefold()]
        return [
            app_commands.Choice(name=each[:100], value=each)
            for each in found[:_MOST_CHOICES]
            if len(each) <= 100
        ]

    async def offered_functions(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the last of the functions that are being typed."""
        return completed(self._functions, typed)

    async def _choices(
        self, interaction: discord.Interaction[Any], typed: str, *, own: bool
    ) -> Choices:
        return [
            app_commands.Choice(name=known.name[:100], value=known.id)
            for known in await self._choice.usable(_guild_of(interaction))
            if (known.own or not own) and typed.casefold() in known.name.casefold()
        ][:_MOST_CHOICES]

    async def _offered(self) -> tuple[str, ...]:
        """Return the endpoint's models; while it lists none, return the models of its last list."""
        async with self._listing:
            if self._clock.monotonic() >= self._list_again_at:
                listed: tuple[str, ...] = ()
                try:
                    async with asyncio.timeout(_LOOK_SECONDS):
                        listed = await self._models()
                except (APIError, TimeoutError) as error:
                    _log.info("The models can't be listed: %r", error)
                self._listed = listed[:_MOST_MODELS] or self._listed
                pause = _MODELS_SECONDS if listed else _RETRY_SECONDS
                self._list_again_at = self._clock.monotonic() + pause
        return self._listed

    async def _show_form(
        self,
        interaction: discord.Interaction[Any],
        old: Assistant | None,
        name: str,
        model: str,
        functions: str | None,
    ) -> None:
        patterns = None if functions is None else patterns_in(functions)
        refusal = unknown_functions(self._functions, patterns or ())
        if refusal is not None:
            await self._refuse(interaction, refusal)
            return
        draft = AssistantDraft(
            id=interaction.id,
            guild_id=_guild_of(interaction),
            creator_id=interaction.user.id,
            assistant_id=None if old is None else old.id,
            name=" ".join(well_formed(name).split()),
            model=well_formed(model).strip(),
            functions=None if patterns is None else " ".join(patterns),
        )
        if not is_visible(draft.name):  # Discord refuses a list of choices that has such a name
            await self._refuse(interaction, localized("conversation-name-invisible"))
            return
        if not draft.model:
            await self._refuse(interaction, localized("assistant-no-model"))
            return
        try:
            await self._ledger.assistants.begin(draft)
        except NameTakenError:
            refusal = localized("assistant-name-taken", name=sentences.plain(draft.name))
            await self._refuse(interaction, refusal)
            return
        await open_form(interaction, self._rest, assistant_modal(draft.id, draft.name, old))

    async def _carried_out(self, draft: AssistantDraft) -> str:
        try:
            edited = await self._editor.carry_out(draft)
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
        offered = await self._offered()
        return overviews.assistant_ready(
            draft.name,
            new=draft.assistant_id is None,
            left_out=edited.left_out,
            unknown_model=draft.model if offered and draft.model not in offered else None,
        )

    def _places(self, interaction: discord.Interaction[Any]) -> tuple[int, ...]:
        channel_id, parent_id = channel_ids(interaction)
        return places_of(self._client, _guild_of(interaction), channel_id, parent_id)

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True)

    async def _refuse(self, interaction: discord.Interaction[Any], sentence: str) -> None:
        async with self._acknowledged(interaction) as response:
            await response.show(sentence)


def _guild_of(interaction: discord.Interaction[Any]) -> int:
    assert interaction.guild_id is not None  # the commands exist in servers alone
    return interaction.guild_id


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


async def no_models() -> tuple[str, ...]:
    """List no models: nobody knows them."""
    return ()
