"""Handles the buttons under an answer: Continue, Show steps, 👍 and 👎, and the form of 👎."""

import logging
import re
from collections.abc import Callable
from typing import Any, Final

import discord

from bot.assistants.errors import APIError
from bot.chat.access.gate import role_ids_json
from bot.chat.access.visitors import role_ids_of
from bot.chat.commands.buttons.turn_press import TurnPress
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.interaction import AcknowledgedInteraction, ResponseTokens, open_form
from bot.chat.commands.run_steps import describe_steps
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.messages.transcript import answer_text
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import Ledger, LedgerError, NewQuestion, Turn

LONGEST_REASON: Final = 1_000
"""The most characters of a reason."""

REASON_FORM: Final = "reason"
"""The kind of the form that asks for the reason of a 👎."""

_FORM: Final = re.compile(r"(?P<turn>\d{1,18})\.(?P<attempt>\d{1,9})")

_log: Final = logging.getLogger(__name__)


class AnswerButtonHandlers:
    """Handles presses of the buttons under answers.

    ``schedule`` is called with the channel of a stored question, ``report_votes`` after a vote.
    """

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        threads: AssistantThreads,
        responses: ResponseTokens,
        *,
        schedule: Callable[[int], None],
        report_votes: Callable[[], None],
        show_thoughts: bool,
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._threads = threads
        self._responses = responses
        self._schedule = schedule
        self._report_votes = report_votes
        self._show_thoughts = show_thoughts

    async def continue_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Ask the assistant to continue an answer that was cut off; the press is the question."""
        async with TurnPress(interaction, self._rest, self._ledger, turn_id) as press:
            turn = press.turn
            if turn is not None and await self._ledger.handovers.is_under_way(turn.channel_id):
                await press.refuse(localized("help-ask-people"))
                return
            if turn is not None:
                response = self._responses.of(interaction) if turn.personal is not None else None
                question = NewQuestion(
                    id=interaction.id,
                    channel_id=turn.place_id,
                    guild_id=turn.guild_id,
                    author_id=interaction.user.id,
                    author_name=well_formed(interaction.user.display_name),
                    content=localized("continue-question"),
                    role_ids=role_ids_json(role_ids_of(interaction)),
                )
                if await self._ledger.questions.take_continuation(
                    question, turn_id, attempt, response
                ):
                    self._schedule(turn.channel_id)
                    return
            await press.refuse(localized("too-late-to-continue"))

    async def answer_of(self, turn: Turn) -> str:
        """Return the answer of an ended turn; empty where it can't be read."""
        if turn.open or turn.thread_id is None or turn.run_id is None:
            return ""
        try:
            return answer_text(await self._threads.messages_of(turn.thread_id, turn.run_id))
        except (APIError, TurnError) as error:
            _log.info("The answer of turn %d can't be read: %s", turn.id, error)
            return ""

    async def steps_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Show the member who presses what the run of this answer did."""
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=True, thinking=True
        ) as response:
            turn = await self._ledger.history.turn(turn_id)
            if (
                turn is None
                or turn.attempt != attempt
                or turn.thread_id is None
                or turn.run_id is None
            ):
                await response.show(localized("steps-gone"))
                return
            try:
                run = await self._threads.api.retrieve_run(turn.thread_id, turn.run_id)
                steps = await self._threads.steps_of(turn.thread_id, turn.run_id)
            except APIError as error:
                _log.info("The steps of run %s can't be read: %s", turn.run_id, error)
                await response.show(localized("steps-gone"))
            except TurnError as error:
                _log.warning("The steps of run %s can't be read: %s", turn.run_id, error)
                await response.show(localized("steps-unreachable"))
            else:
                text, whole = describe_steps(run, steps, show_thoughts=self._show_thoughts)
                await response.show(text, files=() if whole is None else [("steps.md", whole)])

    async def upvote_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Store a 👍."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            vote = await self._ledger.votes.cast(
                turn_id, attempt, interaction.user.id, helpful=True
            )
            if vote is None:
                await response.note(localized("vote-on-unknown-answer"))
                return
            self._report_votes()
            await response.note(localized("upvoted"))

    async def downvote_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Store a 👎 and ask for its reason."""
        failure: LedgerError | None = None
        vote = None
        try:
            vote = await self._ledger.votes.cast(
                turn_id, attempt, interaction.user.id, helpful=False
            )
        except LedgerError as error:
            failure = error
        if vote is not None:
            self._report_votes()
            # A form is the first response to an interaction, or it can't be shown.
            await open_form(interaction, self._rest, _form(turn_id, attempt, vote.reason))
            return
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            if failure is not None:
                raise failure
            await response.note(localized("vote-on-unknown-answer"))

    async def reason_sent(
        self, interaction: discord.Interaction[Any], name: str, entries: ModalEntries
    ) -> None:
        """Store the reason of a 👎; ``name`` is turn and attempt."""
        form = _FORM.fullmatch(name)
        if form is None:
            return
        reason = entries.texts.get("reason", "").strip()[:LONGEST_REASON]
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            vote = await self._ledger.votes.cast(
                int(form["turn"]),
                int(form["attempt"]),
                interaction.user.id,
                helpful=False,
                reason=reason,
            )
            if vote is None:
                await response.note(localized("vote-on-unknown-answer"))
                return
            self._report_votes()
            await response.note(localized("downvoted"))


def _form(turn_id: int, attempt: int, reason: str | None) -> discord.ui.Modal:
    """Return the form that asks for a reason; its custom_id survives a restart."""
    form = discord.ui.Modal(
        title=localized("reason-title"), custom_id=f"{REASON_FORM}:{turn_id}.{attempt}"
    )
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        custom_id="reason",
        required=False,
        max_length=LONGEST_REASON,
        default=reason or None,
    )
    form.add_item(
        discord.ui.Label(
            text=localized("reason-label"), description=localized("reason-hint"), component=field
        )
    )
    # A finished form is not kept by discord.py: ``Modals`` handles all of them.
    form.stop()
    return form
