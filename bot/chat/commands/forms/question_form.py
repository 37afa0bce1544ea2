"""The button Write below a reply, and its form: a way to ask where plain messages can't be read."""

import logging
from typing import Any, Final

import discord
from discord import ui

from bot.chat.access.access_gate import role_ids_json
from bot.chat.access.access_requests import role_ids_of
from bot.chat.commands.forms.modals import (
    LONGEST_TEXT,
    MOST_FILES,
    ModalEntries,
    labelled,
    new_modal,
    text_field,
)
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import Interaction, InteractionHandler, responds_first
from bot.chat.schedules.due_questions import home_of
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.messages.message_builder import attachments_json
from bot.store.ledger import FORM_CAUSE, LedgerError, NewQuestion, QueueFullError

QUESTION_FORM: Final = "write"
"""The kind of the form; its button's custom_id begins with the same word."""

_log: Final = logging.getLogger(__name__)


class QuestionForm(InteractionHandler):
    """Handles the button Write and its form."""

    @responds_first
    async def pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> ui.Modal:
        """Show the form, unless people answer there."""
        try:
            await self._refuse_where_people_answer(interaction.channel_id or 0)
        except LedgerError as error:
            # The form, once it is sent, says what is wrong.
            _log.warning("Whether people answer in a channel can't be read: %s", error)
        question = text_field("question", required=False, max_length=LONGEST_TEXT)
        files: ui.FileUpload[Any] = ui.FileUpload(
            custom_id="files", required=False, max_values=MOST_FILES
        )
        return new_modal(
            f"{QUESTION_FORM}:{turn_id}",
            localized("question-form"),
            labelled("question-form-question", question, described=False),
            labelled("question-form-files", files, described=False),
        )

    async def sent(self, interaction: Interaction, name: str, entries: ModalEntries) -> None:
        """Store the question of a form; send a refused question back to its author."""
        # Stored first: once Discord has its answer, the form with the member's words is gone.
        refusal = None
        try:
            await self._store(interaction, entries)
        except RefusalError as error:
            refusal = error.sentence
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            if refusal is not None:
                await response.note(refusal)
                await response.give_back(entries.texts)

    async def _store(self, interaction: Interaction, entries: ModalEntries) -> None:
        """Store a question, and have it answered; raises ``RefusalError``."""
        content, files = entries.texts.get("question", ""), entries.files.get("files", ())
        if not is_visible(content) and not files:
            raise RefusalError(localized("question-form-empty"))
        channel_id, user = interaction.channel_id or 0, interaction.user
        question = NewQuestion(
            id=interaction.id,
            channel_id=channel_id,
            guild_id=interaction.guild_id,
            author_id=user.id,
            author_name=well_formed(user.display_name),
            content=content.strip(),
            attachments=attachments_json(files),
            cause=f"{FORM_CAUSE}{interaction.id}",
            role_ids=role_ids_json(role_ids_of(interaction)),
        )
        most = self._services.most_waiting
        try:
            await self._refuse_where_people_answer(channel_id)
            home = await home_of(
                self._client, self._ledger, self._rest, channel_id, interaction.guild_id
            )
            if await self._ledger.questions.take(question, home, most=most):
                self._services.metrics.question_taken()
        except QueueFullError:
            raise RefusalError(localized("queue-full", most=most)) from None
        except (LedgerError, discord.HTTPException) as error:
            _log.warning("Question %d of a form could not be stored: %s", interaction.id, error)
            raise RefusalError(localized("not-saved")) from error
        self._services.schedule(channel_id)
