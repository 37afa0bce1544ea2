"""Makes each function call once that a person allowed after the call's run had gone on.

A call is stored as started before it is made. Its result is stored together with a question, which
brings the result to the assistant.
"""

import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.threads.runs.run_follower import FUNCTION_UNAVAILABLE
from bot.chat.turns.functions.approvals import call_of, question_about
from bot.chat.turns.functions.function_calls import DENIED, INTERRUPTED, LIMITED, FunctionCaller
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import Approval, CallFile, CallOutcome
from bot.tools.call import CallResult
from bot.tools.tool import ArgumentsError, ToolFile

_log: Final = logging.getLogger(__name__)


class LateCalls:
    """Makes the late calls; ``schedule`` is called with the channel of each result."""

    def __init__(self, caller: FunctionCaller, schedule: Callable[[int], None]) -> None:
        self._caller = caller
        self._ledger = caller.ledger
        self._schedule = schedule
        self._tasks = BackgroundTasks()

    def make_soon(self, approval: Approval) -> None:
        """Make a granted call in the background."""
        self._tasks.start(
            self._make(approval),
            f"The call of approval {approval.id} has not ended; the next start continues",
        )

    def resume_soon(self) -> None:
        """Continue with the calls that an earlier process left unfinished."""
        self._tasks.start(self._resume(), "Allowed calls could not be resumed")

    async def stop(self) -> None:
        """Cancel the calls under way; the next start continues with them."""
        await self._tasks.stop()

    async def _resume(self) -> None:
        unfinished = await until_ledger_answers(
            self._ledger.approvals.unfinished, self._caller.clock, "Allowed calls can't be read"
        )
        for approval in unfinished:
            self.make_soon(approval)

    async def _make(self, approval: Approval) -> None:
        end = await self._end(approval)
        if end is None:
            return
        text = f"[{call_of(approval)} was allowed by a person, and has ended.]\n{end.output}"
        asked = await self._ledger.approvals.finished(
            approval,
            question_about(approval, text),
            end.outcome,
            end.output,
            [CallFile(file.name, file.data) for file in end.files],
        )
        if asked:
            self._schedule(approval.channel_id)

    async def _end(self, approval: Approval) -> "_End | CallResult | None":
        """Make a call and return its end; None if another task makes the call."""
        caller = self._caller
        tool = caller.functions.get(approval.name)
        turn = await self._ledger.history.turn(approval.turn_id)
        if tool is None or turn is None:
            return _End("invalid", FUNCTION_UNAVAILABLE)
        if await caller.decision(turn, tool, approval.assistant_id) == "deny":
            return _End("denied", DENIED)
        try:
            prepared = tool.prepare(approval.arguments)
        except ArgumentsError as error:
            return _End("invalid", f"Error: {error}")
        if approval.state == "started":
            if not tool.idempotent:
                return _End("interrupted", INTERRUPTED)
        else:
            started = await self._ledger.approvals.started(approval, caller.limits)
            if started == "taken":
                return None
            if started != "started":
                return _End("limited", LIMITED[started])
        return await caller.make(turn, tool, prepared)


class _End(Struct, frozen=True):
    """The end of a call that was not made, or that a restart interrupted."""

    outcome: CallOutcome
    output: str
    files: tuple[ToolFile, ...] = ()
