"""Channel threads that the model renames once, after the first exchange."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread
from bot.chat.turns.channel_namer import clean_title
from bot.sandbox import Channel
from bot.store.ledger import Ledger
from tests.scenarios.community import Community, answer, community
from tests.support.eventually import eventually
from tests.support.model_answers import Asked
from tests.support.model_turns import Turn, fail, say


def titled(title: Turn) -> Any:
    """A model that answers questions with "Yes.", and writes this title."""

    def script(asked: Asked) -> Turn:
        return title if "Write a title" in str(asked.messages[0]["content"]) else say("Yes.")

    return script


@asynccontextmanager
async def naming(
    directory: Path, title: Turn, *, name_threads: str = "model", **options: Any
) -> AsyncIterator[Community]:
    async with community(directory, "thread", name_threads=name_threads, **options) as threads:
        threads.model.otherwise = titled(title)
        yield threads


async def named(whole: Community) -> None:
    """Wait until every wanted title is settled."""
    await eventually(whole.ledger.channel_titles.unfinished, lambda left: not left)


async def asked(whole: Community, question: str) -> Channel:
    thread = await whole.thread_of(await whole.ask(question))
    await whole.finished(thread)
    await whole.ended_turns(1)
    await named(whole)
    return thread


def renames(whole: Community) -> int:
    """How often the bot edited a channel."""
    return sum(
        request.method == "PATCH" and re.fullmatch(r"/channels/\{\w+\}", request.route) is not None
        for request in whole.sandbox.requests
    )


@pytest.mark.parametrize("remote", [False, True])
async def test_a_channel_thread_is_renamed_once_to_the_models_title(
    tmp_path: Path, remote: bool
) -> None:
    async with naming(tmp_path, say('Title: "Cats and **naps**."'), remote=remote) as threads:
        thread = await asked(threads, "Why do cats sleep so much?")
        assert thread.name == "Cats and naps"
        (turn,) = await threads.ended_turns(1)
        (run,) = await threads.runs_on(thread)
        assert run.usage is not None
        # The title's tokens count as the turn's; its thread is gone.
        assert (turn.tokens or 0) > run.usage.total_tokens
        assert [role for role, _ in await threads.on_thread(thread)] == ["user", "assistant"]
        title_request = threads.model.requests[1]
        assert "tools" not in title_request.body
        assert "Why do cats sleep so much?" in title_request.question
        assert "Yes." in title_request.question
        # Neither the next answer nor a restart renames it again.
        await threads.ada.say(thread, "And dogs?")
        await threads.finished(thread, 2)
        await threads.restart_bot()
        await threads.ada.say(thread, "And birds?")
        await threads.finished(thread, 3)
        await threads.ended_turns(3)
        await named(threads)
        assert len(threads.model.requests) == 4
        assert renames(threads) == 1


async def test_the_temporary_thread_is_deleted(tmp_path: Path) -> None:
    async with naming(tmp_path, say("Cats")) as threads:
        held = threads.model.gate()
        threads.model.otherwise = titled(say("Cats", first=held))
        await threads.ask("Why?")
        await eventually(lambda: len(threads.model.requests) == 2)
        (wanted,) = await threads.ledger.channel_titles.unfinished()
        assert wanted.thread_id is not None
        held.open()
        await named(threads)
        with pytest.raises(APIError):
            await threads.api.retrieve_thread(wanted.thread_id)


@pytest.mark.parametrize(
    "title",
    [fail(500), fail(400), say(""), say("```\n```"), say("\u200b")],
    ids=["failing", "refused", "empty", "only markup", "invisible"],
)
async def test_without_a_usable_title_the_name_stays(tmp_path: Path, title: Turn) -> None:
    async with naming(tmp_path, title) as threads:
        thread = await asked(threads, "Why do cats sleep?")
        assert thread.name == "Why do cats sleep?"
        await threads.ada.say(thread, "two")
        assert answer(await threads.finished(thread, 2)) == "Yes."
        assert renames(threads) == 0


async def test_a_name_that_a_member_gave_stays(tmp_path: Path) -> None:
    async with naming(tmp_path, say("Cats")) as threads:
        held = threads.model.gate()
        threads.model.otherwise = titled(say("Cats", first=held))
        thread = await threads.thread_of(await threads.ask("Why do cats sleep?"))
        await threads.finished(thread)
        thread.name = "Mine"
        held.open()
        await threads.ended_turns(1)
        await named(threads)
        assert thread.name == "Mine"


async def test_a_title_is_not_told_what_a_spoiler_hides(tmp_path: Path) -> None:
    async with naming(tmp_path, say("A film")) as threads:
        await asked(threads, "Does ||the butler|| do it? `||kept||`")
        told = threads.model.requests[1].question
        assert "butler" not in told
        assert "Does [spoiler] do it? `||kept||`" in told


async def test_with_names_from_the_question_the_model_writes_no_title(tmp_path: Path) -> None:
    async with community(tmp_path, "thread", name_threads="question") as threads:
        thread = await asked(threads, "Why?")
        assert thread.name == "Why?"
        assert len(threads.model.requests) == 1


async def test_a_thread_that_a_member_opened_keeps_its_name(tmp_path: Path) -> None:
    async with naming(tmp_path, say("Cats")) as threads:
        said = await threads.ada.say(threads.general, "Look at this")
        thread = await threads.ada.start_thread(said, "Ada's")
        await threads.ada.say(thread, "Why?", mention_bot=True)
        await threads.finished(thread)
        await threads.ended_turns(1)
        await named(threads)
        assert thread.name == "Ada's"
        assert len(threads.model.requests) == 1


@pytest.mark.parametrize(
    ("status", "name"), [(400, "Why?"), (403, "Why?"), (429, "Cats"), (503, "Cats")]
)
async def test_a_rename_waits_for_discord_and_a_refusal_leaves_the_name(
    tmp_path: Path, status: int, name: str
) -> None:
    async with naming(tmp_path, say("Cats")) as threads:
        fault = threads.sandbox.faults.fail_next(
            "PATCH", "/channels/{channel_id}", status=status, code=50035, retry_after=0.1
        )
        thread = await asked(threads, "Why?")
        assert fault.hits == 1
        assert thread.name == name


@pytest.mark.parametrize("point", ["wanted", "thread made", "run made", "title written", "renamed"])
async def test_killed_while_it_names_a_channel_thread_the_bot_goes_on_and_renames_once(
    tmp_path: Path, point: str
) -> None:
    async with naming(tmp_path, say("Cats"), name_threads="question") as threads:
        thread = await asked(threads, "Why do cats sleep?")
        await threads.stop_bot()
        # What a process leaves that is killed at this point.
        ledger = await Ledger.open(threads.directory / "bot.db", threads.clock.now)
        await ledger.channel_titles.want(thread.id, 1)
        if point != "wanted":
            temporary = await threads.api.create_thread(
                CreateThread(messages=(CreateMessage(role="user", content="Why?"),))
            )
            await ledger.channel_titles.set_thread(thread.id, temporary.id)
        if point == "run made":
            request = CreateRun(assistant_id=threads.assistant_id, instructions="Write a title")
            await threads.api.create_run(temporary.id, request)
        if point in ("title written", "renamed"):
            await ledger.channel_titles.written(thread.id, "Cats", 5)
        if point == "renamed":
            thread.name = "Cats"
        await ledger.close()
        threads.settings = replace(threads.settings, name_threads="model")
        await threads.start_bot()
        await named(threads)
        assert thread.name == "Cats"
        assert renames(threads) == (point != "renamed")
        assert len(threads.model.requests) == (1 if point in ("title written", "renamed") else 2)
        if point != "wanted":
            with pytest.raises(APIError):
                await threads.api.retrieve_thread(temporary.id)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("Cats and naps", "Cats and naps"),
        ('"Cats and naps."', "Cats and naps"),
        ("# Title: Cats\n\nBecause …", "Cats"),
        ("タイトル：猫の昼寝。", "猫の昼寝"),
        ("「猫の昼寝」", "猫の昼寝"),
        ("**C#** or `2*3*4`?", "C# or 2*3*4?"),
        ("x" * 300, "x" * 100),
        ("\n\n", ""),
        ("\u200b", ""),
        ("...", ""),
    ],
)
def test_a_written_title_becomes_a_channels_name(written: str, title: str) -> None:
    assert clean_title(written) == title
