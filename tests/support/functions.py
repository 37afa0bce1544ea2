"""A run follower whose runs call no functions."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import ToolOutput
from bot.chat.threads.runs.run_follower import (
    FUNCTION_UNAVAILABLE,
    CallEnded,
    CurrentText,
    RunFollower,
)
from bot.chat.threads.threads import AssistantThreads
from bot.runtime.clock import Clock


class NoFunctions:
    """Answers each call that there is no such function."""

    async def outputs(self, run: Run, ended: CallEnded) -> Sequence[ToolOutput]:
        assert run.required_action is not None
        calls = run.required_action.submit_tool_outputs.tool_calls
        return [ToolOutput(tool_call_id=call.id, output=FUNCTION_UNAVAILABLE) for call in calls]

    async def submitted(self, run_id: str, call_ids: Sequence[str]) -> None:
        pass

    async def settled(self, run_id: str) -> None:
        pass

    async def looked_up(self, run_id: str, answered: Mapping[str, int]) -> None:
        pass

    async def cancelled(self, run_id: str) -> None:
        pass


def follower_of(
    threads: AssistantThreads,
    clock: Clock,
    show: Callable[[CurrentText], None],
    cancel_requested: asyncio.Event,
) -> RunFollower:
    return RunFollower(threads, clock, show, cancel_requested, NoFunctions())
