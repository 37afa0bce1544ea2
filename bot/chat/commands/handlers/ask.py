"""``/ask`` and the menus of messages: questions from anywhere, answered in the command's response.

A question is stored before the command is acknowledged, so that none is lost.
"""

import asyncio
import logging
from typing import Final

import discord
from discord import app_commands, ui

from bot.chat.access.access_gate import role_ids_json
from bot.chat.access.access_requests import role_ids_of
from bot.chat.commands.forms.modals import (
    LONGEST_TEXT,
    ModalEntries,
    labelled,
    new_modal,
    text_field,
)
from bot.chat.commands.handlers.assistants import AssistantName
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    responds_first,
)
from bot.chat.commands.localization import Choices, matching
from bot.chat.intake.attachments import file_of, files_of
from bot.chat.intake.question_text import reply_quote, whole_text
from bot.chat.places.places import channel_ids, is_by_user_install, own_guild
from bot.chat.texts import overviews
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.messages.message_builder import attachments_json
from bot.chat.transport.login import own_user
from bot.store.ledger import AskDraft, LedgerError, NewQuestion, Personal, QueueFullError

ASK_FORM: Final = "ask"
"""The kind of the form in which a member asks about a message."""

STORE_SECONDS: Final = 1.5
"""How long the acknowledgement waits for the ledger, in seconds; Discord allows 3."""

QuestionText = app_commands.Range[str, 1, LONGEST_TEXT]

_log: Final = logging.getLogger(__name__)


class AskCommands(InteractionHandler):
    """Handles ``/ask``, the menus of messages, and the form of one of them."""

    @responds_first
    async def ask(
        self,
        interaction: Interaction,
        question: QuestionText,
        file: discord.Attachment | None = None,
        assistant: AssistantName | None = None,
        private: bool = False,
    ) -> None:
        """Ask a question; with ``private`` only the member sees the answer."""
        content = well_formed(question).strip()
        if not content and file is None:
            raise RefusalError(localized("ask-empty"))
        assistant_id = None
        if assistant is not None:
            known = await self._services.choice.named(own_guild(interaction), assistant)
            if known is None:
                refusal = overviews.no_such_assistant(assistant)
                raise RefusalError(overviews.refused_question(refusal, content))
            assistant_id = known.id
        files = attachments_json(() if file is None else (file_of(file),))
        await self._take(interaction, content, files, private=private, assistant_id=assistant_id)

    async def assistants(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the name of an assistant that may be used here."""
        usable = await self._services.choice.usable(own_guild(interaction))
        return matching(typed, ((known.name, known.id) for known in usable))

    @responds_first
    async def about(self, interaction: Interaction, message: discord.Message) -> ui.Modal:
        """Show the form in which a member asks about a message."""
        draft = self._draft(interaction, message)
        await self._ledger.asks.keep_draft(draft)
        return new_modal(
            f"{ASK_FORM}:{draft.id}",
            localized("ask-form"),
            labelled("ask-form-question", text_field("question", max_length=LONGEST_TEXT)),
        )

    @responds_first
    async def explain(self, interaction: Interaction, message: discord.Message) -> None:
        """Have a message explained."""
        draft = self._draft(interaction, message)
        await self._take_about(interaction, draft, localized("explain-question"))

    @responds_first
    async def translate(self, interaction: Interaction, message: discord.Message) -> None:
        """Have a message translated into the language of the member's Discord."""
        draft = self._draft(interaction, message)
        language = interaction.locale.name.replace("_", " ").title()
        question = localized("translate-question", target=language)
        await self._take_about(interaction, draft, question)

    @responds_first
    async def form_sent(self, interaction: Interaction, name: str, entries: ModalEntries) -> None:
        """Take the question of a form; ``name`` is the ledger's id of the message it asks about."""
        written = entries.texts.get("question", "").strip()
        try:
            known = name.isascii() and name.isdigit() and len(name) < 20
            draft = await self._ledger.asks.draft(int(name), interaction.user.id) if known else None
        except LedgerError as error:
            _log.warning("The form of interaction %d can't be read: %s", interaction.id, error)
            refusal = overviews.refused_question(localized("command-failed"), written)
            raise RefusalError(refusal) from error
        if draft is None:
            raise RefusalError(overviews.refused_question(localized("ask-form-old"), written))
        if not written:
            raise RefusalError(localized("ask-empty"))
        await self._take_about(interaction, draft, written)

    def _draft(self, interaction: Interaction, message: discord.Message) -> AskDraft:
        """Return a message as a question quotes it; ``RefusalError`` if it can't be read."""
        me = own_user(self._client).id
        files = files_of(message, me)
        if not whole_text(message).strip() and not files:
            raise RefusalError(localized("ask-about-nothing"))
        return AskDraft(
            id=interaction.id,
            member_id=interaction.user.id,
            content=well_formed(reply_quote(message, me)),
            attachments=attachments_json(files),
            quoted_id=message.id,
            quoted_author_id=message.author.id,
        )

    async def _take_about(self, interaction: Interaction, draft: AskDraft, question: str) -> None:
        quotes: tuple[tuple[int, int], ...] = ()
        if draft.quoted_author_id != own_user(self._client).id:
            quotes = ((draft.quoted_id, draft.quoted_author_id),)
        content = f"{question}\n\n{draft.content}"
        await self._take(interaction, content, draft.attachments, quotes=quotes)

    async def _take(
        self,
        interaction: Interaction,
        content: str,
        attachments: str,
        *,
        private: bool = False,
        assistant_id: str | None = None,
        quotes: tuple[tuple[int, int], ...] = (),
    ) -> None:
        """Store a question, acknowledge the interaction, and have the question answered.

        ``attachments`` is JSON as the ledger stores it. ``quotes`` has the message id and the
        author's id of each message that the question quotes.
        """
        services, user = self._services, interaction.user
        place_id, parent_id = channel_ids(interaction)
        ephemeral = private or await self._is_private_place(interaction)
        question = NewQuestion(
            id=interaction.id,
            channel_id=place_id,
            guild_id=own_guild(interaction),
            author_id=user.id,
            author_name=well_formed(user.display_name),
            content=content,
            attachments=attachments,
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
                self._response_to(interaction),
                parent_id=parent_id or place_id,
                assistant_id=assistant_id,
                most=services.most_waiting,
            )
        )
        await asyncio.wait({storing}, timeout=STORE_SECONDS)
        is_refused = storing.done() and storing.exception() is not None
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=ephemeral or is_refused, thinking=True
        ):
            try:
                home_id = await storing
            except QueueFullError as error:
                _log.warning("Question %d is refused: %s", question.id, error)
                sentence = localized("queue-full", most=services.most_waiting)
                raise RefusalError(overviews.refused_question(sentence, content)) from error
            except LedgerError as error:
                _log.warning("Question %d could not be stored: %s", question.id, error)
                services.alerts.not_stored_soon(error)
                refusal = overviews.refused_question(localized("not-saved"), content)
                raise RefusalError(refusal) from error
            if home_id is not None:
                services.metrics.question_taken()
                services.alerts.stored_soon()
                services.schedule(home_id)

    async def _is_private_place(self, interaction: Interaction) -> bool:
        """Return whether only the member sees answers here, also without the option ``private``.

        That holds where the bot is no member and the person lacks Use External Apps. In a server
        of the bot it holds in channels where the bot answers nothing, or people answer.
        """
        guild_id = interaction.guild_id
        if guild_id is None:
            return False
        if is_by_user_install(interaction):
            return not interaction.permissions.use_external_apps
        settings = await self._services.channel_settings.of(guild_id, *channel_ids(interaction))
        return settings.is_silent or settings.answer == "never"
