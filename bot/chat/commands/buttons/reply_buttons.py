"""Handles the buttons of replies: reads the ledger, stores requests in it, and answers.

Each interaction is acknowledged before anything that takes time.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import discord

from bot.chat.commands.buttons.answer_buttons import AnswerButtonHandlers
from bot.chat.commands.buttons.turn_press import TurnPress
from bot.chat.commands.forms.question_form import QuestionForm
from bot.chat.commands.handlers.conversations import ConversationCommands
from bot.chat.commands.handlers.privacy import PrivacyCommands
from bot.chat.commands.handlers.runs import RunCommands
from bot.chat.commands.interaction import AcknowledgedInteraction, ResponseTokens
from bot.chat.commands.permissions import may_act_on
from bot.chat.reply.buttons import Action, RunFilter
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import AskResponse, Ledger, Turn


class PressHandler(Protocol):
    """Handles the press of one kind of button."""

    async def __call__(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int, /
    ) -> None:
        """Handle the press of a button on this attempt's reply."""


class AttemptStarter(Protocol):
    """Begins the next attempt of a turn."""

    async def __call__(
        self, turn_id: int, attempt: int, response: AskResponse | None = None
    ) -> Turn | None:
        """Return the turn; None if it was too late."""
        ...


class ReplyButtonHandlers:
    """Handles the buttons of replies and, by ``runs``, the command of the same name.

    ``schedule`` is called with the channel of a turn that is retried, ``cancel`` with a turn whose
    cancellation was stored. ``health`` returns a line about how busy the bot is, ``cost`` what a
    turn cost. ``answers`` handles the buttons under answers, ``privacy`` what members want to know
    and have forgotten.
    """

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        responses: ResponseTokens,
        *,
        schedule: Callable[[int], None],
        cancel: Callable[[int], None],
        health: Callable[[], str],
        cost: Callable[[Turn], Awaitable[str]],
        answers: AnswerButtonHandlers,
        privacy: PrivacyCommands,
        conversations: ConversationCommands,
        form: QuestionForm,
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._responses = responses
        self._schedule = schedule
        self._cancel = cancel
        self.answers: Final = answers
        self.privacy: Final = privacy
        self._conversations = conversations
        self.form: Final = form
        self.runs: Final = RunCommands(
            ledger,
            rest,
            clock,
            cancel=self._request_cancel,
            retry=self._retry,
            health=health,
            cost=cost,
            answer_of=answers.answer_of,
        )

    async def pressed(
        self, interaction: discord.Interaction[Any], action: Action, turn_id: int, attempt: int
    ) -> None:
        """Handle a press of a button on this attempt's reply."""
        handlers: dict[Action, PressHandler] = {
            "cancel": self.cancel_pressed,
            "retry": self.retry_pressed,
            "again": self.again_pressed,
            "continue": self.answers.continue_pressed,
            "steps": self.answers.steps_pressed,
            "up": self.answers.upvote_pressed,
            "down": self.answers.downvote_pressed,
            "write": self._write_pressed,
            "person": self._person_pressed,
        }
        await handlers[action](interaction, turn_id, attempt)

    async def cancel_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Cancel the attempt whose button was pressed."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            turn = await self._ledger.history.turn(turn_id)
            refusal = localized("too-late-to-cancel")
            if turn is not None and turn.attempt == attempt:
                if not may_act_on(turn, interaction):
                    refusal = localized("not-yours-to-cancel")
                elif await self._request_cancel(interaction, turn):
                    return
            await response.note(refusal)

    async def _write_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Show the form of a question."""
        await self.form.pressed(interaction, turn_id, attempt)

    async def _person_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Hand the channel thread of a reply over to people."""
        await self._conversations.handover(interaction)

    async def retry_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Make one more attempt at the turn whose button was pressed."""
        await self._begin_again(
            interaction, turn_id, attempt, self._ledger.turns.retry, kind="retry"
        )

    async def again_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Answer the turn whose button was pressed again."""
        await self._begin_again(
            interaction, turn_id, attempt, self._ledger.turns.again, kind="answer-again"
        )

    async def _begin_again(
        self,
        interaction: discord.Interaction[Any],
        turn_id: int,
        attempt: int,
        begin: AttemptStarter,
        *,
        kind: str,
    ) -> None:
        """Make one more attempt at a turn, or say why not.

        After a question by command the press gets a response of its own, which the reply fills.
        """
        async with TurnPress(interaction, self._rest, self._ledger, turn_id) as press:
            turn, response = press.turn, None
            refusal = localized(f"too-late-to-{kind}")
            if turn is not None and turn.attempt == attempt:
                if not may_act_on(turn, interaction):
                    refusal = localized(f"not-yours-to-{kind}")
                elif await self._ledger.handovers.is_under_way(turn.channel_id):
                    refusal = localized("help-ask-people")
                else:
                    if turn.personal is not None:
                        response = self._responses.of(interaction)
                    if await begin(turn_id, attempt, response) is not None:
                        self._schedule(turn.channel_id)
                        return
            await press.refuse(refusal)

    async def page_pressed(
        self, interaction: discord.Interaction[Any], page: int, chosen: RunFilter
    ) -> None:
        """Show another page of the list of runs."""
        await self.runs.page_pressed(interaction, page, chosen)

    async def forget_pressed(self, interaction: discord.Interaction[Any]) -> None:
        """Forget the member who confirmed that."""
        await self.privacy.forget_pressed(interaction)

    async def _retry(self, interaction: discord.Interaction[Any], turn: Turn) -> bool:
        """Make one more attempt at a turn; False: it was too late."""
        # The reply to a question by command needs an interaction that it can answer.
        if not sentences.retry_helps(turn.error) or turn.personal is not None:
            return False
        if await self._ledger.turns.retry(turn.id, turn.attempt) is None:
            return False
        self._schedule(turn.channel_id)
        return True

    async def _request_cancel(self, interaction: discord.Interaction[Any], turn: Turn) -> bool:
        user = interaction.user
        stored = await self._ledger.turns.request_cancel(
            turn.id, turn.attempt, user.id, well_formed(user.display_name)
        )
        if stored is None:
            return False
        self._cancel(turn.id)
        return True
