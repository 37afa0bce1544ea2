"""The executor of one run, over a real database and a model that plays a script."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from bot.assistants.events import StreamEvent
from bot.assistants.ids import new_id
from bot.assistants.schema.content import TextPart
from bot.assistants.schema.objects import IncompleteDetails, Message, Run, RunStep, Thread, Usage
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FunctionDefinition,
    FunctionTool,
    Tool,
)
from bot.assistants.states import RunStatus
from bot.engine.context import EngineContext, EngineOptions
from bot.engine.model_health import ModelHealth
from bot.engine.prompt.context_window import ContextWindows
from bot.engine.prompt.summary import SummaryPauses
from bot.engine.run.completion import RunEnding, end_run
from bot.engine.run.executor import RunExecutor
from bot.engine.run.run_context import RunContext
from bot.engine.run.run_events import RunFeed
from bot.engine.tool_calls.hosted_tools import CodeQuotas, HostedTools
from bot.engine.tool_calls.ingestion import Ingestion
from bot.hosted.extract import extract_text
from bot.models.http.image_fetcher import ImageFetcher
from bot.models.types import (
    Finished,
    ModelError,
    ModelTextDelta,
    ModelUsage,
    ToolCallDelta,
    ToolCallStarted,
)
from bot.runtime.fair_queue import FairSlots
from bot.runtime.metrics import Metrics
from bot.store.engine import EngineStore, Tables
from tests.engine.run.scripted_events import Script, ScriptedEvents
from tests.support.databases import execute
from tests.support.eventually import PATIENCE
from tests.support.fake_clock import FakeClock
from tests.support.troubled_database import troubled_store

T = TypeVar("T")


FUNCTION: Tool = FunctionTool(FunctionDefinition("look_up"))
PROJECT = "p"
USAGE = ModelUsage(7, 2, 9)


@dataclass
class Execution:
    """A queued run, its executor and the events that a subscriber gets."""

    store: EngineStore
    context: RunContext
    executor: RunExecutor
    model: ScriptedEvents
    slots: FairSlots
    clock: FakeClock
    events: list[StreamEvent]

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]

    async def run(self) -> Run:
        """Execute the run to its end and return the stored run."""
        async with asyncio.timeout(PATIENCE):
            await self.executor.execute(self.slots)
        return await self.stored()

    async def stored(self) -> Run:
        run_id = self.context.run.id
        return await self.store.read(lambda tables: tables.runs.get(id=run_id, project=PROJECT))

    async def messages(self) -> list[Message]:
        thread_id = self.context.run.thread_id
        return await self.store.read(lambda tables: tables.messages.all(thread_id=thread_id))

    async def steps(self) -> list[RunStep]:
        run_id = self.context.run.id
        return await self.store.read(lambda tables: tables.steps.all(run_id=run_id))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EngineStore]:
    async with await EngineStore.open(tmp_path / "engine.db") as store:
        yield store


async def prepare(store: EngineStore, *calls: Script, tools: tuple[Tool, ...] = ()) -> Execution:
    """Store a queued run on a thread without messages, and an executor of it."""
    clock, model = FakeClock(real_below=1.0), ScriptedEvents(*calls)
    engine = EngineContext(
        store=store,
        model=model,
        clock=clock,
        options=EngineOptions(),
        fetcher=ImageFetcher(),
        context_windows=ContextWindows(),
        hosted_tools=HostedTools(store, clock, 10.0, CodeQuotas()),
        summary_pauses=SummaryPauses(clock),
        model_health=ModelHealth(clock, Metrics()),
        metrics=Metrics(),
        ingestion=Ingestion(
            store, clock, extract=extract_text, seconds_per_hour=3600.0, batch_characters=1
        ),
    )
    now = engine.now()
    thread = Thread(id=new_id("thread"), created_at=now)
    run = Run(
        id=new_id("run"),
        created_at=now,
        thread_id=thread.id,
        assistant_id="asst_1",
        status="queued",
        expires_at=now + 600,
        model="m",
        tools=tools,
    )

    def work(tables: Tables) -> None:
        tables.threads.insert(thread, id=thread.id, project=PROJECT)
        tables.add_run(PROJECT, run)

    await store.write(work)
    context = RunContext(engine=engine, project=PROJECT, run=run, feed=Recording())
    events = context.feed.events if isinstance(context.feed, Recording) else []
    return Execution(store, context, RunExecutor(context), model, FairSlots(1, 1), clock, events)


class Recording(RunFeed):
    """A feed that also keeps its events, except for deltas of text and arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[StreamEvent] = []
        self.on_event: Callable[[StreamEvent], object] = lambda _: None

    def publish(self, event: StreamEvent) -> None:
        self.events.append(event)
        super().publish(event)
        self.on_event(event)


def call_function(*ids: str) -> Script:
    events: Script = []
    for index, id_ in enumerate(ids):
        events += [
            ToolCallStarted(index, id_, "look_up"),
            ToolCallDelta(index, json.dumps({"x": index})),
        ]
    return [*events, Finished("tool_calls", USAGE)]


async def test_an_answer_becomes_a_message_and_a_step_in_the_apis_order_of_events(
    store: EngineStore,
) -> None:
    script: Script = [ModelTextDelta("Hel"), ModelTextDelta("lo."), Finished("stop", USAGE)]
    execution = await prepare(store, script)
    run = await execution.run()
    assert (run.status, run.usage, run.expires_at) == ("completed", Usage(7, 2, 9), None)
    (message,) = await execution.messages()
    (part,) = message.content
    assert isinstance(part, TextPart)
    assert (part.text.value, message.status) == ("Hello.", "completed")
    (step,) = await execution.steps()
    assert (step.type, step.status, step.usage) == (
        "message_creation",
        "completed",
        Usage(7, 2, 9),
    )
    assert execution.names == [
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
    ]
    assert execution.events[-1].data == run == execution.executor.run


async def test_a_cancellation_right_behind_the_end_changes_nothing_that_the_end_stored(
    store: EngineStore,
) -> None:
    execution = await prepare(store, [ModelTextDelta("Hello."), Finished("stop", USAGE)])
    feed = execution.context.feed
    assert isinstance(feed, Recording)

    def cancel_at_the_end(event: StreamEvent) -> None:
        if event.event == "thread.run.completed":
            execution.executor.interrupt("cancelled")

    feed.on_event = cancel_at_the_end
    run = await execution.run()
    (message,) = await execution.messages()
    (step,) = await execution.steps()
    assert (run.status, message.status, step.status) == ("completed", "completed", "completed")


async def test_function_calls_make_the_run_wait_for_their_outputs(store: EngineStore) -> None:
    execution = await prepare(store, call_function("call_a", "call_b"), tools=(FUNCTION,))
    run = await execution.run()
    assert run.status == "requires_action"
    assert run.required_action is not None
    required = run.required_action.submit_tool_outputs.tool_calls
    assert [(call.id, call.function.arguments) for call in required] == [
        ("call_a", '{"x": 0}'),
        ("call_b", '{"x": 1}'),
    ]
    (step,) = await execution.steps()
    assert (step.type, step.status) == ("tool_calls", "in_progress")
    assert execution.names[-1] == "thread.run.requires_action"


@pytest.mark.parametrize(
    ("reason", "status", "message_status"),
    [("length", "incomplete", "incomplete"), ("content_filter", "failed", "incomplete")],
)
async def test_an_answer_that_is_cut_ends_the_run_as_its_reason_says(
    store: EngineStore, reason: str, status: RunStatus, message_status: str
) -> None:
    cut = Finished(reason, USAGE)  # type: ignore[arg-type]  # both are reasons
    execution = await prepare(store, [ModelTextDelta("Once"), cut])
    run = await execution.run()
    (message,) = await execution.messages()
    assert (run.status, message.status) == (status, message_status)
    assert message.incomplete_details is not None
    if reason == "length":
        assert run.incomplete_details == IncompleteDetails("max_completion_tokens")
        assert message.incomplete_details.reason == "max_tokens"
    else:
        assert run.last_error is not None
        assert run.last_error.code == "invalid_prompt"
        assert message.incomplete_details.reason == "content_filter"


@pytest.mark.parametrize("reason", ["cancelled", "expired"])
async def test_an_interrupted_run_keeps_the_text_so_far_and_gives_its_slot_back(
    store: EngineStore, reason: str
) -> None:
    execution = await prepare(store, [ModelTextDelta("Once upon")])
    running = asyncio.create_task(execution.run())
    await asyncio.wait_for(execution.model.stalled.wait(), PATIENCE)
    if reason == "cancelled":
        run_id = execution.context.run.id
        await store.write(lambda tables: tables.move_run(PROJECT, run_id, "cancelling"))
    assert execution.executor.interrupt(reason)  # type: ignore[arg-type]  # both are reasons
    run = await running
    assert run.status == reason
    (message,) = await execution.messages()
    (part,) = message.content
    assert isinstance(part, TextPart)
    assert part.text.value == "Once upon"
    assert message.incomplete_details is not None
    assert message.incomplete_details.reason == f"run_{reason}"
    assert not execution.executor.interrupt("cancelled")
    await asyncio.wait_for(execution.slots.acquire("another"), PATIENCE)


async def test_a_run_that_waits_for_a_slot_can_be_interrupted(store: EngineStore) -> None:
    execution = await prepare(store)
    await execution.slots.acquire("another")
    running = asyncio.create_task(execution.run())
    await asyncio.sleep(0)
    assert execution.executor.interrupt("expired")
    assert (await running).status == "expired"
    assert execution.model.requests == []


async def test_a_stop_of_the_engine_leaves_the_run_unfinished(store: EngineStore) -> None:
    execution = await prepare(store, [ModelTextDelta("Once upon")])
    running = asyncio.create_task(execution.executor.execute(execution.slots))
    await asyncio.wait_for(execution.model.stalled.wait(), PATIENCE)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert (await execution.stored()).status == "in_progress"
    await asyncio.wait_for(execution.slots.acquire("another"), PATIENCE)


async def test_a_failure_of_the_model_fails_the_run_with_its_code(store: EngineStore) -> None:
    error = ModelError("rate_limited", "Too many requests. Try again later.")
    execution = await prepare(store, [error])
    run = await execution.run()
    assert run.status == "failed"
    assert run.last_error is not None
    assert (run.last_error.code, run.last_error.message) == ("rate_limit_exceeded", error.message)


async def test_a_defect_fails_the_run_with_a_sentence_and_is_logged(
    store: EngineStore, caplog: pytest.LogCaptureFixture
) -> None:
    execution = await prepare(store, [ZeroDivisionError("a secret detail")])
    run = await execution.run()
    assert run.status == "failed"
    assert run.last_error is not None
    assert "secret" not in run.last_error.message
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert run.id in record.getMessage()
    assert record.exc_info is not None


async def test_a_model_that_only_calls_hosted_tools_is_stopped_after_32_rounds(
    store: EngineStore,
) -> None:
    code: Script = [
        ToolCallStarted(0, "call_1", "code_interpreter"),
        ToolCallDelta(0, '{"code": ""}'),
        Finished("tool_calls", USAGE),
    ]
    execution = await prepare(store, *[code] * 40, tools=(CodeInterpreterTool(),))
    run = await execution.run()
    assert run.last_error is not None
    assert "32 times in a row" in run.last_error.message
    assert len(execution.model.requests) == 32
    steps = await execution.steps()
    assert len(steps) == 32
    assert {step.status for step in steps} == {"completed"}


async def test_a_run_ends_as_soon_as_the_disk_takes_its_end(tmp_path: Path) -> None:
    store, database = await troubled_store(tmp_path / "engine.db")

    def fill_the_disk() -> None:
        database.failing_writes = 2

    execution = await prepare(
        store, [ModelTextDelta("Hi."), fill_the_disk, Finished("stop", USAGE)]
    )
    assert (await execution.run()).status == "completed"
    assert database.failing_writes == 0
    assert execution.names.count("thread.run.completed") == 1
    await store.close()


async def test_a_run_whose_text_cannot_be_stored_still_ends(
    store: EngineStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await execute(
        tmp_path / "engine.db",
        "CREATE TRIGGER damaged BEFORE UPDATE ON messages WHEN instr(NEW.body, 'unlucky') "
        "BEGIN SELECT RAISE(ABORT, 'damaged'); END",
    )
    script: Script = [ModelTextDelta("unlucky"), Finished("stop", USAGE)]
    execution = await prepare(store, script)
    run = await execution.run()
    assert run.status == "completed"
    assert f"The text of run {run.id} can't be stored" in caplog.text
    (message,) = await execution.messages()
    assert (message.status, message.content) == ("completed", ())


async def test_a_run_that_ended_before_its_execution_is_only_published(store: EngineStore) -> None:
    execution = await prepare(store)
    run_id, now = execution.context.run.id, execution.context.engine.now()
    await store.write(lambda tables: end_run(tables, PROJECT, run_id, RunEnding("expired"), now))
    assert (await execution.run()).status == "expired"
    assert execution.names == ["thread.run.expired"]
    assert execution.model.requests == []


async def test_a_run_whose_thread_was_deleted_ends_without_an_event(store: EngineStore) -> None:
    execution = await prepare(store)
    thread_id = execution.context.run.thread_id
    await store.write(lambda tables: tables.threads.delete(id=thread_id, project=PROJECT))
    async with asyncio.timeout(PATIENCE):
        await execution.executor.execute(execution.slots)
    assert execution.events == []
    assert execution.model.requests == []
