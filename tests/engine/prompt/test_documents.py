"""Models that call no tools see the beginnings of the documents, and are told what is left out."""

import re
from pathlib import Path

from bot.assistants.schema.objects import DOCUMENTS_CUT, TOOLS_LEFT_OUT, Message
from bot.assistants.schema.requests import (
    CreateMessage,
    CreateThread,
    NewFileSearchResources,
    NewToolResources,
)
from bot.assistants.schema.tools import FileSearchTool, NamedToolChoice, NewAttachment
from bot.assistants.schema.vector_stores import CreateVectorStore
from bot.engine import Engine, EngineOptions
from bot.engine.prompt.history import BYTES_A_TOKEN
from bot.models.local.model import LocalModel
from bot.models.responses.model import Responses
from bot.store.engine import EngineStore
from tests.support.assistants import IMPATIENT, House, house
from tests.support.fake_clock import FakeClock
from tests.support.files import searchable, settled, upload
from tests.support.model_endpoint import Asked, ScriptedModel, turns
from tests.support.responses_endpoint import ScriptedResponses

SEARCHES = (FileSearchTool(),)
NO_TOOLS = "m does not support tools"
SMALL = EngineOptions(context_window=4000)


def without_tools(home: House) -> None:
    """Let the endpoint refuse requests with tools from now on."""

    def refuses(asked: Asked) -> turns.Turn:
        if "tools" in asked.body:
            return turns.fail(400, message=NO_TOOLS)
        return turns.say("fine")

    home.model.otherwise = refuses


async def thread_with(home: House, **texts: str) -> str:
    """Make a thread whose vector store has text files by their names (without `.txt`)."""
    store, _ = await searchable(home.api, **texts)
    resources = NewToolResources(file_search=NewFileSearchResources(vector_store_ids=(store.id,)))
    question = CreateMessage(role="user", content="What is in it?")
    request = CreateThread(messages=(question,), tool_resources=resources)
    return (await home.api.create_thread(request)).id


async def answered(home: House, thread_id: str, **fields: object) -> Message:
    """Run an assistant with file_search on a thread; return its answer."""
    assistant = await home.assistant(tools=SEARCHES)
    run = await home.run(thread_id, assistant, **fields)
    await home.until(run, "completed")
    return (await home.api.list_messages(thread_id)).data[0]


def shown(home: House) -> str:
    """Return the documents as the last request has them."""
    (text,) = (
        message["content"]
        for message in home.model.requests[-1].messages
        if "The documents of this conversation" in str(message["content"])
    )
    return str(text)


def words(count: int, word: str = "word") -> str:
    """Return a text of numbered words."""
    return " ".join(f"{word}{number}" for number in range(count))


async def test_a_refusal_of_tools_shows_the_documents_at_once_and_from_then_on(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        without_tools(home)
        thread = await thread_with(home, plan="We meet on Tuesday.")
        first = await answered(home, thread)
        assert "We meet on Tuesday." in shown(home)
        assert "=== plan.txt ===" in shown(home)
        assert first.metadata == {TOOLS_LEFT_OUT: "true"}
        second = await answered(home, thread)
        assert "We meet on Tuesday." in shown(home)
        assert second.metadata == {}
        assert ["tools" in asked.body for asked in home.model.requests] == [True, False, False]


async def test_a_long_document_is_cut_and_the_model_and_the_message_say_so(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=SMALL) as home:
        without_tools(home)
        thread = await thread_with(home, novel=words(20_000), note="Short.")
        answer = await answered(home, thread)
        assert answer.metadata == {TOOLS_LEFT_OUT: "true", DOCUMENTS_CUT: "novel.txt"}
        text = shown(home)
        assert "=== note.txt ===\nShort." in text
        heading = re.search(r"=== novel\.txt \(its beginning; about (\d+) % of it are", text)
        assert heading is not None
        assert 90 <= int(heading[1]) <= 99
        beginning = text[heading.end() :].split("\n")[1]
        numbers = [int(word[4:]) for word in beginning.split() if word.startswith("word")]
        assert numbers[:-1] == list(range(len(numbers) - 1))  # in order, no overlap repeated
        assert len(numbers) > 200
        assert len(text.encode()) <= 4000 / 2 * BYTES_A_TOKEN + 300
        assert home.model.requests[-1].question == "What is in it?"


async def test_documents_share_the_room_and_the_newest_are_shown(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=EngineOptions(context_window=8000)) as home:
        without_tools(home)
        texts = {f"f{number:02}": words(500, f"w{number:02}x") for number in range(25)}
        answer = await answered(home, await thread_with(home, **texts))
        text = shown(home)
        names = re.findall(r"f\d\d\.txt", text)
        assert names == [f"f{number:02}.txt" for number in range(24, 4, -1)]
        assert "(5 older documents are left out.)" in text
        assert all(f"w{number:02}x0 " in text for number in range(5, 25))
        assert len((answer.metadata or {})[DOCUMENTS_CUT].split(", ")) == 25


async def test_fewer_documents_are_shown_where_there_is_little_room(tmp_path: Path) -> None:
    async with house(tmp_path, "engine", options=EngineOptions(context_window=2000)) as home:
        without_tools(home)
        texts = {f"f{number:02}": words(500, f"w{number:02}x") for number in range(25)}
        await answered(home, await thread_with(home, **texts))
        assert re.findall(r"f\d\d\.txt", shown(home)) == ["f24.txt", "f23.txt", "f22.txt"]
        assert "(22 older documents are left out.)" in shown(home)
        assert "w22x0 " in shown(home)


async def test_a_document_that_could_not_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        without_tools(home)
        broken = await upload(home.api, "broken.pdf", "%PDF-1.7 nothing")
        store = await home.api.create_vector_store(CreateVectorStore(file_ids=(broken.id,)))
        await settled(home.api, store.id)
        resources = NewToolResources(
            file_search=NewFileSearchResources(vector_store_ids=(store.id,))
        )
        question = CreateMessage(role="user", content="What is in it?")
        request = CreateThread(messages=(question,), tool_resources=resources)
        await answered(home, (await home.api.create_thread(request)).id)
        assert re.search(r"\(broken\.pdf can't be shown: \S", shown(home))


async def test_a_file_attached_to_a_question_is_shown_until_it_is_deleted(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        without_tools(home)
        file = await upload(home.api, "plan.txt", "We meet on Tuesday.")
        thread = await home.thread()
        question = CreateMessage(
            role="user",
            content="When?",
            attachments=(NewAttachment(file_id=file.id, tools=SEARCHES),),
        )
        await home.api.create_message(thread, question)
        await answered(home, thread)
        assert "We meet on Tuesday." in shown(home)
        await home.api.delete_file(file.id)
        await answered(home, thread)
        assert "Tuesday" not in str(home.model.requests[-1].messages)


async def test_a_model_that_calls_tools_gets_no_documents(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        await answered(home, await thread_with(home, plan="We meet on Tuesday."))
        assert "Tuesday" not in str(home.model.requests[-1].messages)


async def test_a_forced_search_still_fails_where_tools_are_refused(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        without_tools(home)
        thread = await thread_with(home, plan="We meet on Tuesday.")
        assistant = await home.assistant(tools=SEARCHES)
        for _ in range(2):
            run = await home.run(thread, assistant, tool_choice=NamedToolChoice(type="file_search"))
            ended = await home.until(run, "failed")
            assert ended.last_error is not None
            assert ended.last_error.cause == "tools"


async def test_a_prompt_that_is_too_long_shows_less_of_the_documents(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:

        def refuses(asked: Asked) -> turns.Turn:
            if "tools" in asked.body:
                return turns.fail(400, message=NO_TOOLS)
            if len(str(asked.messages)) > 8000:
                return turns.fail(400, message="maximum context length is 3000 tokens")
            return turns.say("fine")

        home.model.otherwise = refuses
        await answered(home, await thread_with(home, novel=words(20_000)))
        assert "word100 " in shown(home)


async def test_shown_documents_are_in_use_and_do_not_expire(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        without_tools(home)
        thread = await thread_with(home, plan="We meet on Tuesday.")
        (store,) = (await home.api.list_vector_stores()).data
        home.clock.advance(100)
        await answered(home, thread)
        used = await home.api.retrieve_vector_store(store.id)
        assert used.last_active_at is not None
        assert store.last_active_at is not None
        assert used.last_active_at >= store.last_active_at + 100


async def test_the_responses_api_falls_back_too(tmp_path: Path) -> None:
    async with ScriptedResponses() as endpoint:
        store = await EngineStore.open(tmp_path / "engine.db")
        model = Responses(endpoint.url, retries=IMPATIENT)
        engine = Engine(store, model, clock=FakeClock(real_below=1.0))
        await engine.start()
        try:
            api = engine.for_project("default")
            home = House(engine, ScriptedModel(), FakeClock(), api, api)
            thread = await thread_with(home, plan="We meet on Tuesday.")
            endpoint.fail(400, message=NO_TOOLS)
            for _ in range(2):
                await answered(home, thread)
        finally:
            await engine.stop()
            await model.close()
            await store.close()
        assert ["tools" in asked.body for asked in endpoint.requests] == [True, False, False]
        assert all("Tuesday" in str(asked.body["input"]) for asked in endpoint.requests[1:])


async def test_the_small_local_model_is_known_to_call_no_tools() -> None:
    async def weights() -> Path:
        raise AssertionError("nothing is downloaded")

    assert not LocalModel(weights, label="small").calls_tools("any")
    assert LocalModel(Path("own.gguf"), label="own").calls_tools("any")
