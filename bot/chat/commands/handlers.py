"""Handles slash commands and buttons: reads the ledger, stores requests in it, and answers.

Each interaction is acknowledged before anything that takes time.
"""

from collections.abc import Callable
from typing import Any, Final, Protocol

import discord
from discord import app_commands

from bot.chat.commands.answer_handlers import AnswerHandlers
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.permissions import may_act_on, may_see, scope_of
from bot.chat.reply import buttons
from bot.chat.reply.buttons import Action
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.plain_text import well_formed
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, Turn

LongName = app_commands.Range[str, 1, 100]

PAGE_SIZE: Final = 5
"""Runs on a page of the list."""

_MOST_CHOICES: Final = 25
"""The most choices that Discord shows for an option."""


class PressHandler(Protocol):
    """Handles the press of one kind of button."""

    async def __call__(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int, /
    ) -> None:
        """Handle the press of a button on this attempt's reply."""


class InteractionHandlers:
    """Handles slash commands and buttons.

    ``schedule`` is called with the channel of a turn that is retried, ``cancel`` with a turn whose
    cancellation was stored. ``health`` returns a line about how busy the bot is. ``answers``
    handles the buttons under answers.
    """

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        *,
        schedule: Callable[[int], None],
        cancel: Callable[[int], None],
        health: Callable[[], str],
        answers: AnswerHandlers,
    ) -> None:
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._schedule = schedule
        self._cancel = cancel
        self._health = health
        self.answers: Final = answers

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
                elif await self._request_cancel(turn, interaction):
                    return
            await response.note(refusal)

    async def retry_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Make one more attempt at the turn whose button was pressed."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            turn = await self._ledger.history.turn(turn_id)
            refusal = localized("too-late-to-retry")
            if turn is not None and turn.attempt == attempt:
                if not may_act_on(turn, interaction):
                    refusal = localized("not-yours-to-retry")
                elif await self._ledger.turns.retry(turn_id, attempt) is not None:
                    self._schedule(turn.channel_id)
                    return
            await response.note(refusal)

    async def again_pressed(
        self, interaction: discord.Interaction[Any], turn_id: int, attempt: int
    ) -> None:
        """Answer the turn whose button was pressed again."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            turn = await self._ledger.history.turn(turn_id)
            refusal = localized("too-late-to-answer-again")
            if turn is not None and turn.attempt == attempt:
                if not may_act_on(turn, interaction):
                    refusal = localized("not-yours-to-answer-again")
                elif await self._ledger.turns.again(turn_id, attempt) is not None:
                    self._schedule(turn.channel_id)
                    return
            await response.note(refusal)

    async def page_pressed(self, interaction: discord.Interaction[Any], page: int) -> None:
        """Show another page of the list of runs."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            await self._show_page(response, interaction, page)

    async def list_runs(
        self, interaction: discord.Interaction[Any], page: app_commands.Range[int, 1, 1_000_000] = 1
    ) -> None:
        """Show a page of the runs that this member may see, newest first."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            await self._show_page(response, interaction, page)

    async def show_run(self, interaction: discord.Interaction[Any], run: LongName) -> None:
        """Show the details of a run."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            turn = await self._named(run, interaction)
            text = sentences.no_such_run(run)
            if turn is not None:
                questions = await self._ledger.questions.of_turn(turn.id)
                texts = [question.content for question in questions]
                text = sentences.run_details(turn, self._clock.now(), texts)
            await response.show(text)

    async def cancel_run(
        self, interaction: discord.Interaction[Any], run: LongName | None = None
    ) -> None:
        """Cancel the named run, or the one in this channel if none is named."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            await response.show(await self._cancelled(interaction, run))

    async def any_run(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Return the runs that this member may see and whose label contains ``typed``."""
        return await self._choices(interaction, typed, active=False)

    async def active_run(
        self, interaction: discord.Interaction[Any], typed: str
    ) -> list[app_commands.Choice[str]]:
        """Return the runs that this member may cancel and whose label contains ``typed``."""
        return await self._choices(interaction, typed, active=True)

    async def _choices(
        self, interaction: discord.Interaction[Any], typed: str, *, active: bool
    ) -> list[app_commands.Choice[str]]:
        if active and not interaction.permissions.manage_messages:
            scope = scope_of(interaction, asker_id=interaction.user.id)
        else:
            scope = scope_of(interaction)
        history = self._ledger.history
        turns = await (
            history.cancellable(scope, limit=_MOST_CHOICES)
            if active
            else history.newest(scope, offset=0, limit=_MOST_CHOICES)
        )
        found: list[app_commands.Choice[str]] = []
        for turn in turns:
            if active and not may_act_on(turn, interaction):
                continue
            questions = await self._ledger.questions.of_turn(turn.id)
            asked = questions[-1].content if questions else ""
            label = sentences.run_choice(turn, self._clock.now(), asked)
            if typed.casefold() in label.casefold():
                found.append(app_commands.Choice(name=label, value=str(turn.id)))
        return found

    async def _show_page(
        self, response: AcknowledgedInteraction, interaction: discord.Interaction[Any], page: int
    ) -> None:
        scope = scope_of(interaction)
        pages = max(1, -(-await self._ledger.history.count(scope) // PAGE_SIZE))
        page = min(max(page, 1), pages)
        turns = await self._ledger.history.newest(
            scope, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE
        )
        text = localized("no-runs")
        if turns:
            # Only moderators need to know how busy the bot is.
            health = self._health() if interaction.permissions.manage_messages else None
            text = sentences.run_page(turns, self._clock.now(), page, pages, health)
        await response.show(text, buttons.page_view(page, pages))

    async def _cancelled(self, interaction: discord.Interaction[Any], name: str | None) -> str:
        turn: Turn | None
        if name is None:
            scope = scope_of(interaction)
            active = await self._ledger.history.cancellable(scope, limit=100)
            turn = next((t for t in active if t.channel_id == interaction.channel_id), None)
            if turn is None:
                return localized("nothing-running")
        else:
            turn = await self._named(name, interaction)
            if turn is None:
                return sentences.no_such_run(name)
        if not may_act_on(turn, interaction):
            return localized("not-yours-to-cancel")
        if not await self._request_cancel(turn, interaction):
            return localized("too-late-to-cancel")
        return localized("cancelling", number=str(turn.id))

    async def _request_cancel(self, turn: Turn, interaction: discord.Interaction[Any]) -> bool:
        user = interaction.user
        stored = await self._ledger.turns.request_cancel(
            turn.id, turn.attempt, user.id, well_formed(user.display_name)
        )
        if stored is None:
            return False
        self._cancel(turn.id)
        return True

    async def _named(self, name: str, interaction: discord.Interaction[Any]) -> Turn | None:
        """Return the turn with that number or run id, if this member may see it."""
        number = name.strip().removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) <= 18:
            turn = await self._ledger.history.turn(int(number))
        else:
            turn = await self._ledger.history.of_run(name.strip())
        if turn is None:
            return None
        link = await self._ledger.link(turn.channel_id)
        private = link is None or link.private
        return turn if may_see(turn, interaction, private=private) else None
