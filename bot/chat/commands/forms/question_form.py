"""The button Write below a reply, and its form: a way to ask where plain messages can't be read."""

import logging
from collections.abc import Callable
from typing import Any, Final

import discord

from bot.chat.access.gate import role_ids_json
from bot.chat.access.visitors import role_ids_of
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.interaction import AcknowledgedInteraction, open_form, refuse
from bot.chat.schedules.due_questions import home_of
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import is_visible, well_formed
from bot.chat.threads.messages.message_builder import attachments_json
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.metrics import Metrics
from bot.store.ledger import FORM_CAUSE, Ledger, LedgerError, NewQuestion, QueueFullError

QUESTION_FORM: Final = "write"
"""The kind of the form; its button's custom_id begins with the same word."""

_LONGEST_QUESTION: Final = 4_000
"""The most characters of a question; Discord's limit of a text field."""

_MOST_FILES: Final = 10

_log: Final = logging.getLogger(__name__)


class QuestionForm:
    """Handles the button and the form; ``schedule`` is called with the channel of each question."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        schedule: Callable[[int], None],
        most_waiting: int,
        metrics: Metrics,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._schedule = schedule
        self._most_waiting = most_waiting
        self._metrics = metrics

    async def pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Show the form, unless people answer there."""
        try:
            silent = await self._ledger.handovers.is_under_way(interaction.channel_id or 0)
        except LedgerError as error:
            _log.warning("It is not known whether people answer: %s", error)
            silent = False  # the form, once sent, says what is wrong
        if silent:
            await refuse(interaction, self._rest, localized("help-ask-people"))
            return
        # A form is the first response to an interaction, or it can't be shown.
        await open_form(interaction, self._rest, _form(turn_id))

    async def sent(
        self, interaction: discord.Interaction[Any], name: str, entries: ModalEntries
    ) -> None:
        """Store the question of a form; send a refused question back to its author."""
        # Stored first: once Discord has its answer, the form with the member's words is gone.
        refusal = await self._refusal(interaction, entries)
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            if refusal is not None:
                await response.note(refusal)
                await response.give_back(entries.texts)

    async def _refusal(
        self, interaction: discord.Interaction[Any], entries: ModalEntries
    ) -> str | None:
        """Store a question; return a sentence that says why that is impossible."""
        content, files = entries.texts.get("question", ""), entries.files.get("files", ())
        if not is_visible(content) and not files:
            return localized("question-form-empty")
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
        try:
            if await self._ledger.handovers.is_under_way(channel_id):
                return localized("help-ask-people")
            home = await home_of(
                self._client, self._ledger, self._rest, channel_id, interaction.guild_id
            )
            if await self._ledger.questions.take(question, home, most=self._most_waiting):
                self._metrics.question_taken()
        except QueueFullError:
            return localized("queue-full", most=self._most_waiting)
        except (LedgerError, discord.HTTPException) as error:
            _log.warning("Question %d of a form could not be stored: %s", interaction.id, error)
            return localized("not-saved")
        self._schedule(channel_id)
        return None


def _form(turn_id: int) -> discord.ui.Modal:
    """Return the form; its custom_id survives a restart."""
    form = discord.ui.Modal(
        title=localized("question-form"), custom_id=f"{QUESTION_FORM}:{turn_id}"
    )
    text: discord.ui.TextInput[Any] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        custom_id="question",
        required=False,
        max_length=_LONGEST_QUESTION,
    )
    files: discord.ui.FileUpload[Any] = discord.ui.FileUpload(
        custom_id="files", required=False, max_values=_MOST_FILES
    )
    form.add_item(discord.ui.Label(text=localized("question-form.text"), component=text))
    form.add_item(discord.ui.Label(text=localized("question-form.files"), component=files))
    # A finished form is not kept by discord.py: ``Modals`` handles all of them.
    form.stop()
    return form
