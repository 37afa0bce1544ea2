"""The SDK's files and vector stores, and runs that search and run code."""

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AssistantEventHandler, AsyncAssistantEventHandler, AsyncOpenAI, OpenAI
from openai.types.beta.threads.runs import RunStep, ToolCall, ToolCallDelta

from bot.server import Server
from bot.server.context import Limits
from tests.conformance.conftest import elsewhere
from tests.support.assistants import KEYS, House, house

pytestmark = [  # what the SDK says of the Assistants API
    pytest.mark.filterwarnings("ignore:The Assistants API is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]

STATIC: Any = {
    "type": "static",
    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
}


async def test_files_are_uploaded_listed_read_and_deleted(sdk: AsyncOpenAI, tmp_path: Path) -> None:
    path = tmp_path / 'größe "1" 日本.txt'
    path.write_bytes(b"x" * 3_000_000)
    made = await sdk.files.create(
        file=path, purpose="assistants", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert (made.filename, made.bytes, made.purpose) == (path.name, 3_000_000, "assistants")
    assert made.expires_at == made.created_at + 3600
    vision = await sdk.files.create(file=("p.png", b"png"), purpose="vision")
    assert [file.id async for file in sdk.files.list(limit=1)] == [vision.id, made.id]
    assert [file.id async for file in sdk.files.list(purpose="assistants")] == [made.id]
    response = await sdk.files.content(made.id)
    assert response.response.headers["content-type"] == "application/octet-stream"
    assert response.content == path.read_bytes()
    assert (await sdk.files.wait_for_processing(made.id)).status == "processed"
    gone = await sdk.files.delete(made.id)
    assert (gone.deleted, gone.object) == (True, "file")
    with pytest.raises(openai.NotFoundError, match="No file found"):
        await sdk.files.content(made.id)


async def test_vector_stores_are_filled_polled_and_searched(sdk: AsyncOpenAI) -> None:
    store = await sdk.vector_stores.create(
        name="Zoo", expires_after={"anchor": "last_active_at", "days": 3}, metadata={"k": "v"}
    )
    bees = await sdk.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("bees.txt", b"Bees dance."), poll_interval_ms=10
    )
    assert bees.status == "completed"
    batch = await sdk.vector_stores.file_batches.upload_and_poll(
        store.id,
        files=[("ants.txt", b"Ants march."), ("none.txt", b"")],
        file_ids=[],
        chunking_strategy=STATIC,
        poll_interval_ms=10,
    )
    counts = batch.file_counts
    assert (counts.completed, counts.failed, counts.total) == (1, 1, 2)
    of_batch = sdk.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id)
    assert {file.status async for file in of_batch} == {"completed", "failed"}
    failed = [f async for f in sdk.vector_stores.files.list(store.id, filter="failed")]
    assert failed[0].last_error is not None
    assert failed[0].last_error.code == "invalid_file"

    named = await sdk.vector_stores.files.update(
        bees.id, vector_store_id=store.id, attributes={"kind": "insect", "legs": 6}
    )
    assert named.attributes == {"kind": "insect", "legs": 6}
    found = await sdk.vector_stores.search(
        store.id,
        query="bees",
        filters={"type": "gte", "key": "legs", "value": 6},
        ranking_options={"score_threshold": 0.0},
    )
    assert [(hit.filename, hit.content[0].text) for hit in found.data] == [
        ("bees.txt", "Bees dance.")
    ]
    text = await sdk.vector_stores.files.content(bees.id, vector_store_id=store.id)
    assert [part.text for part in text.data] == ["Bees dance."]

    changed = await sdk.vector_stores.update(store.id, name="Garden")
    assert (changed.name, changed.file_counts.total) == ("Garden", 3)
    assert [each.id async for each in sdk.vector_stores.list(limit=1)] == [store.id]
    assert (await sdk.vector_stores.files.delete(bees.id, vector_store_id=store.id)).deleted
    assert (await sdk.vector_stores.delete(store.id)).deleted
    with pytest.raises(openai.NotFoundError, match="No vector store found"):
        await sdk.vector_stores.retrieve(store.id)


class Handler(AssistantEventHandler):
    """Writes down what is called and what comes of it."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[str] = []
        self.done: list[ToolCall] = []
        self.steps: list[RunStep] = []
        self.code = ""
        self.logs = ""

    def on_tool_call_created(self, tool_call: ToolCall) -> None:
        self.created.append(tool_call.type)

    def on_tool_call_delta(self, delta: ToolCallDelta, snapshot: ToolCall) -> None:
        if delta.type == "code_interpreter" and delta.code_interpreter is not None:
            self.code += delta.code_interpreter.input or ""
            for output in delta.code_interpreter.outputs or ():
                if output.type == "logs":
                    self.logs += output.logs or ""
        assert snapshot.type == delta.type

    def on_tool_call_done(self, tool_call: ToolCall) -> None:
        self.done.append(tool_call)

    def on_run_step_done(self, run_step: RunStep) -> None:
        self.steps.append(run_step)


async def test_code_is_streamed_to_an_event_handler(home: House, blocking: OpenAI) -> None:
    home.model.call_tools(("code_interpreter", {"code": "x = 6 * 7\nprint(x)"}), pieces=5)
    home.model.say("It is 42.")
    handler = Handler()

    def program() -> str:
        beta = blocking.beta
        assistant = beta.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
        thread = beta.threads.create(messages=[{"role": "user", "content": "6 * 7?"}])
        with beta.threads.runs.stream(
            thread_id=thread.id, assistant_id=assistant.id, event_handler=handler
        ) as stream:
            stream.until_done()
        return handler.get_final_run().status

    assert await elsewhere(program) == "completed"
    assert handler.created == ["code_interpreter"]
    assert handler.code == "x = 6 * 7\nprint(x)"
    assert handler.logs == "42\n"
    call = handler.done[-1]  # the handler tells the last call again at each later step's end
    assert {done.id for done in handler.done} == {call.id}
    assert call.type == "code_interpreter"
    assert call.code_interpreter.input == handler.code
    (output,) = call.code_interpreter.outputs
    assert output.type == "logs"
    assert output.logs == "42\n"
    assert [step.type for step in handler.steps] == ["tool_calls", "message_creation"]


async def test_a_search_is_streamed_and_its_quotation_points_to_the_file(
    home: House, sdk: AsyncOpenAI
) -> None:
    store = await sdk.vector_stores.create()
    file = await sdk.vector_stores.files.upload_and_poll(
        vector_store_id=store.id, file=("bees.md", b"A queen lays 2,000 eggs."), poll_interval_ms=10
    )
    assistant = await sdk.beta.assistants.create(
        model="m",
        tools=[{"type": "file_search"}],
        tool_resources={"file_search": {"vector_store_ids": [store.id]}},
    )
    home.model.call_tools(("file_search", {"queries": ["queen eggs"]}))
    home.model.say("Up to 2,000【0:0†bees.md】.")
    thread = await sdk.beta.threads.create(messages=[{"role": "user", "content": "Eggs?"}])
    async with sdk.beta.threads.runs.stream(
        thread_id=thread.id,
        assistant_id=assistant.id,
        include=["step_details.tool_calls[*].file_search.results[*].content"],
        event_handler=AsyncAssistantEventHandler(),
    ) as stream:
        steps = [event.data async for event in stream if event.event == "thread.run.step.completed"]
        messages = await stream.get_final_messages()
    (part,) = messages[0].content
    assert part.type == "text"
    (citation,) = part.text.annotations
    assert citation.type == "file_citation"
    assert citation.file_citation.file_id == file.id
    quoted = part.text.value[citation.start_index : citation.end_index]
    assert quoted == citation.text == "【0:0†bees.md】"
    details = steps[0].step_details
    assert details.type == "tool_calls"
    (call,) = details.tool_calls
    assert call.type == "file_search"
    assert call.file_search.results is not None
    (result,) = call.file_search.results
    assert result.content is not None
    assert result.content[0].text == "A queen lays 2,000 eggs."


async def test_an_attachment_is_read_by_code_and_what_code_made_is_downloaded(
    home: House, sdk: AsyncOpenAI
) -> None:
    file = await sdk.files.create(file=("n.txt", b"1\n2\n3\n"), purpose="assistants")
    assistant = await sdk.beta.assistants.create(model="m", tools=[{"type": "code_interpreter"}])
    code = (
        "total = sum(int(line) for line in open('n.txt').read().split())\n"
        "open('/mnt/data/total.txt', 'w').write(str(total))"
    )
    home.model.call_tools(("code_interpreter", {"code": code}))
    home.model.say("Here: [total](sandbox:/mnt/data/total.txt)")
    run = await sdk.beta.threads.create_and_run_poll(
        assistant_id=assistant.id,
        thread={
            "messages": [
                {
                    "role": "user",
                    "content": "Add them.",
                    "attachments": [{"file_id": file.id, "tools": [{"type": "code_interpreter"}]}],
                }
            ]
        },
        poll_interval_ms=10,
    )
    messages = await sdk.beta.threads.messages.list(run.thread_id, run_id=run.id)
    (part,) = messages.data[0].content
    assert part.type == "text"
    (path,) = part.text.annotations
    assert path.type == "file_path"
    assert (await sdk.files.content(path.file_path.file_id)).content == b"6"


async def test_a_file_that_is_too_large_is_told_so(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        limits = Limits(upload=1_000_000)
        server = Server(home.engine.for_project, keys=KEYS, port=0, limits=limits)
        await server.start()
        try:
            async with AsyncOpenAI(base_url=server.url, api_key="sk-default", max_retries=0) as sdk:
                for size in (1_000_001, 20_000_000):
                    with pytest.raises(openai.APIStatusError, match="File is too large") as caught:
                        await sdk.files.create(file=("f", b"x" * size), purpose="assistants")
                    assert caught.value.status_code == 413
                whole = await sdk.files.create(file=("f", b"x" * 1_000_000), purpose="assistants")
                assert whole.bytes == 1_000_000
                assert len([file async for file in sdk.files.list()]) == 1
        finally:
            await server.stop()
