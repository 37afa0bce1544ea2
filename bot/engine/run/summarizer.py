"""Summarizes the messages that a run's prompt has no room for: a thread's rolling summary.

The summary is made before the run's first answer. It is stored with the thread, so that the next
runs only add what fell out since. A summary that fails never fails its run.
"""

import asyncio
import logging
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

from msgspec import Struct

from bot.assistants.schema.objects import Run, Usage
from bot.engine.prompt import history
from bot.engine.prompt.context_window import completion_left, estimated_usage, prompt_left, usage_of
from bot.engine.prompt.summary import (
    INSTRUCTION_TOKENS,
    bounded_summary,
    longest_summary,
    summary_items,
    transcript_line,
)
from bot.engine.run.interruption import InterruptedRunError
from bot.engine.run.run_context import RunContext
from bot.models.types import Finished, ModelError, ModelRequest, ModelTextDelta, TextWithdrawn
from bot.runtime.tasks import cancelling
from bot.store.engine import Summary, Tables

_log: Final = logging.getLogger(__name__)

_MOST_CALLS: Final = 4
"""The most calls that one run makes for summaries; the next runs summarize the rest."""

_MOST_SECONDS: Final = 60.0
"""Seconds that one run waits for summaries."""

_LONGEST_ANSWER: Final = 4096
"""The most tokens of a call's answer, in which a reasoning model also thinks."""

_LEAST_ANSWER: Final = 128
_MOST_CHARACTERS: Final = 32_768
"""Characters of an answer that are read, for endpoints that ignore the limit of tokens."""

_LEAST_TRANSCRIPT: Final = 256
_SHRINK: Final = 0.5
"""The share of a transcript that is kept each time the endpoint finds a call too long."""


class _Plan(NamedTuple):
    """The next summary, for which ``request`` asks the model.

    It replaces ``earlier`` and covers ``messages`` more messages. ``through`` is the seq, the
    number within the thread, of the last of them.
    """

    earlier: Summary
    through: int
    messages: int
    request: ModelRequest


class _Answer(Struct):
    """What the model has answered so far."""

    text: str = ""
    usage: Usage | None = None


class Summarizer:
    """Makes the summaries of one run; ``extend`` makes one."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._engine = context.engine
        self._run = context.run
        self._calls_left = _MOST_CALLS
        self._deadline = self._engine.clock.monotonic() + _MOST_SECONDS
        self._share = 1.0

    async def extend(self, room: int) -> bool:
        """Summarize the oldest messages that the prompt has no room for, as far as one call can.

        ``room`` is how many tokens the prompt has for messages; the newest messages that take half
        of it stay as they are, so that not each run needs a summary. Returns False if there was
        nothing to summarize or the summary failed. Raises ``InterruptedRunError``.
        """
        pauses, thread_id = self._engine.summary_pauses, self._run.thread_id
        while self._calls_left and not pauses.is_paused(thread_id):
            plan = await self._engine.store.read(partial(self._plan, room))
            if plan is None:
                return False
            self._calls_left -= 1
            try:
                text = await self._ask(plan.request)
                return await self._store(plan, bounded_summary(text, self._window))
            except InterruptedRunError:
                raise
            except ModelError as error:
                if error.kind == "context_length" and self._calls_left:
                    self._learn(error)
                    continue
                reason = str(error)
            except Exception as error:  # noqa: BLE001 - logged; the run goes on without a summary
                _log.debug("A summary failed", exc_info=error)
                reason = str(error) or type(error).__name__
            _log.warning("Run %s goes on without a summary of its thread: %s", self._run.id, reason)
            pauses.begin(thread_id)
        return False

    def _learn(self, error: ModelError) -> None:
        """Shorten the next call: the endpoint found the last one too long."""
        if not self._engine.context_windows.learn(self._run.model, error.context_window):
            self._share *= _SHRINK

    def _plan(self, room: int, tables: Tables) -> _Plan | None:
        """Choose the messages of the next summary; None if all have room by now."""
        run, window = self._run, self._window
        earlier = tables.summaries.newest(run.thread_id)
        end = self._first_shown(earlier.through, room, tables)
        if end is None:
            return None
        answer = self._longest_answer(tables)
        left = window - answer - INSTRUCTION_TOKENS - longest_summary(window)
        spent = tables.summaries.usage(run.id)
        prompt = prompt_left(run, spent)
        if prompt is not None:  # half of the limit remains for the run's own prompt
            left = min(left, prompt // 2 - INSTRUCTION_TOKENS - longest_summary(window))
        left = int(left * self._share)
        if left < _LEAST_TRANSCRIPT or answer < _LEAST_ANSWER:
            return None
        most, lines, through = left, list[str](), earlier.through
        for seq, message in tables.messages.numbered(
            after=earlier.through, thread_id=run.thread_id
        ):
            line = transcript_line(message, most)
            left -= line.tokens
            if seq >= end or (lines and left < 0):
                break
            through = seq
            if line.text:
                lines.append(line.text)
        if not lines:  # messages without text: a summary would save no room
            return None
        request = ModelRequest(
            model=run.model,
            items=summary_items(earlier.text, lines, window),
            max_tokens=answer,
            reasoning_effort=_less_effort(run),
            resumable=False,
        )
        count = tables.summaries.count_messages(run.thread_id, earlier.through, through)
        return _Plan(earlier, through, count, request)

    def _first_shown(self, after: int, room: int, tables: Tables) -> int | None:
        """Return the seq of the oldest message that stays as it is; None if all have room."""
        run = self._run
        most = history.message_limit(run)
        tokens = count = 0
        first = None
        whole = True
        for seq, message in tables.messages.numbered(
            newest_first=True, after=after, thread_id=run.thread_id
        ):
            item = history.message_item(message)
            if message.run_id == run.id or item is None:
                continue
            tokens += history.tokens(item)
            count += 1
            if first is None or (tokens <= room // 2 and (most is None or count <= most // 2)):
                first = seq
            elif tokens > room or (most is not None and count > most):
                whole = False
                break
        return None if whole else first

    async def _ask(self, request: ModelRequest) -> str:
        """Return the model's answer, and store its tokens with the run's, however it ends.

        Raises ``ModelError`` for a failure, an empty answer, and one that takes too long.
        """
        clock, answer = self._engine.clock, _Answer()
        try:
            reading = asyncio.create_task(self._read(request, answer))
            late = asyncio.create_task(clock.sleep(max(0.0, self._deadline - clock.monotonic())))
            async with cancelling(reading, late):
                with self._context.guard.interruptible():
                    await asyncio.wait({reading, late}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    raise ModelError("timeout", f"it took longer than {_MOST_SECONDS:g} s.")
                reading.result()
        finally:
            if answer.usage is None and answer.text:
                answer.usage = estimated_usage(request.items, len(answer.text))
            if answer.usage is not None:
                spent = answer.usage
                await self._engine.store.write(
                    lambda tables: tables.summaries.add_usage(self._run.id, spent)
                )
        if not answer.text.strip():
            raise ModelError("rubbish", "the model wrote nothing.")
        return answer.text

    async def _read(self, request: ModelRequest, answer: _Answer) -> None:
        """Read the model's answer; raises ``ModelError``."""
        events = self._engine.model.stream(request)
        with self._engine.model_health.call(request.model) as timer:
            async with aclosing(events):
                async for event in events:
                    timer.event()
                    if isinstance(event, ModelTextDelta):
                        answer.text += event.text
                    elif isinstance(event, TextWithdrawn):
                        answer.text = ""
                    elif isinstance(event, Finished):
                        if used := event.usage:
                            answer.usage = usage_of(used)
                        if event.reason == "content_filter":
                            raise ModelError(
                                "rejected", "the endpoint's content filter stopped it."
                            )
                    if len(answer.text) > _MOST_CHARACTERS:
                        return

    async def _store(self, plan: _Plan, text: str) -> bool:
        """Store a summary unless its messages changed meanwhile; return True in either case."""
        thread_id = self._run.thread_id

        def work(tables: Tables) -> None:
            summaries = tables.summaries
            count = summaries.count_messages(thread_id, plan.earlier.through, plan.through)
            if summaries.newest(thread_id) == plan.earlier and count == plan.messages:
                summaries.add(thread_id, Summary(plan.through, text))

        await self._engine.store.write(work)
        self._context.guard.check()
        return True

    def _longest_answer(self, tables: Tables) -> int:
        """Return the most tokens of a call's answer."""
        longest = min(_LONGEST_ANSWER, self._window // 4)
        left = completion_left(self._run, tables.summaries.usage(self._run.id))
        return longest if left is None else min(longest, left // 4)

    @property
    def _window(self) -> int:
        return self._engine.context_windows.of(self._run.model)


def _less_effort(run: Run) -> str | None:
    """Return the reasoning effort of a summary: at most "low" for a model that takes an effort."""
    effort = run.reasoning_effort
    if not isinstance(effort, str) or effort in ("none", "minimal"):
        return effort if isinstance(effort, str) else None
    return "low"
