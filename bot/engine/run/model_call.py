"""One call of the model within a run: what it is asked, and what it writes, as it comes."""

import logging
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, Literal

from msgspec.structs import replace

from bot.assistants.schema.objects import IncompleteDetails, Run, Usage
from bot.engine.prompt import history
from bot.engine.prompt import request as request_module
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.prompt.images import Images, PromptItem, Shown, fewer
from bot.engine.run.completion import spent
from bot.engine.run.interruption import InterruptionGuard
from bot.engine.run.run_events import RunFeed
from bot.engine.run.step_writer import StepWriter
from bot.engine.tool_calls.hosted_tools import HostedTools, ToolWorkspace
from bot.engine.tool_calls.written_calls import CODE
from bot.models.types import (
    Continuation,
    Finished,
    HostedCall,
    Item,
    Model,
    ModelError,
    ModelEvent,
    ModelRefusalDelta,
    ModelRequest,
    ModelTextDelta,
    ResumableModel,
    Started,
    ToolCallDelta,
    ToolCallStarted,
)
from bot.runtime.clock import Clock
from bot.store.engine import EngineStore, Tables

_log: Final = logging.getLogger(__name__)

_TRIES: Final = 6
_MOST_WRITTEN: Final = 8_000_000
"""Characters that one call may write: far more than models do, far less than memory holds."""

_SHORTER: Final = 0.7
"""How much of a prompt is kept each time the endpoint found it too long."""


class LimitError(Exception):
    """One of the run's own token limits is used up."""

    def __init__(self, limit: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(limit)
        self.details = IncompleteDetails(limit)


class ModelCall:
    """One call of the model; ``writer`` has what it wrote, ``usage`` what it spent."""

    def __init__(
        self,
        run: Run,
        place: ToolWorkspace | None,
        images: Images,
        *,
        store: EngineStore,
        model: Model,
        context_windows: ContextWindows,
        clock: Clock,
        feed: RunFeed,
        interruption: InterruptionGuard,
    ) -> None:
        self._run = run
        self._place = place
        self._images = images
        self._store = store
        self._model = model
        self._context_windows = context_windows
        self._clock = clock
        self._feed = feed
        self._interruption = interruption
        self._tools = HostedTools.tools(run, model.hosts, place)
        self._response_id: str | None = None
        self.writer = self._new_writing()
        self.usage: Usage | None = None
        self.continuation = ""

    async def call(self, left_id: str | None) -> Finished:
        """Call the model and take what it writes.

        A prompt that is found too long is made shorter, one whose images may be why it was refused
        is sent with fewer; ``left_id`` names a response that the last process left at work, which
        is read again. Raises ``ModelError``, ``LimitError`` and ``InterruptedRunError``.
        """
        self._response_id = self.writer.response_id = left_id
        share = 1.0
        which: Shown = "all"
        for tries_left in reversed(range(_TRIES)):
            request, prompt = await self._store.read(partial(self._ask, share))
            with self._interruption.waiting():
                request = replace(request, items=await self._images.items(prompt, which))
            try:
                finished = await self._take(request)
            except ModelError as error:
                if self.writer.size or not tries_left:
                    raise
                if error.kind == "gone":
                    await self._forget()
                elif (less := fewer(request, which, error)) is not None:
                    _log.info("%s goes on with %s images: %s", self._run.id, less, error.message)
                    which = less
                    await self._forget()
                elif error.kind != "context_length":
                    raise
                elif not self._learn(error):
                    share *= _SHORTER
            else:
                return finished
        raise AssertionError("unreachable")

    async def forget(self) -> None:
        """Have the endpoint delete its copy of the answer, once the answer is ours."""
        if self._response_id is not None and isinstance(self._model, ResumableModel):
            await self._model.forget(self._response_id)

    async def open_message(self) -> None:
        """Begin the answer's message."""
        self.writer.new_message(self._now())
        await self._store.write(self.writer.insert_message)
        self.writer.tell_message()

    def _new_writing(self) -> StepWriter:
        made = self._place.made if self._place else None
        writer = StepWriter(self._run, self._feed, frozenset(self._tools.functions), made)
        writer.response_id = self._response_id
        return writer

    def _learn(self, error: ModelError) -> bool:
        window = error.context_window
        return window is not None and self._context_windows.learn(self._run.model, window)

    async def _forget(self) -> None:
        self._response_id = self.writer.response_id = None
        await self._store.write(lambda tables: tables.set_response(self._run.id, None))

    def _ask(self, share: float, tables: Tables) -> tuple[ModelRequest, tuple[PromptItem, ...]]:
        """Return the request of the next call, and the prompt that its items are made of."""
        run = self._run
        steps = history.steps_shown(tables.steps.each(newest_first=True, run_id=run.id))
        used = spent(steps)
        completion = request_module.completion_left(run, used)
        prompt = request_module.prompt_left(run, used)
        if completion == 0:
            raise LimitError("max_completion_tokens")
        if prompt == 0:
            raise LimitError("max_prompt_tokens")
        budget = request_module.prompt_budget(
            self._context_windows.of(run.model), completion, prompt
        )
        items = history.build(
            run,
            tables.messages.each(newest_first=True, thread_id=run.thread_id),
            steps,
            int(budget * share),
            tables.continuations(run.id),
        )
        if prompt is not None and _tokens(items) > prompt:
            raise LimitError("max_prompt_tokens")
        return request_module.request_for(run, steps, completion, self._tools), items

    async def _take(self, request: ModelRequest) -> Finished:
        """Take the call's events as they come."""
        finished: Finished | None = None
        interruption = self._interruption
        if self._response_id is not None and isinstance(self._model, ResumableModel):
            events = self._model.resume(self._response_id, request)
        else:
            events = self._model.stream(request)
        try:
            async with aclosing(events) as stream:
                with interruption.waiting():
                    async for event in stream:
                        interruption.close()
                        if isinstance(event, Finished):
                            finished = event
                        else:
                            await self._write(event)
                        if self.writer.size > _MOST_WRITTEN:
                            raise ModelError(
                                "rejected",
                                f"The model wrote more than {_MOST_WRITTEN:,} characters without "
                                "an end. Set max_completion_tokens, or ask for less.",
                            )
                        interruption.reopen()
        finally:
            told = finished.usage if finished else None
            if told is not None:
                self.usage = Usage(told.prompt_tokens, told.completion_tokens, told.total_tokens)
            elif self.writer.size:
                self.usage = _estimate(request.items, self.writer.size)
        if finished is None:
            raise ModelError("cut", "The model's stream ended before its answer was finished.")
        return finished

    async def _write(self, event: ModelEvent) -> None:
        match event:
            case ModelTextDelta(text):
                if self.writer.message is None:
                    await self.open_message()
                self.writer.add_text(text)
            case ToolCallDelta(index, arguments):
                self.writer.add_arguments(index, arguments)
            case ToolCallStarted(_, id_, name):
                if self.writer.calls_step is None:
                    await self._open_calls()
                self.writer.add_call(id_, name)
            case ModelRefusalDelta(text):
                if self.writer.message is None:
                    await self.open_message()
                self.writer.add_refusal(text)
            case Started(response_id):
                self._response_id = self.writer.response_id = response_id
                await self._store.write(
                    lambda tables: tables.set_response(self._run.id, response_id)
                )
            case Continuation(data):
                self.continuation = data
            case HostedCall():
                await self._add_hosted(event)
            case Finished():
                pass

    async def _open_calls(self) -> None:
        now, writer = self._now(), self.writer
        writer.new_calls(now)

        def work(tables: Tables) -> None:
            writer.finish_message(tables, now)
            writer.insert_calls(tables)

        await self._store.write(work)
        writer.tell_message_end()
        writer.tell_calls()

    async def _add_hosted(self, call: HostedCall) -> None:
        """Write down what the endpoint's own tool did; the API has no step for a web search."""
        if call.kind != CODE:
            return
        before, now = self.writer, self._now()
        hosted = self._new_writing()
        hosted.new_calls(now)
        hosted.take_hosted(call.id, call.input, "".join(call.outputs))

        def work(tables: Tables) -> None:
            before.finish_message(tables, now)
            hosted.insert_calls(tables)
            hosted.keep(tables, None)
            hosted.finish_calls(tables, now)

        await self._store.write(work)
        before.tell_message_end()
        hosted.tell_hosted()
        if before.message is not None:
            self.writer = self._new_writing()  # what is written now is another message

    def _now(self) -> int:
        return int(self._clock.now())


def _tokens(items: Sequence[PromptItem | Item]) -> int:
    return sum(map(history.tokens, items))


def _estimate(items: tuple[Item, ...], written: int) -> Usage:
    """Estimate what a call spent that was cut before it could say."""
    prompt, completion = _tokens(items), max(1, written // 4)
    return Usage(prompt, completion, prompt + completion)
