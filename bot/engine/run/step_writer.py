"""Turns one model call into a message and run steps: stores them and publishes their events.

Methods with a ``Tables`` argument write within the caller's transaction. Methods named
``publish_…`` are called after that transaction.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants.events import (
    MessageDelta,
    MessageDeltaBody,
    RunStepDelta,
    RunStepDeltaBody,
    StreamEvent,
    ToolCallsDelta,
    message_event,
    step_event,
)
from bot.assistants.ids import new_id
from bot.assistants.schema.content import (
    Content,
    ContentDelta,
    ImageFile,
    ImageFileDelta,
    ImageFilePart,
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
    RunStep,
    StepDetails,
    ToolCallsDetails,
    Usage,
)
from bot.assistants.schema.tools import Attachment, CodeInterpreterTool, ToolCallDelta
from bot.engine.run.run_context import RunContext
from bot.engine.tool_calls.annotations import annotations, deltas, searches
from bot.engine.tool_calls.streamed_calls import (
    StreamedCall,
    StreamedCodeCall,
    StreamedFunctionCall,
    new_call,
)
from bot.store.engine import Tables

_IMAGE_ENDINGS: Final = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""The endings of generated files that a message shows as images."""


class StepWriter:
    """The message and the tool calls of one model call.

    ``hosted`` names the tools that the engine runs itself. ``response_id`` is the endpoint's
    response that the call is read from, if the endpoint can send the response again. The message
    gets a copy of ``metadata`` when it begins.
    """

    def __init__(
        self,
        context: RunContext,
        hosted: frozenset[str],
        response_id: str | None,
        metadata: Mapping[str, str],
    ) -> None:
        self._run = context.run
        self._feed = context.feed
        self._workspace = context.workspace
        self._hosted = hosted
        self._metadata = metadata
        self.response_id = response_id
        self._texts: list[str] = []
        self._refusals: list[str] = []
        self.calls: list[StreamedCall] = []
        self.size = 0
        """Characters that the model has written, tool calls included."""
        self.message: Message | None = None
        self.message_step: RunStep | None = None
        self.calls_step: RunStep | None = None
        self.thoughts = ""
        """The model's reasoning, if the engine keeps it."""

    @property
    def functions(self) -> tuple[StreamedFunctionCall, ...]:
        """The calls whose outputs the API's caller must submit."""
        return tuple(call for call in self.calls if isinstance(call, StreamedFunctionCall))

    def add_text(self, text: str) -> None:
        """Add the next piece of the answer; ``message`` must have begun."""
        self._texts.append(text)
        self.size += len(text)
        if self.message is not None and self._feed.has_subscribers:
            self._feed.publish_text(self.message.id, 0, text)

    def withdraw_text(self) -> None:
        """Withdraw the text so far, which was the model's reasoning; subscribers get an event."""
        self._texts.clear()
        if self.message is not None:
            self._feed.publish(StreamEvent("thread.message.in_progress", self.message))

    def add_refusal(self, text: str) -> None:
        """Add the next piece of a refusal; ``message`` must have begun."""
        self._refusals.append(text)
        self.size += len(text)
        if self._feed.has_subscribers:
            index = 1 if self._texts else 0
            self._publish_content(RefusalContentDelta(index=index, refusal=text))

    def add_call(self, id_: str, name: str) -> None:
        """Add a tool call that the model has begun; ``calls_step`` must have begun."""
        call = new_call(id_, name, self._hosted)
        self.calls.append(call)
        self._publish_call(call.started_delta(len(self.calls) - 1))

    def add_arguments(self, index: int, arguments: str) -> None:
        """Add the next piece of a call's arguments."""
        self.size += len(arguments)
        call = self.calls[index]
        delta = call.add_arguments(index, arguments)
        if isinstance(call, StreamedFunctionCall):
            if self.calls_step is not None and self._feed.has_subscribers:
                self._feed.publish_arguments(self.calls_step.id, index, arguments)
        elif delta is not None:
            self._publish_call(delta)

    def add_hosted_call(self, id_: str, code: str, logs: str) -> None:
        """Add a code call that the model's endpoint has run itself."""
        self.calls.append(StreamedCodeCall(id_, [json.dumps({"code": code})], logs))

    def insert_message(self, tables: Tables, now: int) -> None:
        """Begin the message and its step, and store them."""
        run = self._run
        message = self.message = Message(
            id=new_id("msg"),
            created_at=now,
            thread_id=run.thread_id,
            status="in_progress",
            role="assistant",
            content=(),
            assistant_id=run.assistant_id,
            run_id=run.id,
            metadata=dict(self._metadata),
        )
        tables.add_message(message)
        details = MessageCreationDetails(CreatedMessage(message.id))
        self.message_step = self._new_step(tables, details, now)

    def insert_calls(self, tables: Tables, now: int) -> None:
        """Begin the step of the tool calls, and store it."""
        self.calls_step = self._new_step(tables, ToolCallsDetails(()), now)

    def save(self, tables: Tables, usage: Usage | None) -> None:
        """Store the text and calls so far; the newest step gets ``usage`` and the thoughts."""
        newest = self.calls_step or self.message_step
        spent: dict[str, Any] = {"usage": usage, "thoughts": self.thoughts or UNSET}
        if self.message is not None and self.message.status == "in_progress":
            self.message = self._written_message(tables)
            self._write_message(tables, self.message)
            if self.message_step is not None and self.message_step is newest:
                self.message_step = replace(self.message_step, **spent)
                self._write_step(tables, self.message_step)
        if self.calls_step is not None:
            details = ToolCallsDetails(tuple(call.to_tool_call() for call in self.calls))
            self.calls_step = replace(self.calls_step, step_details=details, **spent)
            self._write_step(tables, self.calls_step)

    def complete_calls(self, tables: Tables, now: int) -> None:
        """Complete the step of the tool calls, all of which have their outputs."""
        if self.calls_step is not None:
            self.calls_step = replace(self.calls_step, status="completed", completed_at=now)
            self._write_step(tables, self.calls_step)

    def complete_message(self, tables: Tables, now: int) -> None:
        """Complete the message and its step, because tool calls follow."""
        if self.message is not None and self.message_step is not None:
            self.message = replace(
                self._written_message(tables), status="completed", completed_at=now
            )
            self.message_step = replace(self.message_step, status="completed", completed_at=now)
            self._write_message(tables, self.message)
            self._write_step(tables, self.message_step)

    def publish_message(self) -> None:
        """Publish that the message and its step have begun."""
        if self.message is not None and self.message_step is not None:
            self._publish_new_step(self.message_step)
            self._feed.publish(StreamEvent("thread.message.created", self.message))
            self._feed.publish(message_event(self.message))

    def publish_calls(self) -> None:
        """Publish that the step of the tool calls has begun."""
        if self.calls_step is not None:
            self._publish_new_step(self.calls_step)

    def publish_output(self, index: int, call: StreamedCodeCall, logs: str) -> None:
        """Publish the next piece of the code's printed output."""
        self._publish_call(call.output_delta(index, logs))

    def publish_annotations(self) -> None:
        """Publish the message's annotations and images, known once the text is complete."""
        for index, part in enumerate(self.message.content if self.message else ()):
            if isinstance(part, TextPart) and part.text.annotations:
                text = TextValueDelta(annotations=deltas(part.text.annotations))
                self._publish_content(TextDelta(index=index, text=text))
            elif isinstance(part, ImageFilePart):
                self._publish_content(ImageFileDelta(index=index, image_file=part.image_file))

    def publish_message_completed(self) -> None:
        """Publish that the message and its step are complete."""
        if self.message is not None and self.message_step is not None:
            self.publish_annotations()
            self._feed.publish(message_event(self.message))
            self._feed.publish(step_event(self.message_step))

    def publish_calls_completed(self) -> None:
        """Publish that the step of the tool calls is complete."""
        if self.calls_step is not None:
            self._feed.publish(step_event(self.calls_step))

    def publish_hosted_calls(self) -> None:
        """Publish a completed step of code calls: its beginning, each whole call and its end."""
        self.publish_calls()
        for index, call in enumerate(self.calls):
            if isinstance(call, StreamedCodeCall):
                self._publish_call(call.full_delta(index))
        self.publish_calls_completed()

    def _write_step(self, tables: Tables, step: RunStep) -> None:
        tables.steps.write(step, id=step.id, run_id=self._run.id)

    def _write_message(self, tables: Tables, message: Message) -> None:
        tables.messages.write(message, id=message.id, thread_id=self._run.thread_id)

    def _written_message(self, tables: Tables) -> Message:
        """Return the message with all that was written so far, and with its stored metadata.

        A caller may have modified the metadata. Files that the run's code generated are part of
        the first message after the code: images as content, others as attachments.
        """
        message = self.message
        assert message is not None, "only a message that has begun is written"
        stored = tables.messages.readable(id=message.id, thread_id=self._run.thread_id)
        images: list[Content] = []
        attachments: list[Attachment] = []
        owners = self._workspace.message_of_file
        for name, file_id in self._workspace.generated_files.items():
            if owners.setdefault(file_id, message.id) != message.id:
                continue
            if name.lower().endswith(_IMAGE_ENDINGS):
                images.append(ImageFilePart(ImageFile(file_id)))
            else:
                attachments.append(Attachment(file_id, (CodeInterpreterTool(),)))
        return replace(
            message,
            metadata=message.metadata if stored is None else stored.metadata,
            content=(*self._content(tables), *images),
            attachments=tuple(attachments) or message.attachments,
        )

    def _content(self, tables: Tables) -> tuple[Content, ...]:
        parts: list[Content] = []
        if self._texts or not self._refusals:
            text = "".join(self._texts)
            run_searches = searches(tables.steps.each(run_id=self._run.id))
            found = annotations(text, run_searches, self._workspace.generated_files)
            parts.append(TextPart(TextValue(text, found)))
        if self._refusals:
            parts.append(RefusalPart("".join(self._refusals)))
        return tuple(parts)

    def _new_step(self, tables: Tables, details: StepDetails, now: int) -> RunStep:
        run = self._run
        creation = isinstance(details, MessageCreationDetails)
        step = RunStep(
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
        tables.steps.insert(step, id=step.id, run_id=run.id, response=self.response_id)
        return step

    def _publish_new_step(self, step: RunStep) -> None:
        # Not by its status: a step of hosted calls is complete before its beginning is published.
        self._feed.publish(StreamEvent("thread.run.step.created", step))
        self._feed.publish(StreamEvent("thread.run.step.in_progress", step))

    def _publish_content(self, content: ContentDelta) -> None:
        if self.message is not None:
            delta = MessageDelta(id=self.message.id, delta=MessageDeltaBody(content=(content,)))
            self._feed.publish(StreamEvent("thread.message.delta", delta))

    def _publish_call(self, call: ToolCallDelta) -> None:
        if self.calls_step is not None and self._feed.has_subscribers:
            body = RunStepDeltaBody(step_details=ToolCallsDelta(tool_calls=(call,)))
            delta = RunStepDelta(id=self.calls_step.id, delta=body)
            self._feed.publish(StreamEvent("thread.run.step.delta", delta))
