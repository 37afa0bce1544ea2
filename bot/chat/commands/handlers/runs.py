"""``/runs``: lists, shows, cancels and retries the runs that a member may see."""

import logging
from typing import Final

import discord
from discord import app_commands

from bot.assistants.errors import APIError
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    PrivateAnswer,
    answers_privately,
)
from bot.chat.commands.localization import MOST_CHOICES, Choices, matching
from bot.chat.commands.turn_permissions import may_act_on, may_see, scope_of
from bot.chat.reply import buttons
from bot.chat.reply.buttons import RunFilter, RunState
from bot.chat.texts import sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.messages.answer_text import answer_text
from bot.store.ledger import Scope, Turn

LongName = app_commands.Range[str, 1, 100]

AnyChannel = app_commands.AppCommandChannel | app_commands.AppCommandThread

PAGE_SIZE: Final = 5
"""Runs on a page of the list."""

_MOST_SEARCHED: Final = 200
"""How many of the newest runs are searched for what a member types."""

_log: Final = logging.getLogger(__name__)


class RunCommands(InteractionHandler):
    """Handles ``/runs`` and the buttons below its list."""

    @answers_privately
    async def list_runs(
        self,
        interaction: Interaction,
        state: RunState | None = None,
        member: discord.User | None = None,
        channel: AnyChannel | None = None,
        page: app_commands.Range[int, 1, 1_000_000] = 1,
    ) -> PrivateAnswer:
        """Show a page of the runs that this member may see, newest first."""
        chosen = RunFilter(
            state=state,
            member_id=None if member is None else member.id,
            channel_id=None if channel is None else channel.id,
        )
        return await self._page(interaction, page, chosen)

    async def page_pressed(self, interaction: Interaction, page: int, chosen: RunFilter) -> None:
        """Show another page of the list of runs."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            shown = await self._page(interaction, page, chosen)
            await response.show(shown.text, shown.view)

    @answers_privately
    async def show_run(self, interaction: Interaction, run: LongName) -> PrivateAnswer:
        """Show the details of a run."""
        turn = await self._named(run, interaction)
        questions = await self._ledger.questions.of_turn(turn.id)
        texts = [question.content for question in questions]
        cost = await self._services.budgets.cost_of(turn)
        text = sentences.run_details(turn, self._clock.now(), texts, cost)
        answer = ""
        if turn.personal is not None and turn.asked_by(interaction.user.id):
            # Discord may not have taken an answer that came after 15 minutes.
            answer = await self._answer_of(turn)
        return PrivateAnswer(text, files=[("answer.md", answer)] if answer else [])

    @answers_privately
    async def cancel_run(self, interaction: Interaction, run: LongName | None = None) -> str:
        """Cancel the named run, or the one in this channel if none is named."""
        if run is not None:
            turn = await self._named(run, interaction)
        else:
            scope = Scope(channel_id=interaction.channel_id or 0, state="active")
            active = await self._ledger.history.newest(scope, offset=0, limit=1)
            if not active:
                raise RefusalError(localized("nothing-running"))
            turn = active[0]
        await self.cancel(interaction, turn)
        return localized("cancelling", number=str(turn.id))

    @answers_privately
    async def retry_run(self, interaction: Interaction, run: LongName) -> str:
        """Make one more attempt at a run that failed."""
        turn = await self._named(run, interaction)
        if not may_act_on(turn, interaction):
            raise RefusalError(localized("not-yours-to-retry"))
        if turn.personal is not None:
            # The reply to a question by command answers an interaction: a press of Retry.
            raise RefusalError(localized("retry-by-button"))
        await self._refuse_where_people_answer(turn.channel_id)
        helps = sentences.retry_helps(turn.error)
        if not helps or await self._ledger.turns.retry(turn.id, turn.attempt) is None:
            raise RefusalError(localized("too-late-to-retry"))
        self._services.schedule(turn.channel_id)
        return localized("retrying", number=str(turn.id))

    async def cancel(self, interaction: Interaction, turn: Turn) -> None:
        """Cancel a turn; raises ``RefusalError`` for a stranger, and where it is too late."""
        if not may_act_on(turn, interaction):
            raise RefusalError(localized("not-yours-to-cancel"))
        user = interaction.user
        stored = await self._ledger.turns.request_cancel(
            turn.id, turn.attempt, user.id, well_formed(user.display_name)
        )
        if stored is None:
            raise RefusalError(localized("too-late-to-cancel"))
        self._services.cancel(turn.id)

    async def any_run(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the number of a run that this member may see."""
        return await self._choices(interaction, typed, state=None)

    async def active_run(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the number of a run that this member may cancel."""
        return await self._choices(interaction, typed, state="active")

    async def failed_run(self, interaction: Interaction, typed: str) -> Choices:
        """Complete the number of a run that this member may retry."""
        return await self._choices(interaction, typed, state="failed")

    async def _choices(
        self, interaction: Interaction, typed: str, *, state: RunState | None
    ) -> Choices:
        own = state is not None and not interaction.permissions.manage_messages
        chosen = RunFilter(state=state, member_id=interaction.user.id if own else None)
        turns = await self._ledger.history.newest(
            scope_of(interaction, chosen),
            offset=0,
            limit=_MOST_SEARCHED if typed else MOST_CHOICES,
        )
        found: Choices = []
        for turn in turns:
            if len(found) < MOST_CHOICES and (state is None or may_act_on(turn, interaction)):
                label = sentences.run_choice(turn, self._clock.now(), await self._asked(turn))
                found += matching(typed, [(label, str(turn.id))])
        return found

    async def _page(self, interaction: Interaction, page: int, chosen: RunFilter) -> PrivateAnswer:
        scope = scope_of(interaction, chosen)
        pages = max(1, -(-await self._ledger.history.count(scope) // PAGE_SIZE))
        page = min(max(page, 1), pages)
        turns = await self._ledger.history.newest(
            scope, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE
        )
        text = localized("no-runs" if chosen == RunFilter() else "no-such-runs")
        if turns:
            # Only moderators need to know how busy the bot is.
            is_moderator = interaction.permissions.manage_messages
            health = self._services.health() if is_moderator else None
            cost_of = self._services.budgets.cost_of
            listed = [(turn, await self._asked(turn), await cost_of(turn)) for turn in turns]
            text = sentences.run_page(listed, self._clock.now(), page, pages, health)
        return PrivateAnswer(text, buttons.page_view(page, pages, chosen))

    async def _asked(self, turn: Turn) -> str:
        """Return the newest question of a turn."""
        questions = await self._ledger.questions.of_turn(turn.id)
        return questions[-1].content if questions else ""

    async def _answer_of(self, turn: Turn) -> str:
        """Return the answer of an ended turn; empty where it can't be read."""
        if turn.open or turn.thread_id is None or turn.run_id is None:
            return ""
        try:
            found = await self._services.threads.messages_of(turn.thread_id, turn.run_id)
        except (APIError, TurnError) as error:
            _log.info("The answer of turn %d can't be read: %s", turn.id, error)
            return ""
        return answer_text(found)

    async def _named(self, name: str, interaction: Interaction) -> Turn:
        """Return the turn with that number or run id; ``RefusalError`` if it is not shown here."""
        number = name.strip().removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) <= 18:
            turn = await self._ledger.history.turn(int(number))
        else:
            turn = await self._ledger.history.of_run(name.strip())
        link = None if turn is None else await self._ledger.link(turn.channel_id)
        is_hidden = link is None or link.private
        if turn is None or not may_see(turn, interaction, private=is_hidden):
            raise RefusalError(sentences.no_such_run(name))
        return turn
