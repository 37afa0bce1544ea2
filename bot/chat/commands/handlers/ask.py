"""``/ask`` and the menus of messages: questions from anywhere, answered in the command's response.

A question is stored before the command is acknowledged, so that none is lost.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

import discord
from discord import app_commands, ui

from bot.chat.access.gate import role_ids_json
from bot.chat.access.operator_alerts import OperatorAlerts
from bot.chat.access.visitors import is_by_user_install, role_ids_of
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.interaction import (
    AcknowledgedInteraction,
    ResponseTokens,
    open_form,
    refuse,
)
from bot.chat.commands.localization import Choices
from bot.chat.intake.attachments import file_of, files_of
from bot.chat.intake.question_text import reply_quote, whole_text
from bot.chat.places.assistant_choice import AssistantChoice, UsableAssistant
from bot.chat.places.channel_rules import RuleBook
from bot.chat.places.places import channel_ids
from bot.chat.texts import overviews
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.messages.message_builder import AttachedFile, attachments_json
from bot.chat.transport.login import own_user
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.metrics import Metrics
from bot.store.ledger import AskDraft, Ledger, LedgerError, NewQuestion, Personal, QueueFullError

ASK_FORM: Final = "ask"
"""The kind of the form in which a member asks about a message."""

STORE_SECONDS: Final = 1.5
"""How long the acknowledgement waits for the ledger, in seconds, of the 3 that Discord allows."""

_LONGEST_QUESTION: Final = 4_000
_MOST_CHOICES: Final = 25

QuestionText = app_commands.Range[str, 1, _LONGEST_QUESTION]
AssistantName = app_commands.Range[str, 1, 100]

_log: Final = logging.getLogger(__name__)


class AskCommands:
    """Handles ``/ask``, the menus of messages, and the form of one of them.

    ``schedule`` is called with the conversation of a stored question.
    """

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        responses: ResponseTokens,
        choice: AssistantChoice,
        rules: RuleBook,
        alerts: OperatorAlerts,
        metrics: Metrics,
        schedule: Callable[[int], None],
        most_waiting: int,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._responses = responses
        self._choice = choice
        self._rules = rules
        self._alerts = alerts
        self._metrics = metrics
        self._schedule = schedule
        self._most_waiting = most_waiting

    async def ask(
        self,
        interaction: discord.Interaction[Any],
        question: QuestionText,
        file: discord.Attachment | None = None,
        assistant: AssistantName | None = None,
        private: bool = False,
    ) -> None:
        """Ask a question; with ``private`` only the member sees the answer."""
        content = well_formed(question).strip()
        if not content and file is None:
            await refuse(interaction, self._rest, localized("ask-empty"))
            return
        assistant_id = None
        if assistant is not None:
            known = await self._choice.named(_own_guild(interaction), assistant)
            if known is None:
                refusal = overviews.refused_question(
                    overviews.no_such_assistant(assistant), content
                )
                await refuse(interaction, self._rest, refusal)
                return
            assistant_id = known.id
        files = () if file is None else (file_of(file),)
        await self._take(interaction, content, files, private=private, assistant_id=assistant_id)

    async def assistants(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the name of an assistant that may be used here."""
        found: list[UsableAssistant] = await self._choice.usable(_own_guild(interaction))
        return [
            app_commands.Choice(name=known.name[:100], value=known.id)
            for known in found
            if typed.casefold() in known.name.casefold()
        ][:_MOST_CHOICES]

    async def about(self, interaction: discord.Interaction[Any], message: discord.Message) -> None:
        """Show the form in which a member asks about a message."""
        draft = self._draft(interaction, message)
        if draft is None:
            await refuse(interaction, self._rest, localized("ask-about-nothing"))
            return
        await self._ledger.asks.keep_draft(draft)
        await open_form(interaction, self._rest, _form(draft.id))

    async def explain(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        """Have a message explained."""
        await self._ask_about(interaction, message, localized("explain-question"))

    async def translate(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> None:
        """Have a message translated into the language of the member's Discord."""
        language = interaction.locale.name.replace("_", " ").title()
        await self._ask_about(
            interaction, message, localized("translate-question", target=language)
        )

    async def form_sent(
        self, interaction: discord.Interaction[Any], name: str, entries: ModalEntries
    ) -> None:
        """Take the question of a form; ``name`` is the id of the form's message in the ledger."""
        written = entries.texts.get("question", "").strip()
        try:
            known = name.isascii() and name.isdigit() and len(name) < 20
            draft = await self._ledger.asks.draft(int(name), interaction.user.id) if known else None
        except LedgerError as error:
            _log.warning("The form of interaction %d can't be read: %s", interaction.id, error)
            refusal = overviews.refused_question(localized("command-failed"), written)
            await refuse(interaction, self._rest, refusal)
            return
        if draft is None:
            refusal = overviews.refused_question(localized("ask-form-old"), written)
            await refuse(interaction, self._rest, refusal)
            return
        if not written:
            await refuse(interaction, self._rest, localized("ask-empty"))
            return
        await self._take_about(interaction, draft, written)

    async def _ask_about(
        self, interaction: discord.Interaction[Any], message: discord.Message, question: str
    ) -> None:
        draft = self._draft(interaction, message)
        if draft is None:
            await refuse(interaction, self._rest, localized("ask-about-nothing"))
            return
        await self._take_about(interaction, draft, question)

    def _draft(
        self, interaction: discord.Interaction[Any], message: discord.Message
    ) -> AskDraft | None:
        """Return a message as a question quotes it; None where nothing in it can be read."""
        me = own_user(self._client).id
        files = files_of(message, me)
        if not whole_text(message).strip() and not files:
            return None
        return AskDraft(
            id=interaction.id,
            member_id=interaction.user.id,
            content=well_formed(reply_quote(message, me)),
            attachments=attachments_json(files),
            quoted_id=message.id,
            quoted_author_id=message.author.id,
        )

    async def _take_about(
        self, interaction: discord.Interaction[Any], draft: AskDraft, question: str
    ) -> None:
        quotes: tuple[tuple[int, int], ...] = ()
        if draft.quoted_author_id != own_user(self._client).id:
            quotes = ((draft.quoted_id, draft.quoted_author_id),)
        content = f"{question}\n\n{draft.content}"
        await self._take(interaction, content, draft.attachments, quotes=quotes)

    async def _take(
        self,
        interaction: discord.Interaction[Any],
        content: str,
        files: tuple[AttachedFile, ...] | str,
        *,
        private: bool = False,
        assistant_id: str | None = None,
        quotes: tuple[tuple[int, int], ...] = (),
    ) -> None:
        """Store a question, acknowledge the interaction, and have the question answered."""
        user, (place_id, parent_id) = interaction.user, channel_ids(interaction)
        ephemeral = private or await self._is_private_place(interaction)
        question = NewQuestion(
            id=interaction.id,
            channel_id=place_id,
            guild_id=_own_guild(interaction),
            author_id=user.id,
            author_name=well_formed(user.display_name),
            content=content,
            attachments=files if isinstance(files, str) else attachments_json(files),
            quotes=quotes,
            role_ids=role_ids_json(role_ids_of(interaction)),
        )
        personal = Personal(
            owner_id=user.id,
            place_id=place_id,
            ephemeral=ephemeral,
            external=is_by_user_install(interaction),
        )
        storing = asyncio.ensure_future(
            self._ledger.asks.take(
                question,
                personal,
                self._responses.of(interaction),
                parent_id=parent_id or place_id,
                assistant_id=assistant_id,
                most=self._most_waiting,
            )
        )
        await asyncio.wait({storing}, timeout=STORE_SECONDS)
        is_refused = storing.done() and storing.exception() is not None
        home_id = None
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=ephemeral or is_refused, thinking=True
        ) as response:
            try:
                home_id = await storing
            except QueueFullError as error:
                _log.warning("Question %d is refused: %s", question.id, error)
                sentence = localized("queue-full", most=self._most_waiting)
                await response.show(overviews.refused_question(sentence, content))
            except LedgerError as error:
                _log.warning("Question %d could not be stored: %s", question.id, error)
                self._alerts.not_stored_soon(error)
                await response.show(overviews.refused_question(localized("not-saved"), content))
        if home_id is not None:
            self._metrics.question_taken()
            self._alerts.stored_soon()
            self._schedule(home_id)

    async def _is_private_place(self, interaction: discord.Interaction[Any]) -> bool:
        """Return whether answers are for the member alone here, whatever the member wants.

        Elsewhere that is so without Use External Apps; in a server of the bot, where nobody shall
        be answered, or where people answer.
        """
        guild_id = interaction.guild_id
        if guild_id is None:
            return False
        if is_by_user_install(interaction):
            return not interaction.permissions.use_external_apps
        rules = await self._rules.of(guild_id, *channel_ids(interaction))
        return rules.is_silent or rules.answer == "never"


def _own_guild(interaction: discord.Interaction[Any]) -> int | None:
    """Return the server of an interaction; None outside of the servers that have the bot."""
    return None if is_by_user_install(interaction) else interaction.guild_id


def _form(draft_id: int) -> ui.Modal:
    """Return the form of a question; its custom_id survives a restart."""
    form = ui.Modal(title=localized("ask-form"), custom_id=f"{ASK_FORM}:{draft_id}")
    field: ui.TextInput[Any] = ui.TextInput(
        custom_id="question", style=discord.TextStyle.paragraph, max_length=_LONGEST_QUESTION
    )
    form.add_item(
        ui.Label(
            text=localized("ask-form-question"),
            description=localized("ask-form-question.description"),
            component=field,
        )
    )
    # A finished form is not kept by discord.py: ``Modals`` handles all of them.
    form.stop()
    return form
