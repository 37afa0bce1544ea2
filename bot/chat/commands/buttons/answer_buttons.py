"""Handles the buttons under an answer: Continue, Show steps, 👍 and 👎, and the form of 👎."""

import logging
import re
from typing import Final

from discord import ui

from bot.assistants.errors import APIError
from bot.chat.access.access_gate import role_ids_json
from bot.chat.access.access_requests import role_ids_of
from bot.chat.commands.forms.modals import ModalEntries, labelled, new_modal, text_field
from bot.chat.commands.interaction import AcknowledgedInteraction, TurnButtonPress
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
    responds_first,
)
from bot.chat.commands.run_steps import describe_steps
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.api_errors import TurnError
from bot.store.ledger import NewQuestion, Vote

LONGEST_REASON: Final = 1_000
"""The most characters of a reason."""

REASON_FORM: Final = "reason"
"""The kind of the form that asks for the reason of a 👎."""

_FORM_NAME: Final = re.compile(r"(?P<turn>\d{1,18})\.(?P<attempt>\d{1,9})")

_log: Final = logging.getLogger(__name__)


class AnswerButtonHandlers(InteractionHandler):
    """Handles presses of the buttons under answers."""

    async def continue_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Ask the assistant to continue an answer that was cut off; the press is the question."""
        async with TurnButtonPress(interaction, self._rest, self._ledger, turn_id) as press:
            turn = press.turn
            if turn is None:
                raise RefusalError(localized("too-late-to-continue"))
            await self._refuse_where_people_answer(turn.channel_id)
            response = self._response_to(interaction) if turn.personal is not None else None
            question = NewQuestion(
                id=interaction.id,
                channel_id=turn.place_id,
                guild_id=turn.guild_id,
                author_id=interaction.user.id,
                author_name=well_formed(interaction.user.display_name),
                content=localized("continue-question"),
                role_ids=role_ids_json(role_ids_of(interaction)),
            )
            take = self._ledger.questions.take_continuation
            if not await take(question, turn_id, attempt, response):
                raise RefusalError(localized("too-late-to-continue"))
            self._services.schedule(turn.channel_id)

    @answers_privately
    async def steps_pressed(
        self, interaction: Interaction, turn_id: int, attempt: int
    ) -> PrivateAnswer:
        """Show the member who presses what the run of this answer did."""
        turn = await self._ledger.history.turn(turn_id)
        if turn is None or turn.attempt != attempt or turn.thread_id is None or turn.run_id is None:
            raise RefusalError(localized("steps-gone"))
        threads = self._services.threads
        try:
            run = await threads.api.retrieve_run(turn.thread_id, turn.run_id)
            steps = await threads.steps_of(turn.thread_id, turn.run_id)
        except APIError as error:
            _log.info("The steps of run %s can't be read: %s", turn.run_id, error)
            raise RefusalError(localized("steps-gone")) from error
        except TurnError as error:
            _log.warning("The steps of run %s can't be read: %s", turn.run_id, error)
            raise RefusalError(localized("steps-unreachable")) from error
        shows_thoughts = self._services.settings.show_thoughts
        text, whole = describe_steps(run, steps, show_thoughts=shows_thoughts)
        return PrivateAnswer(text, files=() if whole is None else [("steps.md", whole)])

    async def upvote_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Store a 👍."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            await self._vote(interaction, turn_id, attempt, helpful=True)
            await response.note(localized("upvoted"))

    @responds_first
    async def downvote_pressed(
        self, interaction: Interaction, turn_id: int, attempt: int
    ) -> ui.Modal:
        """Store a 👎 and ask for its reason."""
        vote = await self._vote(interaction, turn_id, attempt, helpful=False)
        reason = text_field(
            "reason", required=False, max_length=LONGEST_REASON, default=vote.reason or None
        )
        return new_modal(
            f"{REASON_FORM}:{turn_id}.{attempt}",
            localized("reason-form"),
            labelled("reason-form-reason", reason),
        )

    async def reason_sent(
        self, interaction: Interaction, form_id: str, entries: ModalEntries
    ) -> None:
        """Store the reason for a 👎; ``form_id`` is the turn's id, a dot and the attempt."""
        form = _FORM_NAME.fullmatch(form_id)
        if form is None:
            return
        reason = entries.texts.get("reason", "").strip()[:LONGEST_REASON]
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            turn_id, attempt = int(form["turn"]), int(form["attempt"])
            await self._vote(interaction, turn_id, attempt, helpful=False, reason=reason)
            await response.note(localized("downvoted"))

    async def _vote(
        self,
        interaction: Interaction,
        turn_id: int,
        attempt: int,
        *,
        helpful: bool,
        reason: str | None = None,
    ) -> Vote:
        """Store and report a vote; raises ``RefusalError`` for an unknown answer."""
        vote = await self._ledger.votes.cast(
            turn_id, attempt, interaction.user.id, helpful=helpful, reason=reason
        )
        if vote is None:
            raise RefusalError(localized("vote-on-unknown-answer"))
        self._services.report_votes()
        return vote
