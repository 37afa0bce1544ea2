"""The state machine of a turn: one step for each state of the ledger, until the turn has ended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from msgspec.structs import replace

from bot.assistants.api import EventStream
from bot.assistants.errors import APIError, ErrorBody
from bot.assistants.schema.objects import Run
from bot.assistants.states import TERMINAL
from bot.chat.reply.buttons import finished_buttons
from bot.chat.reply.delivery.channel_writer import MessageDeletedError
from bot.chat.reply.delivery.message_routes import UndeliverableError
from bot.chat.reply.reply import Reply
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.api_errors import LONGEST_WAIT, ThreadLostError, TurnError
from bot.chat.threads.messages.answer_text import answer_text_of
from bot.chat.threads.runs.run_end import RunEnd, with_answer
from bot.chat.threads.runs.run_follower import RunFollower
from bot.chat.turns.answer_extras import ExtrasReader, reminder_note
from bot.chat.turns.question_posting import post_questions, unread_in
from bot.chat.turns.turn_context import TurnContext, log_end
from bot.runtime.backoff import backoff
from bot.runtime.quoted_text import without_quotes
from bot.runtime.tasks import cancelling
from bot.store.ledger import LedgerError, Turn

MOST_INTERRUPTIONS: Final = 3
"""How often a started bot resumes a turn in the same state before it gives the turn up."""

CANCEL_SECONDS: Final = 3.0
"""How long Cancel waits for an unresponsive server while the turn has no run, in seconds."""

_SHOW_WAIT_SECONDS: Final = 1.5
"""How often the number of turns ahead is shown, in seconds."""

_WITH_SLOT: Final = frozenset({"placed", "posted", "running"})
"""The states in which a turn holds a run slot, or waits for one."""

_MOST_STARTS: Final = 5
"""How many streams may break before they name their run; then the turn fails."""

_MOST_THREADS: Final = 3
"""How many threads may be lost while a turn is answered; then the turn fails."""

_log: Final = logging.getLogger(__name__)


class TurnRunner:
    """Takes one turn from state to state, until the turn or this attempt has ended.

    After any failure the reply ends with a sentence that a member understands.
    """

    def __init__(self, context: TurnContext, reply: Reply) -> None:
        services = context.services
        self._context = context
        self._reply = reply
        self._ledger = services.ledger
        self._clock = services.clock
        self._threads = services.threads
        self._services = services
        self._follower = RunFollower(
            services.threads, services.clock, self._show, context.cancel_requested, context.calls
        )
        self._extras = ExtrasReader(context)
        self._asked: str | None = None
        self._run: Run | None = None
        self._events: EventStream | None = None
        self._end: RunEnd | None = None
        self._lost_thread: str | None = None
        self._starts = 0
        self._lost_threads = 0

    async def pause(self, note: str) -> None:
        """Add a note to the reply at shutdown, and leave no task of the reply behind."""
        await self._reply.pause(note)
        await self._reply.stop()

    async def to_end(self) -> bool:
        """Take the turn from state to state; return False if no step is possible for now.

        A deleted question may begin the next attempt, which needs another runner.
        """
        turn: Turn | None = self._context.turn
        assert turn is not None
        if (
            turn.interruptions > MOST_INTERRUPTIONS
            and turn.state != "closing"
            and not await self._has_ended_run(turn)
        ):
            turn = await self._fail(turn, "gave_up") or turn
        while turn is not None and self._is_current(turn):
            if turn.state not in _WITH_SLOT:
                turn = await self._next(turn)
                continue
            async with self._context.slot:
                while turn is not None and turn.state in _WITH_SLOT and self._is_current(turn):
                    turn = await self._next(turn)
        return turn is not None

    def _is_current(self, turn: Turn) -> bool:
        """Return whether a turn is open and still in this attempt."""
        return turn.open and turn.attempt == self._context.turn.attempt

    async def _next(self, turn: Turn) -> Turn | None:
        """Take the step of the turn's state; return the turn after it, None if it did not move."""
        steps: dict[str, Callable[[Turn], Awaitable[Turn | None]]] = {
            "waiting": self._place,
            "placed": self._post,
            "posted": self._start,
            "running": self._follow,
            "closing": self._close,
        }
        if turn.canceller is not None:
            self._context.cancel()
        moved = await self._step(turn, steps[turn.state])
        if moved is not None:
            return moved
        # Another writer has moved the turn: continue from its state in the ledger.
        current = await self._ledger.history.turn(turn.id)
        if current is None or (current.state, current.attempt) == (turn.state, turn.attempt):
            return None
        return current

    async def _has_ended_run(self, turn: Turn) -> bool:
        """Return whether the turn's run has ended; cancel the run if it has not."""
        thread_id, run_id = turn.thread_id, turn.run_id
        if turn.state != "running" or thread_id is None or run_id is None:
            return False
        api = self._threads.api
        try:
            run = await api.retrieve_run(thread_id, run_id)
            if run.status not in TERMINAL:
                await api.cancel_run(thread_id, run_id)
        except (APIError, TurnError) as error:
            _log.info("Turn %d: the state of run %s is not known: %s", turn.id, run_id, error)
            return False
        return run.status in TERMINAL

    async def _step(
        self, turn: Turn, step: Callable[[Turn], Awaitable[Turn | None]]
    ) -> Turn | None:
        """Take a step; a failure ends the turn with a sentence in the reply."""
        try:
            if turn.state in ("placed", "posted"):
                return await self._cancellable(turn, step)
            return await step(turn)
        except TurnError as error:
            return await self._fail(turn, error.kind, str(error))
        except MessageDeletedError as error:
            await self._ledger.deletions.messages_deleted((error.message_id,))
            return await self._ledger.history.turn(turn.id)
        except UndeliverableError as error:
            return await self._fail(turn, "undeliverable", f"Discord takes nothing there: {error}")
        except LedgerError:
            # The ledger can't be written, as on a full disk: the turn is tried again later.
            raise
        except Exception:
            # A defect of any kind must not leave the member waiting: the reply ends with a
            # sentence. If the final reply itself can't be written, the turn is tried again later.
            if turn.state == "closing":
                raise
            _log.exception("Turn %d failed in state %s", turn.id, turn.state)
            return await self._fail(turn, "internal")

    async def _cancellable(
        self, turn: Turn, step: Callable[[Turn], Awaitable[Turn | None]]
    ) -> Turn | None:
        """Take a step towards the run, but abandon the step 3 seconds after a cancel request.

        If the step creates a run nevertheless, the start of the channel's next run cancels it.
        """
        stepping = asyncio.ensure_future(step(turn))
        overdue = asyncio.create_task(self._cancel_overdue())
        async with cancelling(stepping, overdue):
            await asyncio.wait({stepping, overdue}, return_when=asyncio.FIRST_COMPLETED)
            if stepping.done():
                return stepping.result()
            return await self._cancelled(turn)

    async def _wait_for_slot(self) -> bool:
        """Wait for the turn's slot and show how many turns are ahead; return False if cancelled."""
        slot = self._context.slot
        acquiring = asyncio.ensure_future(slot.wait())
        cancelled = asyncio.create_task(self._context.cancel_requested.wait())
        shown = 0
        async with cancelling(acquiring, cancelled):
            while not acquiring.done() and not cancelled.done():
                await asyncio.wait(
                    {acquiring, cancelled},
                    timeout=_SHOW_WAIT_SECONDS,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                count = slot.ahead()
                if slot.waits_for_limit and not acquiring.done():
                    self._reply.show(partial(localized, "limit-runs"))
                if count and count != shown and not acquiring.done():
                    shown = count
                    self._reply.show(partial(sentences.ahead, count))
            self._services.throttle.stop_waiting(self._context.turn.channel_id)
            return acquiring.done()

    async def _cancel_overdue(self) -> None:
        await self._context.cancel_requested.wait()
        await self._clock.sleep(CANCEL_SECONDS)

    async def _fail(self, turn: Turn, kind: FailureKind, reason: str = "") -> Turn | None:
        if self._end is None:
            self._end = RunEnd("failed", self._follower.text, kind, reason=reason)
        return await self._ledger.turns.closing(turn.id, turn.attempt, "failed", error=kind)

    async def _cancelled(self, turn: Turn) -> Turn | None:
        if self._context.channel_lost:
            return await self._fail(turn, "undeliverable")
        return await self._ledger.turns.closing(turn.id, turn.attempt, "cancelled")

    async def _place(self, turn: Turn) -> Turn | None:
        questions = await self._ledger.questions.of_turn(turn.id)
        asked_here = all(question.channel_id == turn.channel_id for question in questions)
        reminder = next((each for each in questions if each.cause_kind == "reminder"), None)
        message_id = await self._reply.send_placeholder(
            in_reply=asked_here,
            note="" if reminder is None else reminder_note(reminder),
            notifies=None if reminder is None else reminder.author_id,
        )
        self._services.metrics.thinking_shown(self._context.seconds(turn))
        return await self._ledger.turns.placed(turn.id, turn.attempt, message_id)

    async def _post(self, turn: Turn) -> Turn | None:
        if turn.canceller is not None and not turn.run_id:
            return await self._cancelled(turn)
        if not await self._wait_for_slot():
            return await self._cancelled(turn)
        return await post_questions(self._context, turn, lost=self._lost_thread)

    async def _start(self, turn: Turn) -> Turn | None:
        assert turn.thread_id is not None
        try:
            started: Run | EventStream | None = None
            if self._context.unsure:
                started = await self._threads.find_run(turn.thread_id, turn)
            if started is None and turn.canceller is not None:
                return await self._cancelled(turn)
            if started is None and not await self._wait_for_slot():
                return await self._cancelled(turn)
            if started is None:
                describe = self._services.place.describe
                started = await self._threads.start_run(turn.thread_id, turn, describe)
            run = started if isinstance(started, Run) else await self._named_run(turn, started)
        except ThreadLostError:
            self._lost_threads += 1
            if self._lost_threads > _MOST_THREADS:
                raise TurnError("refused", "one thread after the other was lost") from None
            self._lost_thread = turn.thread_id
            return await self._ledger.turns.lost_thread(turn.id, turn.attempt)
        self._run = run
        if run is None:
            self._starts += 1
            if self._starts >= _MOST_STARTS:
                raise TurnError("unreachable", "every stream broke before it named its run")
            await self._clock.sleep(backoff(self._starts, LONGEST_WAIT))
            return turn
        return await self._ledger.turns.run_created(turn.id, turn.attempt, run.id)

    async def _named_run(self, turn: Turn, events: EventStream) -> Run | None:
        """Read a new run's events until one has the run; None if the stream breaks before that."""
        try:
            async for event in events:
                if isinstance(event.data, Run):
                    self._events = events
                    return event.data
                if isinstance(event.data, ErrorBody):
                    _log.info(
                        "Turn %d: the server created no run: %s",
                        turn.id,
                        without_quotes(event.data.message),
                    )
        except APIError as error:
            _log.info("Turn %d: the stream broke before its run was known: %s", turn.id, error)
        await events.aclose()
        self._context.unsure = True
        return None

    def _show(self, text: Callable[[], str]) -> None:
        """Show the text so far; above it stand questions from forms, which no message shows."""
        self._reply.show(lambda: sentences.below_questions(self._asked or "", text()))

    async def _follow(self, turn: Turn) -> Turn | None:
        self._context.slot.take()
        self._asked = await self._extras.questions_of_forms(turn)
        events, self._events = self._events, None
        try:
            run = self._run
            if run is None:
                run = await self._threads.api.retrieve_run(turn.thread_id or "", turn.run_id or "")
            self._end = await self._follower.to_end(run, events)
            self._reply.end_progress()
        except APIError as error:
            reason = f"it can't be read: {error}"
            self._end = RunEnd("failed", self._follower.text, "model_failed", reason=reason)
        end = self._end
        if self._context.channel_lost and end.outcome == "cancelled":
            end = self._end = replace(end, outcome="failed", error="undeliverable")
        return await self._services.charge_settler.close(turn, end)

    async def _close(self, turn: Turn) -> Turn | None:
        if turn.outcome == "withdrawn":
            return await self._withdraw(turn)
        if self._end is None:
            self._end = await self._stored_end(turn)
        text = self._end.text
        failed = turn.outcome == "failed"
        if turn.outcome == "answered" and not text:
            text = localized("empty-answer")
        if failed:
            told = await self._services.alerts.turn_failed(
                turn.error, self._end.model, self._end.reason
            )
            sentence = sentences.failure(turn.error, told=told)
            text = f"{text}\n\n{sentence}" if text else sentence
        if self._asked is None:
            self._asked = await self._extras.questions_of_forms(turn)
        text = sentences.below_questions(self._asked, text)
        took = self._context.seconds(turn)
        reason = self._end.reason
        if self._context.unread is None:
            self._context.unread = await unread_in(self._ledger, turn)
        try:
            extras = await self._extras.read(
                turn,
                self._end,
                took,
                self._context.unread,
                is_detached=self._reply.is_detached,
            )
            notes = extras.notes
            shown = finished_buttons(
                turn,
                self._services.settings.buttons,
                await self._services.channel_settings.buttons_of(turn),
            )
            delivered = await self._reply.finish(text, notes, shown, uploads=extras.uploads)
        except UndeliverableError as error:
            reason = reason or f"Discord takes nothing there: {error}"
            self._services.alerts.undelivered_soon(turn, error)
            await self._services.asker_notices.tell_askers(turn)
            delivered = False
        await self._services.tags.want(turn)
        if delivered:
            if turn.outcome == "answered":
                self._services.alerts.turn_answered_soon(turn, self._end.model)
                await self._services.namer.want_title(turn)
            closed = await self._ledger.turns.closed(turn.id, turn.attempt, took)
        else:
            closed = await self._ledger.turns.undelivered(turn.id, turn.attempt)
        return self._ended(closed, took, reason)

    async def _withdraw(self, turn: Turn) -> Turn | None:
        """End a turn whose questions or reply were deleted: the bot sends nothing any more."""
        questions = await self._ledger.questions.of_turn(turn.id)
        note = localized("reply-deleted") if questions else localized("question-deleted")
        await self._reply.close(note)
        closed = await self._ledger.turns.closed(turn.id, turn.attempt)
        return self._ended(closed, self._context.seconds(turn), "")

    def _ended(self, turn: Turn | None, took: float, reason: str) -> Turn | None:
        """Log the end of a turn, and begin its follow-ups: charges, a title, chores."""
        if turn is not None:
            self._services.metrics.turn_ended(turn.outcome or turn.state, took)
            log_end(turn, took, reason)
            self._services.charge_settler.turn_ended(turn)
            self._services.namer.name_soon(turn)
            if turn.has_chores:
                self._services.chores.begin((turn.channel_id,))
        return turn

    async def _stored_end(self, turn: Turn) -> RunEnd:
        """Return the end of the run from the stored messages, as after a restart."""
        assert turn.outcome is not None
        end = RunEnd(turn.outcome, "", turn.error, turn.tokens)
        if turn.thread_id is None or turn.run_id is None:
            return end
        try:
            messages = await self._threads.messages_of(turn.thread_id, turn.run_id)
            end = with_answer(end, answer_text_of(messages))
            if "model" in self._services.settings.footer:
                run = await self._threads.api.retrieve_run(turn.thread_id, turn.run_id)
                end = replace(end, model=run.model)
        except APIError as error:
            _log.warning("Turn %d: its answer can't be read: %s", turn.id, error)
        return end
