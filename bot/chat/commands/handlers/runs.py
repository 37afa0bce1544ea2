"""``/runs``: lists, shows, cancels and retries the runs that a member may see."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import discord
from discord import app_commands

from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.localization import Choices
from bot.chat.commands.permissions import may_act_on, may_see, scope_of
from bot.chat.reply import buttons
from bot.chat.reply.buttons import RunFilter, RunState
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rest_retry import RestRetry
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, Scope, Turn

LongName = app_commands.Range[str, 1, 100]

AnyChannel = app_commands.AppCommandChannel | app_commands.AppCommandThread

Act = Callable[[discord.Interaction[Any], Turn], Awaitable[bool]]
"""Cancels or retries a turn; False: it was too late."""

AnswerReader = Callable[[Turn], Awaitable[str]]
"""Returns the answer of an ended turn; empty where it can't be read."""

PAGE_SIZE: Final = 5
"""Runs on a page of the list."""

_MOST_CHOICES: Final = 25
"""The most choices that Discord shows for an option."""

_MOST_SEARCHED: Final = 200
"""The most runs, the newest, that are searched for what a member types."""


class RunCommands:
    """Handles ``/runs`` and the buttons below its list.

    ``cancel`` and ``retry`` act on a turn that the member may act on. ``health`` returns a line
    about how busy the bot is, ``cost`` what a turn cost, "" where that is not known, ``answer_of``
    the answer of a turn.
    """

    def __init__(
        self,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        *,
        cancel: Act,
        retry: Act,
        health: Callable[[], str],
        cost: Callable[[Turn], Awaitable[str]],
        answer_of: AnswerReader,
    ) -> None:
        self._ledger = ledger
        self._answer_of = answer_of
        self._rest = rest
        self._clock = clock
        self._cancel = cancel
        self._retry = retry
        self._health = health
        self._cost = cost

    async def page_pressed(
        self, interaction: discord.Interaction[Any], page: int, chosen: RunFilter
    ) -> None:
        """Show another page of the list of runs."""
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            await self._show_page(response, interaction, page, chosen)

    async def list_runs(
        self,
        interaction: discord.Interaction[Any],
        state: RunState | None = None,
        member: discord.User | None = None,
        channel: AnyChannel | None = None,
        page: app_commands.Range[int, 1, 1_000_000] = 1,
    ) -> None:
        """Show a page of the runs that this member may see, newest first."""
        chosen = RunFilter(
            state=state,
            member_id=None if member is None else member.id,
            channel_id=None if channel is None else channel.id,
        )
        async with self._acknowledged(interaction) as response:
            await self._show_page(response, interaction, page, chosen)

    async def show_run(self, interaction: discord.Interaction[Any], run: LongName) -> None:
        """Show the details of a run."""
        async with self._acknowledged(interaction) as response:
            turn = await self._named(run, interaction)
            text = sentences.no_such_run(run)
            files: list[tuple[str, str]] = []
            if turn is not None:
                questions = await self._ledger.questions.of_turn(turn.id)
                texts = [question.content for question in questions]
                text = sentences.run_details(turn, self._clock.now(), texts, await self._cost(turn))
                if turn.personal is not None and turn.asked_by(interaction.user.id):
                    # Discord may not have taken an answer that came after 15 minutes.
                    answer = await self._answer_of(turn)
                    files = [("answer.md", answer)] if answer else []
            await response.show(text, files=files)

    async def cancel_run(
        self, interaction: discord.Interaction[Any], run: LongName | None = None
    ) -> None:
        """Cancel the named run, or the one in this channel if none is named."""
        async with self._acknowledged(interaction) as response:
            await response.show(await self._cancelled(interaction, run))

    async def retry_run(self, interaction: discord.Interaction[Any], run: LongName) -> None:
        """Make one more attempt at a run that failed."""
        async with self._acknowledged(interaction) as response:
            turn = await self._named(run, interaction)
            if turn is None:
                text = sentences.no_such_run(run)
            elif not may_act_on(turn, interaction):
                text = localized("not-yours-to-retry")
            elif turn.personal is not None:
                text = localized("retry-by-button")
            elif await self._ledger.handovers.is_under_way(turn.channel_id):
                text = localized("help-ask-people")
            elif not await self._retry(interaction, turn):
                text = localized("too-late-to-retry")
            else:
                text = localized("retrying", number=str(turn.id))
            await response.show(text)

    async def any_run(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the number of a run that this member may see."""
        return await self._choices(interaction, typed, state=None)

    async def active_run(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the number of a run that this member may cancel."""
        return await self._choices(interaction, typed, state="active")

    async def failed_run(self, interaction: discord.Interaction[Any], typed: str) -> Choices:
        """Complete the number of a run that this member may retry."""
        return await self._choices(interaction, typed, state="failed")

    async def _choices(
        self, interaction: discord.Interaction[Any], typed: str, *, state: RunState | None
    ) -> Choices:
        own = state is not None and not interaction.permissions.manage_messages
        chosen = RunFilter(state=state, member_id=interaction.user.id if own else None)
        turns = await self._ledger.history.newest(
            scope_of(interaction, chosen),
            offset=0,
            limit=_MOST_SEARCHED if typed else _MOST_CHOICES,
        )
        found: Choices = []
        for turn in turns:
            if state is not None and not may_act_on(turn, interaction):
                continue
            label = sentences.run_choice(turn, self._clock.now(), await self._asked(turn))
            if typed.casefold() in label.casefold():
                found.append(app_commands.Choice(name=label, value=str(turn.id)))
            if len(found) == _MOST_CHOICES:
                break
        return found

    async def _show_page(
        self,
        response: AcknowledgedInteraction,
        interaction: discord.Interaction[Any],
        page: int,
        chosen: RunFilter,
    ) -> None:
        scope = scope_of(interaction, chosen)
        pages = max(1, -(-await self._ledger.history.count(scope) // PAGE_SIZE))
        page = min(max(page, 1), pages)
        turns = await self._ledger.history.newest(
            scope, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE
        )
        text = localized("no-runs" if chosen == RunFilter() else "no-such-runs")
        if turns:
            # Only moderators need to know how busy the bot is.
            health = self._health() if interaction.permissions.manage_messages else None
            listed = [(turn, await self._asked(turn), await self._cost(turn)) for turn in turns]
            text = sentences.run_page(listed, self._clock.now(), page, pages, health)
        await response.show(text, buttons.page_view(page, pages, chosen))

    async def _asked(self, turn: Turn) -> str:
        """Return the newest question of a turn."""
        questions = await self._ledger.questions.of_turn(turn.id)
        return questions[-1].content if questions else ""

    async def _cancelled(self, interaction: discord.Interaction[Any], name: str | None) -> str:
        turn: Turn | None
        if name is None:
            scope = Scope(channel_id=interaction.channel_id or 0, state="active")
            turn = next(iter(await self._ledger.history.newest(scope, offset=0, limit=1)), None)
            if turn is None:
                return localized("nothing-running")
        else:
            turn = await self._named(name, interaction)
            if turn is None:
                return sentences.no_such_run(name)
        if not may_act_on(turn, interaction):
            return localized("not-yours-to-cancel")
        if not await self._cancel(interaction, turn):
            return localized("too-late-to-cancel")
        return localized("cancelling", number=str(turn.id))

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

    def _acknowledged(self, interaction: discord.Interaction[Any]) -> AcknowledgedInteraction:
        return AcknowledgedInteraction(interaction, self._rest, ephemeral=True)
