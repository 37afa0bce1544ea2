"""What one call of the model writes: a message, then perhaps calls of functions, as steps.

It keeps the pieces, makes the API's objects of them, and tells the run's feed; ``Tables`` passed in
are written within the caller's transaction.
"""

import json

from msgspec.structs import replace

from bot.assistants.events import (
    EventName,
    MessageDelta,
    MessageDeltaBody,
    RunStepDelta,
    RunStepDeltaBody,
    StreamEvent,
    ToolCallsDelta,
)
from bot.assistants.ids import new_id
from bot.assistants.schema.content import (
    Content,
    RefusalPart,
    TextDelta,
    TextPart,
    TextValue,
    TextValueDelta,
)
from bot.assistants.schema.content import RefusalDelta as RefusalContentDelta
from bot.assistants.schema.objects import (
    CreatedMessage,
    Message,
    MessageCreationDetails,
    Run,
    RunStep,
    StepDetails,
    ToolCallsDetails,
    Usage,
)
from bot.assistants.schema.tools import ToolCallDelta
from bot.engine.run.run_events import RunFeed
from bot.engine.tool_calls.annotations import annotations, deltas, searches
from bot.engine.tool_calls.written_calls import Written, WrittenCode, WrittenFunction, begun
from bot.store.engine import Tables

Made = dict[str, str]
"""Ids of the files that the run's code made, by their names."""


class StepWriter:
    """The message and the calls of one model call, from the first piece to the last."""

    def __init__(
        self,
        run: Run,
        feed: RunFeed,
        hosted: frozenset[str] = frozenset(),
        made: Made | None = None,
    ) -> None:
        self._run = run
        self._feed = feed
        self._hosted = hosted
        self._made = made if made is not None else {}
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self.calls: list[Written] = []
        self.size = 0
        """How many characters the model has written, calls included."""
        self.response_id: str | None = None
        """The endpoint's response that this is read from, if that can be read again."""
        self.message: Message | None = None
        self.message_step: RunStep | None = None
        self.calls_step: RunStep | None = None

    @property
    def functions(self) -> tuple[WrittenFunction, ...]:
        """The calls whose outputs come from outside."""
        return tuple(call for call in self.calls if isinstance(call, WrittenFunction))

    def add_text(self, text: str) -> None:
        """Take the next piece of the answer; ``message`` must be open."""
        self._texts.append(text)
        self.size += len(text)
        if self.message is not None and self._feed.followed:
            self._feed.tell_text(self.message.id, 0, text)

    def add_refusal(self, text: str) -> None:
        """Take the next piece of a refusal; ``message`` must be open."""
        self._refusals.append(text)
        self.size += len(text)
        if self.message is not None and self._feed.followed:
            delta = RefusalContentDelta(index=1 if self._texts else 0, refusal=text)
            body = MessageDeltaBody(content=(delta,))
            self._feed.tell(
                StreamEvent("thread.message.delta", MessageDelta(id=self.message.id, delta=body))
            )

    def add_call(self, id_: str, name: str) -> None:
        """Take the beginning of a call; ``calls_step`` must be open."""
        call = begun(id_, name, self._hosted)
        self.calls.append(call)
        self._tell_call(call.began(len(self.calls) - 1))

    def add_arguments(self, index: int, arguments: str) -> None:
        """Take the next piece of a call's arguments."""
        self.size += len(arguments)
        call = self.calls[index]
        delta = call.add(index, arguments)
        if isinstance(call, WrittenFunction):
            if self.calls_step is not None and self._feed.followed:
                self._feed.tell_arguments(self.calls_step.id, index, arguments)
        elif delta is not None:
            self._tell_call(delta)

    def tell_printed(self, index: int, call: WrittenCode, logs: str) -> None:
        """Tell the next piece of what a call's code prints."""
        self._tell_call(call.printed(index, logs))

    def take_hosted(self, id_: str, code: str, logs: str) -> None:
        """Take a call of code that the model's endpoint has run itself."""
        self.calls.append(WrittenCode(id_, [json.dumps({"code": code})], logs))

    def tell_hosted(self) -> None:
        """Tell a call that came whole: its step, all of it at once, and the step's end."""
        self.tell_calls()
        for index, call in enumerate(self.calls):
            if isinstance(call, WrittenCode):
                self._tell_call(call.whole(index))
        self.tell_calls_end()

    def new_message(self, now: int) -> None:
        """Begin the message and its step, in memory."""
        run = self._run
        self.message = Message(
            id=new_id("msg"),
            created_at=now,
            thread_id=run.thread_id,
            status="in_progress",
            role="assistant",
            content=(),
            assistant_id=run.assistant_id,
            run_id=run.id,
            metadata={},
        )
        details = MessageCreationDetails(CreatedMessage(self.message.id))
        self.message_step = self._new_step(details, now)

    def new_calls(self, now: int) -> None:
        """Begin the step of the calls, in memory."""
        self.calls_step = self._new_step(ToolCallsDetails(()), now)

    def insert_message(self, tables: Tables) -> None:
        """Write the message and its step for the first time."""
        if self.message is not None and self.message_step is not None:
            tables.add_message(self.message)
            self._insert(tables, self.message_step)

    def insert_calls(self, tables: Tables) -> None:
        """Write the step of the calls for the first time."""
        if self.calls_step is not None:
            self._insert(tables, self.calls_step)

    def tell_message(self) -> None:
        """Tell that the message has begun."""
        if self.message is not None and self.message_step is not None:
            self._tell("thread.run.step.created", self.message_step)
            self._tell("thread.run.step.in_progress", self.message_step)
            self._tell("thread.message.created", self.message)
            self._tell("thread.message.in_progress", self.message)

    def tell_calls(self) -> None:
        """Tell that the step of the calls has begun."""
        if self.calls_step is not None:
            self._tell("thread.run.step.created", self.calls_step)
            self._tell("thread.run.step.in_progress", self.calls_step)

    def keep(self, tables: Tables, usage: Usage | None) -> None:
        """Write what there is by now; the tokens are counted on the newest step."""
        newest = self.calls_step or self.message_step
        if self.message is not None and self.message.status == "in_progress":
            self.message = replace(self._as_kept(tables), content=self._content(tables))
            self._write_message(tables, self.message)
            if self.message_step is not None and self.message_step is newest:
                self.message_step = replace(self.message_step, usage=usage)
                self._write_step(tables, self.message_step)
        if self.calls_step is not None:
            details = ToolCallsDetails(tuple(call.call() for call in self.calls))
            self.calls_step = replace(self.calls_step, step_details=details, usage=usage)
            self._write_step(tables, self.calls_step)

    def finish_calls(self, tables: Tables, now: int) -> None:
        """Complete the step of the calls, all of which have their outputs."""
        if self.calls_step is not None:
            self.calls_step = replace(self.calls_step, status="completed", completed_at=now)
            self._write_step(tables, self.calls_step)

    def tell_calls_end(self) -> None:
        """Tell that the step of the calls is complete."""
        if self.calls_step is not None:
            self._tell("thread.run.step.completed", self.calls_step)

    def finish_message(self, tables: Tables, now: int) -> None:
        """Complete the message and its step, because calls come after it."""
        if self.message is not None and self.message_step is not None:
            self.message = replace(
                self._as_kept(tables),
                status="completed",
                content=self._content(tables),
                completed_at=now,
            )
            self.message_step = replace(self.message_step, status="completed", completed_at=now)
            self._write_message(tables, self.message)
            self._write_step(tables, self.message_step)

    def tell_message_end(self) -> None:
        """Tell that the message and its step are complete."""
        if self.message is not None and self.message_step is not None:
            self.tell_annotations()
            self._tell("thread.message.completed", self.message)
            self._tell("thread.run.step.completed", self.message_step)

    def _insert(self, tables: Tables, step: RunStep) -> None:
        tables.steps.insert(step, id=step.id, run_id=self._run.id, response=self.response_id)

    def _write_step(self, tables: Tables, step: RunStep) -> None:
        tables.steps.write(step, id=step.id, run_id=self._run.id)

    def _write_message(self, tables: Tables, message: Message) -> None:
        tables.messages.write(message, id=message.id, thread_id=self._run.thread_id)

    def _as_kept(self, tables: Tables) -> Message:
        """Return the message as it is on disk: its metadata may have been changed meanwhile."""
        assert self.message is not None, "only an open message is written"
        kept = tables.messages.readable(id=self.message.id, thread_id=self._run.thread_id)
        return self.message if kept is None else replace(self.message, metadata=kept.metadata)

    def tell_annotations(self) -> None:
        """Tell what of the message points to files; it is known only when the text is."""
        for index, part in enumerate(self.message.content if self.message else ()):
            if isinstance(part, TextPart) and part.text.annotations and self.message:
                text = TextValueDelta(annotations=deltas(part.text.annotations))
                body = MessageDeltaBody(content=(TextDelta(index=index, text=text),))
                delta = MessageDelta(id=self.message.id, delta=body)
                self._feed.tell(StreamEvent("thread.message.delta", delta))

    def _content(self, tables: Tables) -> tuple[Content, ...]:
        parts: list[Content] = []
        if self._texts or not self._refusals:
            text = "".join(self._texts)
            found = annotations(text, searches(tables.steps.each(run_id=self._run.id)), self._made)
            parts.append(TextPart(TextValue(text, found)))
        if self._refusals:
            parts.append(RefusalPart("".join(self._refusals)))
        return tuple(parts)

    def _new_step(self, details: StepDetails, now: int) -> RunStep:
        run = self._run
        creation = isinstance(details, MessageCreationDetails)
        return RunStep(
            id=new_id("step"),
            created_at=now,
            assistant_id=run.assistant_id,
            thread_id=run.thread_id,
            run_id=run.id,
            type="message_creation" if creation else "tool_calls",
            status="in_progress",
            step_details=details,
            metadata={},
        )

    def _tell_call(self, call: ToolCallDelta) -> None:
        if self.calls_step is not None and self._feed.followed:
            body = RunStepDeltaBody(step_details=ToolCallsDelta(tool_calls=(call,)))
            delta = RunStepDelta(id=self.calls_step.id, delta=body)
            self._feed.tell(StreamEvent("thread.run.step.delta", delta))

    def _tell(self, name: EventName, data: Message | RunStep) -> None:
        self._feed.tell(StreamEvent(name, data))
