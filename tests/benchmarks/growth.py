"""The cost of size: long threads, many objects and long texts, compared with small ones.

Both threads show the model the same window. Run it as `python -m tests.benchmarks.growth`.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from bot.assistants.api import EventStream
from bot.assistants.events import MessageDelta, MessageDeltaBody, StreamEvent
from bot.assistants.ids import new_id
from bot.assistants.schema.content import TextDelta, TextPart, TextValue, TextValueDelta
from bot.assistants.schema.objects import Message, Run
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    Page,
    Truncation,
)
from bot.chat.reply.content.split import split
from bot.chat.threads.messages.citations import readable
from bot.chat.threads.messages.message_builder import message_for
from bot.chat.threads.threads import AssistantThreads
from bot.engine import Engine
from bot.engine.services.project import Project
from bot.models.chat_completions.model import ChatCompletions
from bot.runtime.clock import SystemClock
from bot.store.engine import EngineStore, Tables
from bot.store.ledger import Ledger
from tests.benchmarks.endpoint import endpoint
from tests.support.functions import follower_of
from tests.support.questions import NoReplies, Shelf, file, one_assistant, question

SHOWN = 10
_BATCH = 10_000


@dataclass(frozen=True)
class Pair:
    """The same thing small and large: CPU in ms, the least of many rounds' medians."""

    name: str
    small: float
    large: float

    @property
    def ratio(self) -> float:
        """How many times more the large one costs."""
        return self.large / self.small


async def measure(
    long: int = 10_000, many: int = 1_000_000, pieces: int = 10_000, rounds: int = 9
) -> list[Pair]:
    """Measure turns on threads of 10 and ``long`` messages, pages among 100 and ``many``, answers
    that come in 100 and in ``pieces``, and texts that are nothing but what is hard to cut or fence.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with endpoint() as url, await EngineStore.open(directory / "e.db") as store:
            model = ChatCompletions(url)
            engine = Engine(store, model, clock=SystemClock())
            await engine.start()
            try:
                api = engine.for_project("default")
                return [
                    await _turns(api, store, long, rounds),
                    await _pages(api, store, many, rounds),
                    await _answers(api, directory, pieces, rounds),
                    await _flags(rounds),
                    await _backticks(rounds),
                    *[await _marks(mark, rounds) for mark in ("[", "![", "【1:1†")],
                ]
            finally:
                await engine.stop()
                await model.close()


async def _turns(api: Project, store: EngineStore, long: int, rounds: int) -> Pair:
    assistant = await api.create_assistant(CreateAssistant(model="fake"))
    options = CreateRun(
        assistant_id=assistant.id,
        truncation_strategy=Truncation(type="last_messages", last_messages=SHOWN),
    )

    def turn(thread: str) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            await api.create_message(thread, CreateMessage(role="user", content="Go on."))
            async for _ in await api.stream_run(thread, options):
                pass

        return call

    short_thread, long_thread = await _thread(api, store, SHOWN), await _thread(api, store, long)
    small, large = await _compared(turn(short_thread), turn(long_thread), 20, rounds)
    return Pair(f"a turn on a thread of {SHOWN} / {long:,} messages", small, large)


async def _pages(api: Project, store: EngineStore, many: int, rounds: int) -> Pair:
    few_thread, many_thread = await _thread(api, store, 100), await _thread(api, store, many)

    def page(thread: str) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            first = await api.list_messages(thread, Page(limit=20))
            await api.list_messages(thread, Page(limit=20, after=first.data[-1].id))

        return call

    small, large = await _compared(page(few_thread), page(many_thread), 50, rounds)
    return Pair(f"two list pages among 100 / {many:,} messages", small, large)


async def _answers(api: Project, directory: Path, pieces: int, rounds: int) -> Pair:
    assistant = await api.create_assistant(CreateAssistant(model="fake"))
    thread = await api.create_thread(CreateThread())
    asked = await api.stream_run(thread.id, CreateRun(assistant_id=assistant.id))
    async with aclosing(asked) as events:
        told = [event.data async for event in events]
    run = next(data for data in reversed(told) if isinstance(data, Run))
    said = next(data for data in reversed(told) if isinstance(data, Message))
    ledger = await Ledger.open(directory / "bot.db", time.time)
    clock = SystemClock()
    talk = AssistantThreads(
        api, ledger, clock, one_assistant(assistant.id, ledger), replies=NoReplies()
    )
    most = max(pieces, 100)

    def follow(count: int) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            for _ in range(most // count):
                following = follower_of(talk, clock, lambda said: None, asyncio.Event())
                end = await following.to_end(run, _stream(run, said, count))
                assert end.outcome == "answered"

        return call

    try:
        small, large = await _compared(follow(100), follow(most), 1, rounds)
    finally:
        await ledger.close()
    return Pair(f"{most:,} pieces followed in answers of 100 / {most:,}", small, large)


async def _stream(run: Run, said: Message, pieces: int) -> EventStream:
    delta = MessageDeltaBody(content=(TextDelta(0, TextValueDelta(value="word ")),))
    for _ in range(pieces):
        yield StreamEvent("thread.message.delta", MessageDelta(id=said.id, delta=delta))
    yield StreamEvent("thread.message.completed", said)
    yield StreamEvent("thread.run.completed", run)


async def _flags(rounds: int) -> Pair:
    def cut(flags: int) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            for _ in range(20_000 // flags):
                assert split("\U0001f1ea\U0001f1fa" * flags)

        return call

    small, large = await _compared(cut(2_000), cut(20_000), 1, rounds)
    return Pair("20,000 flags cut into messages, 2,000 / 20,000 in a text", small, large)


async def _backticks(rounds: int) -> Pair:
    def read(count: int) -> Callable[[], Awaitable[None]]:
        shelf = Shelf((file("a.txt", count, "text/plain"), b"`" * count))
        asked = question("", shelf)

        async def call() -> None:
            for _ in range(1_000_000 // count):
                await message_for(asked, shelf, named=False)

        return call

    small, large = await _compared(read(1_000), read(10_000), 1, rounds)
    return Pair("1,000,000 backticks read in files of 1,000 / 10,000", small, large)


async def _marks(mark: str, rounds: int) -> Pair:
    def read(marks: str) -> Callable[[], Awaitable[None]]:
        async def call() -> None:
            assert readable(marks, {}, {})

        return call

    ended, endless = read(f"{mark}\n" * 20_000), read(mark * 20_000)
    small, large = await _compared(ended, endless, 5, rounds)
    return Pair(f"20,000 times {mark} read, a line each / all in one", small, large)


async def _compared(
    small: Callable[[], Awaitable[None]],
    large: Callable[[], Awaitable[None]],
    calls: int,
    rounds: int,
) -> tuple[float, float]:
    """Return both sides' CPU a call, in turn so that a busy machine is busy for both."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, times in zip((small, large), spent, strict=True):
            before = time.process_time()
            for _ in range(calls):
                await call()
            times.append((time.process_time() - before) / calls * 1000)
    return statistics.median(spent[0]), statistics.median(spent[1])


async def _thread(api: Project, store: EngineStore, count: int) -> str:
    """Make a thread of so many messages, straight in the tables."""
    thread = await api.create_thread(CreateThread())

    def add(size: int) -> Callable[[Tables], None]:
        def work(tables: Tables) -> None:
            for number in range(size):
                tables.add_message(
                    Message(
                        id=new_id("msg"),
                        created_at=number,
                        thread_id=thread.id,
                        role="user" if number % 2 else "assistant",
                        content=(TextPart(TextValue("Some words of a conversation. " * 3)),),
                    )
                )

        return work

    for begin in range(0, count, _BATCH):
        await store.write(add(min(_BATCH, count - begin)))
    return thread.id


if __name__ == "__main__":
    sizes = [int(argument) for argument in sys.argv[1:3]]
    for pair in asyncio.run(measure(*sizes)):
        print(f"{pair.name}: {pair.small:.3f} / {pair.large:.3f} ms of CPU, {pair.ratio:.2f}×")
