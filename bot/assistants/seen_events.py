"""The events of a run that a reader has already, so that no event is yielded twice."""

from collections.abc import Iterable, Iterator

from bot.assistants.events import EventName, StreamEvent, message_event, run_event, step_event
from bot.assistants.schema.objects import Message, MessageCreationDetails, Run, RunStep
from bot.assistants.states import TERMINAL, RunStatus


class SeenEvents:
    """Compares a run with the events that a reader has had; both ids are None until known.

    ``include`` names additional fields of steps, see ``AssistantsAPI.list_steps``.
    """

    def __init__(
        self,
        thread_id: str | None = None,
        run_id: str | None = None,
        include: tuple[str, ...] = (),
    ) -> None:
        self.thread_id = thread_id
        self.run_id = run_id
        self.include = include
        self.status: RunStatus | None = None
        self._begun: set[str] = set()
        self._ended: set[str] = set()
        self._names: set[tuple[EventName, str]] = set()

    def note(self, event: StreamEvent) -> None:
        """Record an event that the reader has."""
        data = event.data
        if isinstance(data, Run):
            self.thread_id, self.run_id, self.status = data.thread_id, data.id, data.status
        elif isinstance(data, RunStep | Message):
            self._begun.add(data.id)
            self._names.add((event.event, data.id))
            if data.status != "in_progress":
                self._ended.add(data.id)

    @property
    def rests(self) -> bool:
        """Whether the run has ended or waits for tool outputs: a stream ends there."""
        return _rests(self.status)

    def has_end(self, step: RunStep) -> bool:
        """Return whether the reader has the end of a step."""
        return step.id in self._ended

    def is_new(self, event: StreamEvent) -> bool:
        """Return whether the reader lacks the event of a run, a step or a message."""
        data = event.data
        if isinstance(data, Run):
            return data.status != self.status
        if isinstance(data, RunStep | Message):
            return data.id not in self._ended and (event.event, data.id) not in self._names
        return True

    def new_in(
        self, run: Run, steps: Iterable[RunStep], messages: Iterable[Message]
    ) -> Iterator[StreamEvent]:
        """Yield and record the events of a run's state that the reader lacks, in a stream's order.

        A message has no event until it is complete. Then its event comes before its step's.
        """
        if not _rests(run.status):
            yield from self._new(run_event(run))
        complete = {message.id: message for message in messages if message.status != "in_progress"}
        for step in steps:
            if step.status == "in_progress":
                if step.id not in self._begun:
                    yield from self._new(StreamEvent("thread.run.step.created", step))
                    yield from self._new(step_event(step))
                continue
            details = step.step_details
            if isinstance(details, MessageCreationDetails):
                message = complete.pop(details.message_creation.message_id, None)
                if message is not None:
                    yield from self._new(message_event(message))
            yield from self._new(step_event(step))
        for message in complete.values():
            yield from self._new(message_event(message))
        yield from self._new(run_event(run))

    def _new(self, event: StreamEvent) -> Iterator[StreamEvent]:
        if self.is_new(event):
            self.note(event)
            yield event


def _rests(status: RunStatus | None) -> bool:
    return status == "requires_action" or status in TERMINAL
