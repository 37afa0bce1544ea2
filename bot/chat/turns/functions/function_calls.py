"""Makes each function call of a turn's run once, and stores the call in the ledger.

A call is stored as started before it is made. Its output is stored before the output is submitted.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import discord
from msgspec import structs

from bot.assistants.schema.objects import RequiredToolCall, Run
from bot.assistants.schema.requests import ToolOutput
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.places import places_of
from bot.chat.threads.runs.run_follower import FUNCTION_UNAVAILABLE, CallEnded
from bot.chat.turns.functions.approvals import Approvals
from bot.chat.turns.functions.tool_context import ToolContexts, asker_of
from bot.config.tools import Decision, ToolRule
from bot.runtime.clock import Clock
from bot.runtime.tasks import cancelling
from bot.store.ledger import (
    CallFile,
    CallLimit,
    CallLimits,
    CallOutcome,
    Ledger,
    NewApproval,
    NewCall,
    StoredCall,
    Turn,
)
from bot.tools.call import CallResult, make_call
from bot.tools.context import PreparedCall
from bot.tools.functions import Functions
from bot.tools.policy import Circumstances, decide
from bot.tools.tool import ArgumentsError, Tool

INTERRUPTED: Final = (
    "Error: the bot was restarted while this call was made. Whether it had an effect is not known, "
    "so it was not made again."
)
DENIED: Final = "Error: this call is not allowed here. Answer without it, and say so."
LIMITED: Final[dict[CallLimit, str]] = {
    "run": "Error: this answer has made as many calls as it may. "
    "Call no more functions: answer now.",
    "minute": "Error: this server has made as many calls as it may in a minute. Answer without it.",
    "member": "Error: this member has made as many calls as they may in an hour. "
    "Answer without it.",
}
"""What the model reads as the output of a call beyond a limit."""

_log: Final = logging.getLogger(__name__)


class FunctionCaller:
    """Decides about the function calls of all turns, and makes calls."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        clock: Clock,
        choice: AssistantChoice,
        functions: Functions,
        contexts: ToolContexts,
        approvals: Approvals,
    ) -> None:
        self.client: Final = client
        self.ledger: Final = ledger
        self.clock: Final = clock
        self.choice: Final = choice
        self.functions: Final = functions
        self.contexts: Final = contexts
        self.approvals: Final = approvals
        self.settings: Final = functions.settings
        settings = functions.settings
        self.limits: Final = CallLimits(
            per_run=settings.calls_per_run,
            per_minute=settings.calls_per_minute,
            per_member_hour=settings.calls_per_member_hour,
        )

    async def decision(self, turn: Turn, tool: Tool, assistant_id: str) -> Decision:
        """Return whether a call of a turn is made, asks for approval, or is refused."""
        rules = self.settings.rules
        names = {name for name, known in self.choice.configured.items() if known == assistant_id}
        places = places_of(self.client, turn.guild_id or 0, turn.place_id, turn.parent_id)
        circumstances = Circumstances(
            channels=frozenset(places),
            assistants=frozenset({assistant_id, *names}),
            roles=await self._roles(turn, rules),
        )
        return decide(rules, tool, circumstances)

    async def make(self, turn: Turn, tool: Tool, prepared: PreparedCall) -> CallResult:
        """Make a call whose arguments were validated; raises ``LedgerError``."""
        return await make_call(
            tool,
            prepared,
            await self.contexts.of(turn, tool.name),
            self.clock,
            seconds=self.settings.seconds,
            most_characters=self.settings.output_characters,
        )

    async def _roles(self, turn: Turn, rules: Sequence[ToolRule]) -> tuple[frozenset[int], ...]:
        """Return the roles of each asker; empty where no rule names a role."""
        guild = None if turn.guild_id is None else self.client.get_guild(turn.guild_id)
        if guild is None or not any(rule.roles for rule in rules):
            return ()
        found = []
        for asker in turn.askers:
            try:
                member = await guild.fetch_member(asker.id)
                found.append(frozenset(role.id for role in member.roles))
            except discord.HTTPException as error:
                _log.info("The roles of member %d can't be read: %s", asker.id, error)
                found.append(frozenset())
        return tuple(found)


class TurnCalls:
    """The function calls of one turn: the ``CallAnswerer`` of its runs."""

    def __init__(self, caller: FunctionCaller, turn: Turn) -> None:
        self._caller = caller
        self._ledger = caller.ledger
        self._turn = turn
        self.submitted: Final = self._ledger.tool_calls.submitted
        self.settled: Final = self._ledger.tool_calls.settled
        self.looked_up: Final = self._ledger.tool_calls.looked_up
        self.made_files = False
        """Whether a call that was made in this process returned files."""

    async def outputs(self, run: Run, ended: CallEnded) -> tuple[ToolOutput, ...]:
        """Make the calls that a run waits for, side by side; return one output for each."""
        assert run.required_action is not None
        known = await self._ledger.tool_calls.unsubmitted(run.id)
        calls = run.required_action.submit_tool_outputs.tool_calls
        tasks = [
            asyncio.create_task(self._output(run, call, known.get(call.id), ended))
            for call in calls
        ]
        async with cancelling(*tasks):
            outputs = await asyncio.gather(*tasks)
        return tuple(
            ToolOutput(tool_call_id=call.id, output=output)
            for call, output in zip(calls, outputs, strict=True)
        )

    async def cancelled(self, run_id: str) -> None:
        """Remember that the calls under way were cancelled with their run."""
        await self._ledger.tool_calls.cancelled(run_id)
        await self._caller.approvals.withdraw(run_id)

    async def _output(
        self, run: Run, call: RequiredToolCall, known: StoredCall | None, ended: CallEnded
    ) -> str:
        outcome, output = await self._answered(run, call, known)
        ended(call.id, outcome == "done")
        return output

    async def _answered(
        self, run: Run, call: RequiredToolCall, known: StoredCall | None
    ) -> tuple[CallOutcome, str]:
        """Return the outcome and the output of a call, from the ledger or by making the call."""
        if known is not None and known.outcome is not None and known.output is not None:
            return known.outcome, known.output
        new = self._new(run, call)
        tool = self._caller.functions.get(call.function.name)
        if tool is None:
            return await self._not_made(new, known, "invalid", FUNCTION_UNAVAILABLE)
        try:
            prepared = tool.prepare(call.function.arguments)
        except ArgumentsError as error:
            return await self._not_made(new, known, "invalid", f"Error: {error}")
        if known is not None:
            if not tool.idempotent:
                return await self._not_made(new, known, "interrupted", INTERRUPTED)
            return await self._make(tool, prepared, known)  # a repeated call does no harm
        decision = await self._caller.decision(self._turn, tool, run.assistant_id)
        if decision != "ask":
            await self._ledger.approvals.note(new, tool.name, decision)
        if decision == "deny":
            return await self._not_made(new, None, "denied", DENIED)
        if decision == "ask":
            refused = await self._caller.approvals.verdict(self._asking(run, new))
            if refused is not None:
                return await self._not_made(new, None, *refused)
        started = await self._ledger.tool_calls.started(new, self._caller.limits)
        if isinstance(started, str):
            return await self._not_made(new, None, "limited", LIMITED[started])
        return await self._make(tool, prepared, started)

    def _new(self, run: Run, call: RequiredToolCall) -> NewCall:
        return NewCall(
            run_id=run.id,
            call_id=call.id,
            turn_id=self._turn.id,
            channel_id=self._turn.channel_id,
            guild_id=self._turn.guild_id,
            asker_id=asker_of(self._turn).id,
            name=call.function.name,
            arguments=call.function.arguments,
        )

    def _asking(self, run: Run, call: NewCall) -> NewApproval:
        return NewApproval(
            **structs.asdict(call),
            asker_name=asker_of(self._turn).name,
            thread_id=run.thread_id,
            assistant_id=run.assistant_id,
        )

    async def _not_made(
        self, call: NewCall, known: StoredCall | None, outcome: CallOutcome, output: str
    ) -> tuple[CallOutcome, str]:
        if known is None:
            await self._ledger.tool_calls.not_made(call, outcome, output)
        else:
            await self._ledger.tool_calls.finished(known, outcome, output)
        return outcome, output

    async def _make(
        self, tool: Tool, prepared: PreparedCall, call: StoredCall
    ) -> tuple[CallOutcome, str]:
        result = await self._caller.make(self._turn, tool, prepared)
        files = [CallFile(file.name, file.data) for file in result.files]
        self.made_files = self.made_files or bool(files)
        await self._ledger.tool_calls.finished(call, result.outcome, result.output, files)
        return result.outcome, result.output
