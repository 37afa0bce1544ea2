"""A bot whose assistants are behind a hostile front, and what it is to survive there.

The client, the bot, Discord and the server behind the front are real; time runs faster for the bot.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.runs.run_end import MOST_TEXT
from bot.client import Client, ClientTimeouts
from bot.runtime.retry import RetryPolicy
from bot.sandbox import Channel
from tests.scenarios.community import Community, answer, community, is_final, labels, texts
from tests.scenarios.hostile_front import (
    Act,
    Exchange,
    HostileFront,
    Operation,
    breaks_off,
    changes,
    cuts,
    refuses,
    spells,
)
from tests.support import model_turns as turns
from tests.support.fake_clock import ShiftedClock
from tests.support.model_answers import Asked

SPEED = 30.0
SECRET = "sk-bot-0123456789"
Trouble = Callable[["Hostile", Channel], None]


class Hostile:
    """A community whose assistants are behind a front."""

    def __init__(self, whole: Community, front: HostileFront) -> None:
        self.whole = whole
        self.front = front
        self.silent_at: set[str] = set()
        """Questions to which the model says nothing for ever."""
        whole.model.otherwise = self._says

    def channel(self, name: str) -> Channel:
        return self.whole.sandbox.guild.add_text_channel(name)

    def _says(self, asked: Asked) -> turns.Turn:
        if asked.question in self.silent_at:
            return turns.stall("", self.whole.model.gate())
        return turns.say(asked.question)

    async def asks(self, channel: Channel, text: str, reply: int) -> None:
        """Ask, and be answered with the question's own words."""
        await self.whole.ask(text, channel=channel)
        finished = await self.whole.finished(channel, reply)
        assert answer(finished) == text, f"{channel.name}: {finished.content}"


@asynccontextmanager
async def hostile(directory: Path) -> AsyncIterator[Hostile]:
    async with community(directory, "channel", start=False, remote=True) as whole:
        whole.clock = ShiftedClock(speed=SPEED)
        await whole.start_engine()
        behind = whole.api
        assert isinstance(behind, Client)
        async with (
            HostileFront("sk-bot") as front,
            Client(
                front.url,
                SECRET,
                clock=whole.clock,
                max_body=2_000_000,
                timeouts=ClientTimeouts(connect=1.0, answer=0.7, silence=0.7),
                retries=RetryPolicy(attempts=2, first_delay=0.5, longest_delay=0.5),
            ) as client,
        ):
            front.behind = f"http://127.0.0.1:{whole.port}/v1"
            whole.api = client
            await whole.start_bot()
            whole.api = behind
            try:
                yield Hostile(whole, front)
            finally:
                await whole.stop_bot()


class Case:
    """One trouble in a channel of its own, and how the question in it ends."""

    def __init__(
        self,
        name: str,
        begin: Trouble,
        *,
        ends: FailureKind | None = None,
        asked_before: bool = True,
        carried: bool = True,
    ) -> None:
        self.name = name
        self.begin = begin
        self.ends = ends
        self.asked_before = asked_before
        self.carried = carried

    async def survive(self, world: Hostile) -> None:
        """Ask before, in and after the trouble."""
        whole = world.whole
        channel = world.channel(self.name)
        asked = []
        if self.asked_before:
            asked.append(f"before {self.name}")
            await world.asks(channel, asked[-1], 1)
        self.begin(world, channel)
        number = len(asked) + 1
        asked.append(f"question {self.name}")
        await whole.ask(asked[-1], channel=channel)
        reply = await whole.finished(channel, number)
        if self.ends is None:
            assert answer(reply) == asked[-1], reply.content
            world.front.well(channel.id)
        else:
            ends = [sentences.failure(self.ends, told=told) for told in (False, True)]
            assert reply.content.endswith(tuple(ends)), reply.content
            assert labels(reply) == ["Retry"]
            world.front.well(channel.id)
            await whole.ada.click(reply, "Retry")
            await whole.until(lambda: is_final(reply) and answer(reply) == asked[-1])
        asked.append(f"after {self.name}")
        await world.asks(channel, asked[-1], number + 1)
        assert len(whole.replies(channel)) == number + 1
        told = await whole.on_thread(channel)
        kept = asked if self.carried else asked[1:]
        assert [text for role, text in told if role == "user"] == kept
        if self.ends is None:
            assert told == [(role, text) for text in kept for role in ("user", "assistant")]


async def survive(directory: Path, cases: list[Case], caplog: pytest.LogCaptureFixture) -> None:
    """Have all these troubles at once, each in its own channel; no secret gets anywhere."""
    for name in ("bot", "aiohttp", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    async with hostile(directory) as world:
        ends = await asyncio.gather(
            *(case.survive(world) for case in cases), return_exceptions=True
        )
        said = [
            message.content
            for channel in world.whole.sandbox.guild.state.channels.values()
            for message in world.whole.replies(channel)
        ]
    failed = {
        case.name: repr(end)[:200] for case, end in zip(cases, ends, strict=True) if end is not None
    }
    assert not failed, "\n".join(f"{name}: {end}" for name, end in failed.items())
    assert not any(SECRET in text for text in said)
    assert SECRET not in caplog.text
    assert SECRET.encode() not in await asyncio.to_thread((directory / "bot.db").read_bytes)


def once(*operations: Operation, act: Act) -> Trouble:
    """Do this to the next request of each kind."""

    def begin(world: Hostile, channel: Channel) -> None:
        for operation in operations:
            world.front.next(channel.id, operation, act)

    return begin


def always(**acts: Act) -> Trouble:
    """Do this until the channel is well."""

    def begin(world: Hostile, channel: Channel) -> None:
        for operation, act in acts.items():
            world.front.always(channel.id, operation, act)  # type: ignore[arg-type]  # its name is one

    return begin


class Endless(Case):
    """A run that says more than anybody reads: it is cut off, and the channel goes on."""

    async def survive(self, world: Hostile) -> None:
        whole, channel = world.whole, world.channel(self.name)
        await world.asks(channel, "before", 1)
        self.begin(world, channel)
        await whole.ask("question", channel=channel)
        await whole.until(
            lambda: any(
                localized("incomplete-continue")
                in "\n".join([message.content, *texts(message)]).splitlines()
                for message in whole.replies(channel)
            ),
            60,
        )
        count = len(whole.replies(channel))
        assert sum(len(message.content) for message in whole.replies(channel)) < 2 * MOST_TEXT
        await world.asks(channel, "after", count + 1)


async def ends_there(_: Exchange) -> web.StreamResponse:
    """Tell no more, in order."""
    return web.Response()


async def unstreamed(exchange: Exchange) -> web.StreamResponse:
    """Answer the run itself, as servers do that can't stream."""
    exchange.body = exchange.body.replace(b'"stream":true', b'"stream":false')
    status, headers, answer = await exchange.forward()
    return web.Response(status=201 if status == 200 else status, headers=headers, body=answer)


async def refuses_streams(exchange: Exchange) -> web.StreamResponse:
    if b'"stream":true' in exchange.body:
        return await refuses(400, "'stream' is not supported.", param="stream")(exchange)
    return await exchange.relay()


def absurd(status: int) -> Act:
    return refuses(status, headers={"Retry-After": "99999999999"})


CUT_OFF: Trouble = once("create_run", act=breaks_off(1, cuts()))


def both(*troubles: Trouble) -> Trouble:
    def begin(world: Hostile, channel: Channel) -> None:
        for trouble in troubles:
            trouble(world, channel)

    return begin


def said_to_be(lifetime: float | None = None, /, **fields: object) -> Trouble:
    """Cut the stream, and say this of the run for as long as the trouble lasts.

    With a ``lifetime``, in seconds, the run is said to expire so soon.
    """

    def change(told: Any) -> Any:
        expiry = {} if lifetime is None else {"expires_at": told["created_at"] + lifetime}
        return told | expiry | fields

    async def begins(exchange: Exchange) -> web.StreamResponse:
        status, headers, answer = await exchange.forward()
        first = answer.split(b"\n\n")[0].split(b"data: ", 1)[1]
        told = spells("thread.run.created", change(json.loads(first)) | {"status": "queued"})
        return web.Response(status=status, headers=headers, body=told)

    return both(once("create_run", act=begins), always(retrieve_run=changes(change)))


def on_first_thread(operation: Operation, status: int, message: str) -> Trouble:
    """Refuse something on the channel's first thread, for good."""
    first: list[str] = []

    async def act(exchange: Exchange) -> web.StreamResponse:
        first.append(exchange.thread_id)
        if exchange.thread_id != first[0]:
            return await exchange.relay()
        return await refuses(status, message.format(first[0]))(exchange)

    return always(**{operation: act})


async def deletes(exchange: Exchange) -> web.StreamResponse:
    await exchange.also("DELETE", f"/threads/{exchange.thread_id}")
    if exchange.transport.is_closing() or exchange.begun:
        exchange.transport.close()
        return web.Response()
    return await exchange.relay()


def deleted(world: Hostile, channel: Channel) -> None:
    """The thread was deleted when nobody looked."""

    async def act(exchange: Exchange) -> web.StreamResponse:
        await exchange.also("DELETE", f"/threads/{exchange.thread_id}")
        return await exchange.relay()

    world.front.next(channel.id, "create_message", act)


async def rising(exchange: Exchange) -> web.StreamResponse:
    """List everything there is, oldest first, few at a time."""
    wanted = exchange.request.query.get("after")
    path = exchange.path.partition("?")[0]
    exchange.path = f"{path}?limit=2&order=asc" + (f"&after={wanted}" if wanted else "")
    return await exchange.relay()


def bored(told: Any) -> Any:
    if "data" in told:
        return told | {"data": [bored(each) for each in told["data"]]}
    return told | {"status": "bored"}


GONE: Act = refuses(404, "No thread found with id 'thread_x'.")


def left_running(*, cancel: Act | None = None) -> Trouble:
    """Somebody else leaves a run that never ends; cancelling it comes to ``cancel``."""

    def soon(told: Any) -> Any:
        if "data" in told:
            return told | {"data": [soon(each) for each in told["data"]]}
        return told | {"expires_at": told["created_at"] + 10}

    def begin(world: Hostile, channel: Channel) -> None:
        async def starts(exchange: Exchange) -> web.StreamResponse:
            request = {"assistant_id": world.whole.assistant_id}
            await exchange.also("POST", f"/threads/{exchange.thread_id}/runs", request)
            return await exchange.relay()

        world.silent_at.add(f"before {channel.name}")
        world.front.next(channel.id, "create_message", starts)
        world.front.always(channel.id, "list_runs", changes(soon))
        world.front.always(channel.id, "retrieve_run", changes(soon))
        if cancel is not None:
            world.front.always(channel.id, "cancel_run", cancel)

    return begin
