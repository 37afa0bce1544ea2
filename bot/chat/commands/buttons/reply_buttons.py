"""Handles the buttons of replies: reads the ledger, stores requests in it, and answers."""

from typing import Protocol

from bot.chat.commands.buttons.answer_buttons import AnswerButtonHandlers
from bot.chat.commands.command_list import CommandHandlers
from bot.chat.commands.forms.question_form import QuestionForm
from bot.chat.commands.interaction import AcknowledgedInteraction, TurnButtonPress
from bot.chat.commands.interaction_handler import (
    CommandServices,
    Interaction,
    InteractionHandler,
)
from bot.chat.commands.turn_permissions import may_act_on
from bot.chat.reply.buttons import Action, RunFilter
from bot.chat.texts.fluent import RefusalError, localized
from bot.store.ledger import AskResponse, Turn


class PressHandler(Protocol):
    """Handles the press of one kind of button."""

    async def __call__(self, interaction: Interaction, turn_id: int, attempt: int, /) -> None:
        """Handle the press of a button on this attempt's reply."""


class AttemptStarter(Protocol):
    """Begins the next attempt of a turn."""

    async def __call__(
        self, turn_id: int, attempt: int, response: AskResponse | None = None
    ) -> Turn | None:
        """Return the turn; None if it is too late for another attempt."""


class ReplyButtonHandlers(InteractionHandler):
    """Handles presses of the buttons of replies, and hands some of them to other handlers."""

    def __init__(
        self,
        services: CommandServices,
        commands: CommandHandlers,
        answers: AnswerButtonHandlers,
        form: QuestionForm,
    ) -> None:
        super().__init__(services)
        self._commands = commands
        self._answers = answers
        self._form = form

    async def pressed(
        self, interaction: Interaction, action: Action, turn_id: int, attempt: int
    ) -> None:
        """Handle a press of a button on this attempt's reply."""
        handlers: dict[Action, PressHandler] = {
            "cancel": self.cancel_pressed,
            "retry": self.retry_pressed,
            "again": self.again_pressed,
            "continue": self._answers.continue_pressed,
            "steps": self._answers.steps_pressed,
            "up": self._answers.upvote_pressed,
            "down": self._answers.downvote_pressed,
            "write": self._form.pressed,
            "person": self._person_pressed,
        }
        await handlers[action](interaction, turn_id, attempt)

    async def page_pressed(self, interaction: Interaction, page: int, chosen: RunFilter) -> None:
        """Show another page of the list of runs."""
        await self._commands.runs.page_pressed(interaction, page, chosen)

    async def forget_pressed(self, interaction: Interaction) -> None:
        """Delete what is stored about the member, who has confirmed ``/privacy forget``."""
        await self._commands.privacy.forget_pressed(interaction)

    async def cancel_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Cancel the attempt whose button was pressed."""
        async with AcknowledgedInteraction(interaction, self._rest):
            turn = await self._ledger.history.turn(turn_id)
            if turn is None or turn.attempt != attempt:
                raise RefusalError(localized("too-late-to-cancel"))
            await self._commands.runs.cancel(interaction, turn)

    async def retry_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Make one more attempt at the failed turn whose button was pressed."""
        begin = self._ledger.turns.retry
        await self._begin_again(interaction, turn_id, attempt, begin, kind="retry")

    async def again_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Answer again the questions of the turn whose button was pressed."""
        begin = self._ledger.turns.again
        await self._begin_again(interaction, turn_id, attempt, begin, kind="answer-again")

    async def _person_pressed(self, interaction: Interaction, turn_id: int, attempt: int) -> None:
        """Hand the channel thread of a reply over to people."""
        await self._commands.conversations.handover(interaction)

    async def _begin_again(
        self,
        interaction: Interaction,
        turn_id: int,
        attempt: int,
        begin: AttemptStarter,
        *,
        kind: str,
    ) -> None:
        """Make one more attempt at a turn, or say why that is impossible.

        The response to the press of a button under the answer to ``/ask`` is the next reply.
        """
        async with TurnButtonPress(interaction, self._rest, self._ledger, turn_id) as press:
            turn = press.turn
            if turn is None or turn.attempt != attempt:
                raise RefusalError(localized(f"too-late-to-{kind}"))
            if not may_act_on(turn, interaction):
                raise RefusalError(localized(f"not-yours-to-{kind}"))
            await self._refuse_where_people_answer(turn.channel_id)
            response = self._response_to(interaction) if turn.personal is not None else None
            if await begin(turn_id, attempt, response) is None:
                raise RefusalError(localized(f"too-late-to-{kind}"))
            self._services.schedule(turn.channel_id)
