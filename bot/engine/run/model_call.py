"""One call of the model in a run: builds the request, reads the stream and stores the answer."""

import logging
from contextlib import aclosing
from functools import partial
from typing import Final, Literal, NamedTuple

from msgspec.structs import replace

from bot.assistants.schema.base import LONGEST_VALUE
from bot.assistants.schema.objects import DOCUMENTS_CUT, TOOLS_LEFT_OUT, IncompleteDetails, Usage
from bot.engine.prompt import history, summary
from bot.engine.prompt.context_window import (
    completion_left,
    estimated_usage,
    prompt_budget,
    prompt_left,
    usage_of,
)
from bot.engine.prompt.documents import NO_DOCUMENTS, Documents, beginnings
from bot.engine.prompt.images import ImageChoice, PromptItem, fewer_images
from bot.engine.prompt.request import can_leave_tools_out, request_for, without_tools
from bot.engine.run.completion import total_usage
from bot.engine.run.run_context import RunContext
from bot.engine.run.step_writer import StepWriter
from bot.engine.run.summarizer import Summarizer
from bot.engine.tool_calls.hosted_tools import HostedTools
from bot.engine.tool_calls.streamed_calls import CODE, SEARCH
from bot.models.types import (
    Continuation,
    Finished,
    HostedCall,
    ModelError,
    ModelEvent,
    ModelRefusalDelta,
    ModelRequest,
    ModelTextDelta,
    ModelThoughts,
    ResumableModel,
    Started,
    TextWithdrawn,
    ToolCallDelta,
    ToolCallStarted,
)
from bot.store.engine import NO_SUMMARY, Tables

_log: Final = logging.getLogger(__name__)

_MAX_ATTEMPTS: Final = 6

_MAX_CHARACTERS: Final = 8_000_000
"""Characters that one call may write: more than any model writes, less than memory holds."""

_DOCUMENTS_SHARE: Final = 0.5
"""The share of a prompt that documents take if the model can't search them."""

_SHRINK: Final = 0.7
"""The share of a prompt that is kept each time the endpoint finds the prompt too long."""


class LimitError(Exception):
    """The run has used up one of its token limits."""

    def __init__(self, limit: Literal["max_completion_tokens", "max_prompt_tokens"]) -> None:
        super().__init__(limit)
        self.details = IncompleteDetails(limit)


class _Request(NamedTuple):
    """The next request without its items, and the prompt from which the items are made.

    ``is_first`` says that the run has no steps yet.
    """

    request: ModelRequest
    prompt: history.Prompt
    documents: Documents
    is_first: bool


class ModelCall:
    """One call of the model: ``writer`` has the answer, ``usage`` the tokens spent."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._engine = context.engine
        self._run = context.run
        self._tools = HostedTools.tools(context.run, context.engine.model.hosts, context.workspace)
        self._response_id: str | None = None
        self._without_tools = not context.engine.model.calls_tools(context.run.model)
        self._metadata: dict[str, str] = {}
        self._summarizer: Summarizer | None = None
        self.writer = self._new_writer()
        self.usage: Usage | None = None
        self.continuation = ""

    async def run(self, unread_response: str | None) -> Finished:
        """Call the model, store its answer and return how it finished.

        A prompt that the endpoint finds too long is shortened. A request that the endpoint may
        have refused for its images is sent again with fewer. For a model that can't call tools, the
        prompt has the beginnings of the documents instead of tools. ``unread_response`` is
        the id of a response that the last process started; it is read again instead of asking
        anew. Raises ``ModelError``, ``LimitError`` and ``InterruptedRunError``.
        """
        self._response_id = self.writer.response_id = unread_response
        share, windows = 1.0, self._engine.context_windows
        images: ImageChoice = "all"
        for attempts_left in reversed(range(_MAX_ATTEMPTS)):
            request, prompt = await self._next_request(share)
            with self._context.guard.interruptible():
                items = await self._context.images.items(prompt, images)
            request = replace(request, items=items)
            try:
                finished = await self._receive(request)
            except ModelError as error:
                if self.writer.size or not attempts_left:
                    raise
                if error.kind == "gone":
                    await self._forget_response()
                elif (less := fewer_images(request, images, error)) is not None:
                    _log.info("Run %s goes on with %s images: %s", self._run.id, less, error)
                    images = less
                    await self._forget_response()
                elif error.cause == "tools" and can_leave_tools_out(request, self._tools):
                    self._without_tools = True
                    self._metadata[TOOLS_LEFT_OUT] = "true"
                elif error.kind != "context_length":
                    raise
                elif not windows.learn(self._run.model, error.context_window):
                    share *= _SHRINK
            else:
                return finished
        raise AssertionError("unreachable")

    async def delete_response(self) -> None:
        """Delete the endpoint's copy of the answer, which is stored here now."""
        if self._response_id is not None and isinstance(self._engine.model, ResumableModel):
            await self._engine.model.forget(self._response_id)

    async def open_message(self) -> None:
        """Store an empty message for the answer and publish it."""
        writer, now = self.writer, self._engine.now()
        await self._engine.store.write(lambda tables: writer.insert_message(tables, now))
        writer.publish_message()

    def _new_writer(self) -> StepWriter:
        hosted = frozenset(self._tools.functions)
        return StepWriter(self._context, hosted, self._response_id, self._metadata)

    async def _forget_response(self) -> None:
        self._response_id = self.writer.response_id = None
        await self._engine.store.write(lambda tables: tables.set_response(self._run.id, None))

    async def _next_request(self, share: float) -> tuple[ModelRequest, tuple[PromptItem, ...]]:
        """Return the request without its items, and the prompt from which they are made.

        ``share`` is the part of the token budget that the prompt may use, 0 to 1.

        Before a run's first answer, messages that the prompt has no room for are summarized if the
        run asks for summaries.
        """
        while True:
            built = await self._engine.store.read(partial(self._build_request, share))
            prompt = built.prompt
            may_summarize = built.is_first and self._response_id is None and not prompt.complete
            if may_summarize and self._context.workspace.summarizes:
                self._summarizer = self._summarizer or Summarizer(self._context)
                if await self._summarizer.extend(prompt.room):
                    continue
            if built.documents.text:
                await self._note_documents(built.documents)
            return built.request, prompt.items

    async def _note_documents(self, documents: Documents) -> None:
        """Name cut documents in the answer's metadata, and postpone their stores' expiration."""
        self._metadata.pop(DOCUMENTS_CUT, None)
        if documents.cut:
            self._metadata[DOCUMENTS_CUT] = ", ".join(documents.cut)[:LONGEST_VALUE]
        await self._engine.hosted_tools.touch(self._context.workspace)

    def _build_request(self, share: float, tables: Tables) -> _Request:
        """Return the next request, whose prompt uses ``share`` of the token budget."""
        run = self._run
        steps = history.bounded_steps(tables.steps.each(newest_first=True, run_id=run.id))
        used = total_usage(steps) + tables.summaries.usage(run.id)
        completion_tokens = completion_left(run, used)
        prompt_tokens = prompt_left(run, used)
        if completion_tokens == 0:
            raise LimitError("max_completion_tokens")
        if prompt_tokens == 0:
            raise LimitError("max_prompt_tokens")
        budget = prompt_budget(
            self._engine.context_windows.of(run.model), completion_tokens, prompt_tokens
        )
        keeps = self._engine.options.keep_thoughts
        request = request_for(run, steps, completion_tokens, self._tools, thoughts=keeps)
        documents, earlier, workspace = NO_DOCUMENTS, NO_SUMMARY, self._context.workspace
        if self._without_tools and can_leave_tools_out(request, self._tools):
            request = without_tools(request)
            if SEARCH in self._tools.functions:
                room = int(budget * share * _DOCUMENTS_SHARE)
                documents = beginnings(tables, self._context.project, workspace.store_ids, room)
        if workspace.summarizes:
            earlier = tables.summaries.newest(run.thread_id)
        background = summary.background(earlier.text) if earlier.text else ""
        source = history.PromptSource(
            tables.messages.each(newest_first=True, after=earlier.through, thread_id=run.thread_id),
            steps,
            tables.continuations(run.id),
            [text for text in (background, documents.text) if text],
        )
        prompt = history.build(run, source, int(budget * share))
        if prompt_tokens is not None and sum(map(history.tokens, prompt.items)) > prompt_tokens:
            raise LimitError("max_prompt_tokens")
        return _Request(request, prompt, documents, not steps)

    async def _receive(self, request: ModelRequest) -> Finished:
        """Send the request and handle the model's events one by one."""
        model, guard = self._engine.model, self._context.guard
        finished: Finished | None = None
        if self._response_id is not None and isinstance(model, ResumableModel):
            events = model.resume(self._response_id, request)
        else:
            events = model.stream(request)
        try:
            async with aclosing(events) as stream:
                health = self._engine.model_health
                with health.call(self._run.model) as timer, guard.interruptible():
                    async for event in stream:
                        timer.event()
                        guard.shield()
                        if isinstance(event, ModelTextDelta) and self.writer.message is not None:
                            self.writer.add_text(event.text)  # almost every event
                        elif isinstance(event, Finished):
                            finished = event
                        else:
                            await self._handle(event)
                        if self.writer.size > _MAX_CHARACTERS:
                            raise ModelError(
                                "rejected",
                                f"The model wrote more than {_MAX_CHARACTERS:,} characters without "
                                "an end. Set max_completion_tokens, or ask for less.",
                            )
                        guard.unshield()
        finally:
            used = finished.usage if finished else None
            if used is not None:
                self.usage = usage_of(used)
            elif self.writer.size:
                self.usage = estimated_usage(request.items, self.writer.size)
        if finished is None:
            raise ModelError("cut", "The model's stream ended before its answer was finished.")
        return finished

    async def _handle(self, event: ModelEvent) -> None:
        match event:
            case ModelTextDelta(text):
                await self.open_message()
                self.writer.add_text(text)
            case ToolCallDelta(index, arguments):
                self.writer.add_arguments(index, arguments)
            case ToolCallStarted(_, id_, name):
                if self.writer.calls_step is None:
                    await self._open_calls_step()
                self.writer.add_call(id_, name)
            case ModelRefusalDelta(text):
                if self.writer.message is None:
                    await self.open_message()
                self.writer.add_refusal(text)
            case Started(response_id):
                self._response_id = self.writer.response_id = response_id
                await self._engine.store.write(
                    lambda tables: tables.set_response(self._run.id, response_id)
                )
            case TextWithdrawn():
                self.writer.withdraw_text()
            case ModelThoughts(text):
                self.writer.thoughts = text
            case Continuation(data):
                self.continuation = data
            case HostedCall():
                await self._add_hosted_call(event)
            case Finished():
                pass

    async def _open_calls_step(self) -> None:
        """Complete the message and store an empty step for the tool calls that follow."""
        now, writer = self._engine.now(), self.writer

        def work(tables: Tables) -> None:
            writer.complete_message(tables, now)
            writer.insert_calls(tables, now)

        await self._engine.store.write(work)
        writer.publish_message_completed()
        writer.publish_calls()

    async def _add_hosted_call(self, call: HostedCall) -> None:
        """Store a code call that the endpoint has run; the API has no steps for web searches."""
        if call.kind != CODE:
            return
        before, now = self.writer, self._engine.now()
        hosted = self._new_writer()
        hosted.add_hosted_call(call.id, call.input, "".join(call.outputs))

        def work(tables: Tables) -> None:
            before.complete_message(tables, now)
            hosted.insert_calls(tables, now)
            hosted.save(tables, None)
            hosted.complete_calls(tables, now)

        await self._engine.store.write(work)
        before.publish_message_completed()
        hosted.publish_hosted_calls()
        if before.message is not None:
            self.writer = self._new_writer()  # text after the call belongs to a new message
