"""One run from queued to where it ends or waits for tool outputs; what is finished is on disk.

Deltas live here only; a run that is interrupted keeps what the model had said by then.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Final, Literal

from bot.assistants.events import StreamEvent
from bot.assistants.objects import (
    FunctionArguments,
    IncompleteDetails,
    LastError,
    RequiredAction,
    RequiredToolCall,
    RequiredToolOutputs,
    Run,
    Usage,
)
from bot.clock import Clock
from bot.engine import asking, context
from bot.engine.calls import WrittenFunction, WrittenSearch
from bot.engine.endings import End, Ended, end_run, spent
from bot.engine.feed import Feed
from bot.engine.hosting import Hosting, Workplace
from bot.engine.images import with_images
from bot.engine.windows import Windows
from bot.engine.writing import Writing
from bot.models.types import (
    Finished,
    FunctionTool,
    Item,
    Model,
    ModelError,
    ModelEvent,
    ModelRequest,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from bot.store.engine import EngineStore, Tables

_log: Final = logging.getLogger(__name__)

Interruption = Literal["cancelled", "expired", "deleted"]

_ROUNDS: Final = 32
"""How often in a row a model may call hosted tools before it must answer."""

_SHORTER_TRIES: Final = 6
_SHORTER: Final = 0.7
"""How much of a prompt is kept each time the endpoint found it too long."""


class _InterruptedError(Exception):
    """The run is to stop where it is."""


class _LimitError(Exception):
    """One of the run's own token limits is used up."""

    def __init__(self, limit: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(limit)
        self.details = IncompleteDetails(limit)


class Execution:
    """A run at work; ``go`` is the body of its task."""

    def __init__(
        self,
        run: Run,
        *,
        store: EngineStore,
        model: Model,
        windows: Windows,
        clock: Clock,
        feed: Feed,
        hosting: Hosting,
    ) -> None:
        self.run = run
        self.feed = feed
        self._store = store
        self._model = model
        self._windows = windows
        self._clock = clock
        self._hosting = hosting
        self._writing = Writing(run, feed)
        self._tools: dict[str, FunctionTool] = {}
        self._place: Workplace | None = None
        self._task: asyncio.Task[None] | None = None
        self._interruption: Interruption | None = None
        self._interruptible = False
        self._over = False
        self._usage: Usage | None = None

    async def go(self, slots: asyncio.Semaphore) -> None:
        """Execute the run as soon as there is a slot.

        Raises nothing but ``CancelledError``, when the engine stops: the run then stays on disk as
        it is and is taken up again at the next start.
        """
        self._task = asyncio.current_task()
        try:
            with self._may_be_interrupted():
                await slots.acquire()
            try:
                await self._work()
            finally:
                slots.release()
        except _InterruptedError:
            await self._interrupted()
        except _LimitError as error:
            await self._end(End("incomplete", limit=error.details))
        except ModelError as error:
            _log.warning("%s failed (%s): %s", self.run.id, error.kind, error.message)
            await self._end(End("failed", LastError(error.code, error.message)))
        except Exception:  # noqa: BLE001 - logged and told in the run, which must end
            _log.exception("%s failed", self.run.id)
            problem = "The engine could not execute this run; its log has the reason."
            await self._end(End("failed", LastError("server_error", problem)))
        finally:
            self._over = True

    def interrupt(self, why: Interruption) -> bool:
        """Stop the run where it is: it ends as ``why`` says, with what the model said so far.

        False where the execution was over already and will do nothing of the kind.
        """
        if self._over:
            return False
        self._interruption = self._interruption or why
        if self._interruptible and self._task is not None:
            self._task.cancel()
        return True

    @contextmanager
    def _may_be_interrupted(self) -> Iterator[None]:
        """Let ``interrupt`` cancel the task here, and only here: what is written is never cut."""
        self._check()
        self._interruptible = True
        try:
            yield
        except asyncio.CancelledError:
            if self._interruption is None or self._task is None:
                raise
            self._task.uncancel()
            raise _InterruptedError from None
        finally:
            self._interruptible = False

    def _check(self) -> None:
        if self._interruption is not None:
            raise _InterruptedError

    async def _work(self) -> None:
        await self._begin()
        self._tools = self._hosting.tools(self.run)
        self._place = await self._hosting.workplace(self.run) if self._tools else None
        for _ in range(_ROUNDS):
            made = self._place.made if self._place else None
            self._writing = Writing(self.run, self.feed, frozenset(self._tools), made)
            self._usage = None
            finished = await self._call_model()
            if finished.reason == "length":
                limit = IncompleteDetails("max_completion_tokens")
                return await self._end(End("incomplete", limit=limit))
            if finished.reason == "content_filter":
                problem = "The model's endpoint stopped the answer because of its content filter."
                error = LastError("invalid_prompt", problem)
                return await self._end(End("failed", error, message_reason="content_filter"))
            if not self._writing.calls:
                if self._writing.message is None:  # an empty answer is one, too
                    await self._open_message()
                return await self._end(End("completed"))
            await self._host()
            if self._writing.functions:
                return await self._require(self._writing.functions)
            await self._finish_calls()
        raise ModelError(
            "rejected", f"The model called tools {_ROUNDS} times in a row without an answer."
        )

    async def _host(self) -> None:
        """Make the calls of hosted tools, in their order."""
        for index, call in enumerate(self._writing.calls):
            if self._place is None or isinstance(call, WrittenFunction):
                continue
            with self._may_be_interrupted():
                if isinstance(call, WrittenSearch):
                    call.search = await self._hosting.search(self.run, self._place, call.queries)
                else:
                    tell = partial(self._writing.tell_printed, index, call)
                    call.logs = await self._hosting.run_code(self.run, self._place, call.code, tell)

    async def _finish_calls(self) -> None:
        """Complete the step of the calls; the model goes on with what came of them."""
        writing, now = self._writing, self._now()

        def work(tables: Tables) -> None:
            writing.keep(tables, self._usage)
            writing.finish_calls(tables, now)

        await self._store.write(work)
        writing.tell_calls_end()
        self._check()

    async def _begin(self) -> None:
        if self.run.status == "in_progress":  # taken up again after a restart
            return
        started = self.run.started_at or self._now()
        run = await self._store.write(
            lambda tables: tables.move_run(self.run.id, "in_progress", started_at=started)
        )
        if run is None:
            raise _InterruptedError
        self.run = run
        self.feed.tell(StreamEvent("thread.run.in_progress", run))

    async def _call_model(self) -> Finished:
        """Call the model and take what it writes; a prompt found too long is made shorter."""
        share = 1.0
        for tries_left in reversed(range(_SHORTER_TRIES)):
            request = await self._store.read(partial(self._ask, share))
            request = await with_images(request, self._store)
            try:
                return await self._take(request)
            except ModelError as error:
                if error.kind != "context_length" or self._writing.size or not tries_left:
                    raise
                window = error.context_window
                if window is None or not self._windows.learn(self.run.model, window):
                    share *= _SHORTER
        raise AssertionError("unreachable")

    def _ask(self, share: float, tables: Tables) -> ModelRequest:
        run = self.run
        steps = tables.steps.all(run_id=run.id)
        used = spent(steps)
        completion = asking.completion_left(run, used)
        prompt = asking.prompt_left(run, used)
        if completion == 0:
            raise _LimitError("max_completion_tokens")
        if prompt == 0:
            raise _LimitError("max_prompt_tokens")
        budget = asking.prompt_budget(self._windows.of(run.model), completion, prompt)
        newest = tables.newest_messages(run.thread_id)
        items = context.build(run, newest, steps, int(budget * share))
        if prompt is not None and _tokens(items) > prompt:
            raise _LimitError("max_prompt_tokens")
        return asking.request_for(run, items, steps, completion, self._tools)

    async def _take(self, request: ModelRequest) -> Finished:
        """Take one call's events as they come."""
        finished: Finished | None = None
        try:
            async with aclosing(self._model.stream(request)) as stream:
                with self._may_be_interrupted():
                    async for event in stream:
                        self._interruptible = False
                        if isinstance(event, Finished):
                            finished = event
                        else:
                            await self._write(event)
                        self._check()
                        self._interruptible = True
        finally:
            told = finished.usage if finished else None
            if told is not None:
                self._usage = Usage(told.prompt_tokens, told.completion_tokens, told.total_tokens)
            elif self._writing.size:
                self._usage = _estimate(request.items, self._writing.size)
        if finished is None:
            raise ModelError("cut", "The model's stream ended before its answer was finished.")
        return finished

    async def _write(self, event: ModelEvent) -> None:
        writing = self._writing
        match event:
            case TextDelta(text):
                if writing.message is None:
                    await self._open_message()
                writing.add_text(text)
            case ToolCallDelta(index, arguments):
                writing.add_arguments(index, arguments)
            case ToolCallStarted(_, id_, name):
                if writing.calls_step is None:
                    await self._open_calls()
                writing.add_call(id_, name)
            case RefusalDelta(text):
                if writing.message is None:
                    await self._open_message()
                writing.add_refusal(text)
            case Finished():
                pass

    async def _open_message(self) -> None:
        self._writing.new_message(self._now())
        await self._store.write(self._writing.insert_message)
        self._writing.tell_message()

    async def _open_calls(self) -> None:
        now, writing = self._now(), self._writing
        writing.new_calls(now)

        def work(tables: Tables) -> None:
            writing.finish_message(tables, now)
            writing.insert_calls(tables)

        await self._store.write(work)
        writing.tell_message_end()
        writing.tell_calls()

    async def _require(self, functions: tuple[WrittenFunction, ...]) -> None:
        """Wait for the outputs of the calls; the run's task ends here."""
        action = RequiredAction(
            submit_tool_outputs=RequiredToolOutputs(
                tuple(
                    RequiredToolCall(
                        id=call.id,
                        function=FunctionArguments(call.name, "".join(call.arguments)),
                    )
                    for call in functions
                )
            )
        )

        def work(tables: Tables) -> Run | None:
            self._writing.keep(tables, self._usage)
            return tables.move_run(self.run.id, "requires_action", required_action=action)

        run = await self._store.write(work)
        if run is None:
            raise _InterruptedError
        self.run = run
        self.feed.tell(StreamEvent("thread.run.requires_action", run))
        self._check()  # a cancellation that came in between found this execution still there

    async def _interrupted(self) -> None:
        """End as the interruption says; where nobody said why yet, the run's state does."""
        why = self._interruption
        if why is None:
            run = await self._store.read(lambda tables: tables.runs.one(id=self.run.id))
            why = "cancelled" if run is not None and run.status == "cancelling" else "deleted"
        if why != "deleted":
            await self._end(End(why))

    async def _end(self, end: End) -> None:
        now = self._now()

        def work(tables: Tables) -> Ended | None:
            self._writing.keep(tables, self._usage)
            return end_run(tables, self.run.id, end, now)

        ended = await self._store.write(work)
        if ended is None:
            _log.info("%s had ended before it could be %s", self.run.id, end.status)
        else:
            self.run = ended.run
            self._writing.tell_annotations()
            ended.tell(self.feed)

    def _now(self) -> int:
        return int(self._clock.now())


def _tokens(items: tuple[Item, ...]) -> int:
    return sum(map(context.tokens, items))


def _estimate(items: tuple[Item, ...], written: int) -> Usage:
    """Estimate what a call spent that was cut before it could say."""
    prompt, completion = _tokens(items), max(1, written // 4)
    return Usage(prompt, completion, prompt + completion)
