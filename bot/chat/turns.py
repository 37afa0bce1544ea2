"""A channel's own order: one turn at a time, and what waits is answered together in the next.

A turn goes from state to state of the ledger until it has ended; whatever goes wrong on the way,
it ends with something a person can read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError
from bot.assistants.objects import Run
from bot.chat import sentences
from bot.chat.asking import Files
from bot.chat.conversation import Conversations, ThreadLostError, TurnError
from bot.chat.following import Following, RunEnd, spoken
from bot.chat.pace import Pace
from bot.chat.postbox import Postbox, UndeliverableError
from bot.chat.reply import Reply
from bot.chat.sentences import FailureKind
from bot.clock import Clock
from bot.store.ledger import Ledger, Turn

MOST_PICKUPS: Final = 3
"""How often a turn is taken up again in one state before the person is told."""

STANDSTILL_SECONDS: Final = 10.0
"""Before a channel that could not go on is tried again, in seconds."""

_MOST_STARTS: Final = 5

_log = logging.getLogger(__name__)


class Turns:
    """Drives the turns of all channels; ``postbox`` opens a channel to write to."""

    def __init__(
        self,
        ledger: Ledger,
        conversations: Conversations,
        pace: Pace,
        clock: Clock,
        *,
        postbox: Callable[[Turn], Postbox],
        files: Files,
        me: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._conversations = conversations
        self._pace = pace
        self._clock = clock
        self._postbox = postbox
        self._files = files
        self._me = me
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._due: set[int] = set()
        self._driven: dict[int, Drive] = {}
        self._closing = False

    def nudge(self, channel_id: int) -> None:
        """There is something to do in a channel, or may be."""
        self._due.add(channel_id)
        if channel_id not in self._workers and not self._closing:
            self._workers[channel_id] = asyncio.create_task(self._work(channel_id))

    def cancel(self, turn_id: int) -> None:
        """Act on the ledger's word that a turn is to be cancelled."""
        drive = self._driven.get(turn_id)
        if drive is not None:
            drive.cancel()

    async def stop(self, note: str) -> None:
        """Leave every turn as the ledger has it; replies under way say that they will go on."""
        self._closing = True
        workers = list(self._workers.values())
        drives = list(self._driven.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await asyncio.gather(*(drive.pause(note) for drive in drives), return_exceptions=True)

    async def _work(self, channel_id: int) -> None:
        try:
            while channel_id in self._due:
                self._due.discard(channel_id)
                if not await self._work_off(channel_id):
                    self._due.add(channel_id)
                    await self._clock.sleep(STANDSTILL_SECONDS)
        finally:
            del self._workers[channel_id]

    async def _work_off(self, channel_id: int) -> bool:
        """Drive the channel's turns while there are any; False where it could not go on."""
        try:
            while (turn := await self._ledger.turns.next_in(channel_id)) is not None:
                if not await self._drive(turn):
                    return False
        except Exception:  # noqa: BLE001 - a full disk or our own defect: the channel must go on
            _log.exception("Channel %d stands still for a moment", channel_id)
            return False
        return True

    async def _drive(self, turn: Turn) -> bool:
        """Bring a turn to its end; False where it could not be brought further."""
        drive = Drive(
            turn,
            self._ledger,
            self._conversations,
            self._clock,
            Reply(
                turn,
                self._postbox(turn),
                self._ledger,
                self._pace,
                self._me(),
                unsure=turn.pickups > 0,
            ),
            self._files,
        )
        self._driven[turn.id] = drive
        self._pace.begin(turn.channel_id)
        try:
            return await drive.to_end()
        finally:
            if not self._closing:
                del self._driven[turn.id]
            self._pace.end(turn.channel_id)


class Drive:
    """One turn on its way through the ledger's states."""

    def __init__(
        self,
        turn: Turn,
        ledger: Ledger,
        conversations: Conversations,
        clock: Clock,
        reply: Reply,
        files: Files,
    ) -> None:
        self._turn = turn
        self._ledger = ledger
        self._conversations = conversations
        self._clock = clock
        self._reply = reply
        self._files = files
        self._following = Following(conversations, clock, reply.show)
        self._events: EventStream | None = None
        self._end: RunEnd | None = None
        self._lost: str | None = None
        self._starts = 0
        self._unsure = turn.pickups > 0

    def cancel(self) -> None:
        """Cancel its run, or let none be created."""
        self._following.cancel()

    async def pause(self, note: str) -> None:
        """Say in the reply that it will go on."""
        await self._reply.pause(note)

    async def to_end(self) -> bool:
        """Go from state to state; False where the turn could not be brought further."""
        steps: dict[str, Callable[[Turn], Awaitable[Turn | None]]] = {
            "waiting": self._place,
            "placed": self._post,
            "posted": self._start,
            "running": self._follow,
            "closing": self._close,
        }
        turn = self._turn
        if turn.pickups > MOST_PICKUPS and turn.state != "closing":
            turn = await self._fail(turn, "gave_up") or turn
        while turn.open:
            if turn.canceller is not None:
                self._following.cancel()
            moved = await self._step(turn, steps[turn.state])
            if moved is None:
                # Somebody was first: go on from what the ledger says.
                current = await self._ledger.history.turn(turn.id)
                if current is None or (current.state, current.attempt) == (
                    turn.state,
                    turn.attempt,
                ):
                    return False
                moved = current
            turn = moved
        return True

    async def _step(
        self, turn: Turn, step: Callable[[Turn], Awaitable[Turn | None]]
    ) -> Turn | None:
        """Take a step; what goes wrong with it ends the turn with a sentence."""
        try:
            return await step(turn)
        except TurnError as error:
            _log.warning("Turn %d: %s: %s", turn.id, error.kind, error)
            return await self._fail(turn, error.kind)
        except UndeliverableError as error:
            _log.warning(
                "Turn %d: Discord takes nothing in %d: %s", turn.id, turn.channel_id, error
            )
            if turn.state == "closing":
                return await self._ledger.turns.closed(turn.id, turn.attempt)
            return await self._fail(turn, "undeliverable")
        except Exception:
            if turn.state == "closing":
                raise
            _log.exception("Turn %d failed in state %s", turn.id, turn.state)
            return await self._fail(turn, "internal")

    async def _fail(self, turn: Turn, kind: FailureKind) -> Turn | None:
        if self._end is None:
            self._end = RunEnd("failed", self._following.text, kind)
        return await self._ledger.turns.closing(turn.id, turn.attempt, "failed", error=kind)

    async def _cancelled(self, turn: Turn) -> Turn | None:
        return await self._ledger.turns.closing(turn.id, turn.attempt, "cancelled")

    async def _place(self, turn: Turn) -> Turn | None:
        questions = await self._ledger.questions.of_turn(turn.id)
        asked_here = all(question.channel_id == turn.channel_id for question in questions)
        message_id = await self._reply.place(in_reply=asked_here)
        return await self._ledger.turns.placed(turn.id, turn.attempt, message_id)

    async def _post(self, turn: Turn) -> Turn | None:
        if turn.canceller is not None and not turn.run_id:
            return await self._cancelled(turn)
        questions = await self._ledger.questions.of_turn(turn.id)
        thread_id = await self._conversations.post(
            turn, questions, self._files, unsure=self._unsure, lost=self._lost
        )
        return await self._ledger.turns.posted(turn.id, turn.attempt, thread_id)

    async def _start(self, turn: Turn) -> Turn | None:
        assert turn.thread_id is not None
        try:
            started: Run | EventStream | None = None
            if self._unsure:
                started = await self._conversations.find_run(turn.thread_id, turn)
            if started is None and turn.canceller is not None:
                return await self._cancelled(turn)
            if started is None:
                started = await self._conversations.start_run(turn.thread_id, turn)
            run = started if isinstance(started, Run) else await self._first(turn, started)
        except ThreadLostError:
            self._lost = turn.thread_id
            return await self._ledger.turns.lost_thread(turn.id, turn.attempt)
        if run is None:
            self._starts += 1
            if self._starts >= _MOST_STARTS:
                raise TurnError("unreachable", "every stream broke before it named its run")
            return turn
        return await self._ledger.turns.run_created(turn.id, turn.attempt, run.id)

    async def _first(self, turn: Turn, events: EventStream) -> Run | None:
        """Read a new run's events up to the one that names it; None where it has to be found."""
        try:
            async for event in events:
                if isinstance(event.data, Run):
                    self._events = events
                    return event.data
        except APIError as error:
            _log.info("Turn %d: the stream broke before its run was known: %s", turn.id, error)
        await events.aclose()
        self._unsure = True
        return None

    async def _follow(self, turn: Turn) -> Turn | None:
        assert turn.thread_id is not None
        assert turn.run_id is not None
        thread_id, run_id = turn.thread_id, turn.run_id
        api = self._conversations.api
        events, self._events = self._events, None
        try:
            run = await self._conversations.ask(lambda: api.retrieve_run(thread_id, run_id))
            self._end = await self._following.to_end(run, events)
        except APIError as error:
            _log.warning("Turn %d: run %s is gone: %s", turn.id, run_id, error)
            self._end = RunEnd("failed", self._following.text, "model_failed")
        end = self._end
        return await self._ledger.turns.closing(
            turn.id, turn.attempt, end.outcome, error=end.error, tokens=end.tokens
        )

    async def _close(self, turn: Turn) -> Turn | None:
        if turn.error != "undeliverable":
            text = self._end.text if self._end is not None else await self._said(turn)
            failed = turn.outcome == "failed"
            if turn.outcome == "answered" and not text:
                text = sentences.EMPTY_ANSWER
            if failed:
                told = sentences.failure(turn.error)
                text = f"{text}\n\n{told}" if text else told
            await self._reply.finish(text, self._notes(turn), retry=failed)
        return await self._ledger.turns.closed(turn.id, turn.attempt)

    async def _said(self, turn: Turn) -> str:
        """Read again what the run said, after a restart."""
        if turn.thread_id is None or turn.run_id is None:
            return ""
        try:
            messages = await self._conversations.messages_of(turn.thread_id, turn.run_id)
        except APIError as error:
            _log.warning("Turn %d: its answer can't be read again: %s", turn.id, error)
            return ""
        return spoken(messages)

    def _notes(self, turn: Turn) -> list[str]:
        notes: list[str] = []
        if turn.outcome == "cancelled":
            notes.append(sentences.cancelled(turn.canceller))
        if turn.error == "incomplete":
            notes.append(sentences.INCOMPLETE)
        if turn.fallback:
            notes.append(sentences.NO_CHANNEL_THREAD)
        if turn.outcome == "answered":
            notes.append(sentences.measured(self._clock.now() - turn.started_at, turn.tokens))
        return notes
