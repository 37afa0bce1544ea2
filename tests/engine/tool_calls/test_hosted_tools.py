"""The tools that the engine hosts: code that runs, files that are searched, and what is quoted."""

import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

from msgspec import UNSET

from bot.assistants.events import RunStepDelta
from bot.assistants.schema.content import (
    FileCitation,
    FilePath,
    ImageFile,
    ImageFilePart,
    TextInput,
    TextPart,
)
from bot.assistants.schema.files import UploadFile
from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.requests import (
    SEARCH_RESULT_CONTENT,
    CreateMessage,
    CreateRun,
    CreateThread,
    NewFileSearchResources,
    NewToolResources,
    NewVectorStore,
    Page,
)
from bot.assistants.schema.tools import (
    CodeInterpreterCall,
    CodeInterpreterTool,
    FileSearchCall,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
    NewAttachment,
)
from tests.support.assistants import House, collected, house, names, streamed_text, text_of
from tests.support.eventually import eventually

OLDEST_FIRST = Page(order="asc")


async def _content(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _upload(home: House, name: str, text: str) -> str:
    request = UploadFile(filename=name, purpose="assistants")
    return (await home.api.upload_file(request, _content(text.encode()))).id


async def _searchable(home: House, store_id: str) -> None:
    await eventually(
        lambda: home.api.retrieve_vector_store(store_id), lambda found: found.status == "completed"
    )


def _calls(step: RunStep) -> ToolCallsDetails:
    assert isinstance(step.step_details, ToolCallsDetails)
    return step.step_details


async def test_code_is_run_and_the_model_goes_on_with_what_it_printed(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("code_interpreter", {"code": "x = 6 * 7\nprint('x is', x)"}))
        home.model.say("It is 42.")
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        thread = await home.thread("What is six times seven?")
        told = await collected(await home.api.stream_run(thread, CreateRun(assistant_id=assistant)))
        assert names(told) == [
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.run.step.delta",
            "thread.run.step.completed",
            "thread.run.step.created",
            "thread.run.step.in_progress",
            "thread.message.created",
            "thread.message.in_progress",
            "thread.message.delta",
            "thread.message.completed",
            "thread.run.step.completed",
            "thread.run.completed",
        ]
        assert streamed_text(told) == "It is 42."
        (run,) = (await home.api.list_runs(thread)).data
        code, answer = (await home.api.list_steps(thread, run.id, OLDEST_FIRST)).data
        (call,) = _calls(code).tool_calls
        assert isinstance(call, CodeInterpreterCall)
        assert call.code_interpreter.input == "x = 6 * 7\nprint('x is', x)"
        assert [getattr(out, "logs", None) for out in call.code_interpreter.outputs] == [
            "x is 42\n"
        ]
        assert answer.type == "message_creation"
        assert home.model.requests[1].messages[-1]["content"] == "x is 42\n"
        streamed = ""
        for event in told:
            if isinstance(event.data, RunStepDelta):
                for delta in event.data.delta.step_details.tool_calls:  # type: ignore[union-attr]  # these are calls
                    piece = getattr(delta.code_interpreter, "input", "")  # type: ignore[union-attr]  # and of code
                    streamed += piece if isinstance(piece, str) else ""
        assert streamed == call.code_interpreter.input


async def test_what_code_defines_stays_for_the_threads_next_run(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        thread = await home.thread("Remember five")
        for code, logs in (("n = 5", "(It printed nothing.)"), ("n + 1", "6")):
            home.model.call_tools(("code_interpreter", {"code": code}))
            home.model.say("done")
            await home.until(await home.run(thread, assistant))
            assert home.model.requests[-1].messages[-1]["content"].strip() == logs


async def test_an_error_in_code_is_shown_to_the_model_and_ends_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("code_interpreter", {"code": "print(1)\n1 / 0"}))
        home.model.say("That can't be divided.")
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        run = await home.until(await home.run(await home.thread("Divide"), assistant))
        assert run.status == "completed"
        shown = home.model.requests[1].messages[-1]["content"]
        assert shown.startswith("1\n")
        assert "ZeroDivisionError" in shown


async def test_an_attached_file_can_be_read_and_a_made_one_downloaded(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        file_id = await _upload(home, "numbers.txt", "1\n2\n3\n")
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        attachment = NewAttachment(file_id, tools=(CodeInterpreterTool(),))
        message = CreateMessage(role="user", content="Add them up", attachments=(attachment,))
        thread = (await home.api.create_thread(CreateThread(messages=(message,)))).id
        code = (
            "total = sum(int(line) for line in open('numbers.txt').read().split())\n"
            "open('/mnt/data/total.txt', 'w').write(str(total))\n"
            "print(total)"
        )
        home.model.call_tools(("code_interpreter", {"code": code}))
        home.model.say("Here it is: [total](sandbox:/mnt/data/total.txt)")
        run = await home.until(await home.run(thread, assistant))
        assert run.status == "completed"
        assert home.model.requests[1].messages[-1]["content"].startswith("6")
        newest = (await home.api.list_messages(thread)).data[0]
        (part,) = newest.content
        assert isinstance(part, TextPart)
        (path,) = part.text.annotations
        assert isinstance(path, FilePath)
        assert part.text.value[path.start_index : path.end_index] == "sandbox:/mnt/data/total.txt"
        async with await home.api.file_content(path.file_path.file_id) as content:
            assert b"".join([piece async for piece in content]) == b"6"


async def test_files_are_searched_and_quotations_point_to_them(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        bees = await _upload(home, "bees.md", "# Bees\nA queen bee lays up to 2,000 eggs a day.")
        other = await _upload(home, "日本.txt", "富士山は日本で一番高い山です。")
        store = NewVectorStore(file_ids=(bees, other))
        resources = NewToolResources(file_search=NewFileSearchResources(vector_stores=(store,)))
        assistant = await home.assistant(tools=(FileSearchTool(),), tool_resources=resources)
        kept = (await home.api.retrieve_assistant(assistant)).tool_resources
        store_id = kept.file_search.vector_store_ids[0]  # type: ignore[union-attr]  # made just now
        await _searchable(home, store_id)

        home.model.call_tools(("file_search", {"queries": ["eggs of a queen bee"]}))
        home.model.say("Up to 2,000 a day【0:0†bees.md】 or so【0:7†nothing】.")
        thread = await home.thread("How many eggs?")
        told = await collected(await home.api.stream_run(thread, CreateRun(assistant_id=assistant)))
        shown = home.model.requests[1].messages[-1]["content"]
        assert shown.startswith("【0:0†bees.md】")
        assert "2,000 eggs" in shown

        newest = (await home.api.list_messages(thread)).data[0]
        (part,) = newest.content
        assert isinstance(part, TextPart)
        (citation,) = part.text.annotations
        assert isinstance(citation, FileCitation)
        assert citation.file_citation.file_id == bees
        quoted = part.text.value[citation.start_index : citation.end_index]
        assert quoted == citation.text == "【0:0†bees.md】"
        assert streamed_text(told) == part.text.value

        (run,) = (await home.api.list_runs(thread)).data
        plain = (await home.api.list_steps(thread, run.id, OLDEST_FIRST)).data[0]
        full = (
            await home.api.list_steps(
                thread, run.id, OLDEST_FIRST, include=(SEARCH_RESULT_CONTENT,)
            )
        ).data[0]
        for step, with_content in ((plain, False), (full, True)):
            (call,) = _calls(step).tool_calls
            assert isinstance(call, FileSearchCall)
            result = call.file_search.results[0]  # type: ignore[index]  # it found something
            assert (result.file_id, result.file_name) == (bees, "bees.md")
            assert 0 < result.score <= 1
            passages = [part.text for part in result.content or ()]
            assert (len(passages) == 1 and "2,000 eggs" in passages[0]) is with_content
            assert with_content or result.content is UNSET

        home.model.call_tools(("file_search", {"queries": ["日本で一番高い山"]}))
        home.model.say("富士山です。")
        await home.api.create_message(thread, CreateMessage(role="user", content="山は？"))
        await home.until(await home.run(thread, assistant))
        assert "富士山" in home.model.requests[-1].messages[-1]["content"]


async def test_a_file_attached_to_a_message_is_searched_on_its_thread_alone(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        file_id = await _upload(home, "secret.txt", "The password of the garden gate is tulip.")
        attachment = NewAttachment(file_id, tools=(FileSearchTool(),))
        message = CreateMessage(role="user", content="Password?", attachments=(attachment,))
        thread = await home.api.create_thread(CreateThread(messages=(message,)))
        found = thread.tool_resources.file_search  # type: ignore[union-attr]  # the attachment's
        store_id = found.vector_store_ids[0]  # type: ignore[union-attr]  # the attachment's
        await _searchable(home, store_id)
        assistant = await home.assistant(tools=(FileSearchTool(),))
        elsewhere = await home.thread("Password?")
        for thread_id, knows in ((thread.id, True), (elsewhere, False)):
            home.model.call_tools(("file_search", {"queries": ["garden gate password"]}))
            home.model.say("ok")
            await home.until(await home.run(thread_id, assistant))
            shown = home.model.requests[-1].messages[-1]["content"]
            assert ("tulip" in shown) is knows


async def test_hosted_and_own_functions_can_be_called_together(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        tools = (CodeInterpreterTool(), FunctionTool(FunctionDefinition("ring")))
        assistant = await home.assistant(tools=tools)
        home.model.call_tools(
            ("code_interpreter", {"code": "print('hi')"}), ("ring", {}), ids=["call_a", "call_b"]
        )
        thread = await home.thread("Both")
        run = await home.until(await home.run(thread, assistant), "requires_action")
        required = run.required_action
        assert required is not None
        assert [call.id for call in required.submit_tool_outputs.tool_calls] == ["call_b"]
        step = (await home.api.list_steps(thread, run.id)).data[0]
        assert [call.id for call in _calls(step).tool_calls] == ["call_a", "call_b"]


async def test_a_model_that_only_calls_tools_is_stopped_at_last(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        for _ in range(40):
            home.model.call_tools(("file_search", {"queries": ["again"]}))
        assistant = await home.assistant(tools=(FileSearchTool(),))
        run = await home.until(await home.run(await home.thread("Search"), assistant))
        assert run.status == "failed"
        assert run.last_error is not None
        assert re.search(r"called tools \d+ times", run.last_error.message)


async def test_cancelling_stops_code_at_work(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.call_tools(("code_interpreter", {"code": "while True:\n    pass"}))
        assistant = await home.assistant(tools=(CodeInterpreterTool(),))
        run = await home.run(await home.thread("Forever"), assistant)
        await eventually(lambda: home.api.list_steps(run.thread_id, run.id), lambda page: page.data)
        await home.api.cancel_run(run.thread_id, run.id)
        assert (await home.until(run)).status == "cancelled"
        assert text_of((await home.api.list_messages(run.thread_id)).data[0]) == "Forever"


async def test_files_that_cannot_be_read_say_why_and_others_go_on(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        broken = await _upload(home, "broken.pdf", "%PDF-1.7 and nothing more")
        good = await _upload(home, "good.txt", "All is well in the northern meadow.")
        store = NewVectorStore(file_ids=(broken, good))
        resources = NewToolResources(file_search=NewFileSearchResources(vector_stores=(store,)))
        assistant = await home.api.retrieve_assistant(
            await home.assistant(tool_resources=resources)
        )
        store_id = assistant.tool_resources.file_search.vector_store_ids[0]  # type: ignore[union-attr]  # made just now
        await _searchable(home, store_id)
        failed = await home.api.retrieve_store_file(store_id, broken)
        assert failed.status == "failed"
        assert failed.last_error is not None
        assert failed.last_error.code == "invalid_file"
        assert (await home.api.retrieve_store_file(store_id, good)).status == "completed"


async def test_an_image_in_a_file_is_shown_to_the_model(tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\n" + b"rest of a picture"
    async with house(tmp_path, "engine") as home:
        file = await home.api.upload_file(
            UploadFile(filename="cat.png", purpose="vision"), _content(png)
        )
        parts = (TextInput("What is this?"), ImageFilePart(ImageFile(file.id)))
        thread = (
            await home.api.create_thread(
                CreateThread(messages=(CreateMessage(role="user", content=parts),))
            )
        ).id
        home.model.say("A cat.")
        assert (await home.until(await home.run(thread))).status == "completed"
        (message,) = home.model.requests[0].messages
        assert message["content"][1]["image_url"]["url"] == (
            "data:image/png;base64," + base64.b64encode(png).decode()
        )
        await home.api.delete_file(file.id)
        await home.api.create_message(thread, CreateMessage(role="user", content="And now?"))
        assert (await home.until(await home.run(thread))).status == "completed"
        assert "deleted" in str(home.model.requests[1].messages[0]["content"])
