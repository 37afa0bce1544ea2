"""The troubles of a world by name; the seed alone decides their order and strength."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from bot.chat.texts.fluent import localized
from bot.sandbox.errors import RateLimited
from bot.sandbox.faults import RequestFault
from tests.faults.forgetting import forget
from tests.faults.world import World
from tests.support.program import Program

Trouble = Callable[[World], Awaitable[None]]

_SEND: Final = "/channels/{channel_id}/messages"
_EDIT: Final = "/channels/{channel_id}/messages/{message_id}"


async def cut_gateway(world: World) -> None:
    """The gateway's socket breaks."""
    world.sandbox.troubles.drop_socket()


async def ask_to_reconnect(world: World) -> None:
    """Discord asks for a reconnect."""
    world.sandbox.troubles.reconnect()


async def invalid_session(world: World) -> None:
    """The session ends without a RESUME, and what came just before is lost with it."""
    world.sandbox.faults.lose_events("MESSAGE_CREATE", times=2)
    await world.ask()
    world.sandbox.troubles.invalidate()


async def repeated_events(world: World) -> None:
    """Events come twice or three times."""
    copies = world.random.choice((2, 3))
    world.sandbox.faults.repeat_events("*", times=5, copies=copies)


async def late_events(world: World) -> None:
    """Events are overtaken by later ones."""
    late = world.random.uniform(0.05, 0.5)
    world.sandbox.faults.delay_events(late, "MESSAGE_*", times=2)


async def too_many_requests(world: World) -> None:
    """Discord answers 429 for a while."""
    requests = world.random.randint(2, 8)
    world.sandbox.faults.storm(times=requests, retry_after=0.2)


async def server_errors(world: World) -> None:
    """Discord answers 5xx for a while."""
    status = world.random.choice((500, 502, 503, 504))
    world.sandbox.faults.fail_next("*", "*", status=status, times=world.random.randint(1, 4))


async def cut_requests(world: World) -> None:
    """Connections break before or after Discord did what was asked."""
    method, route = world.random.choice(
        (("POST", _SEND), ("PATCH", _EDIT), ("POST", "*/threads"), ("GET", _SEND))
    )
    after = world.random.random() < 0.7
    world.sandbox.faults.drop_next(method, route, times=2, after_effect=after)


async def outage(world: World) -> None:
    """Discord is away for a moment, gateway and all."""
    world.sandbox.troubles.outage(world.random.uniform(0.3, 1.5))


async def slow_discord(world: World) -> None:
    """Discord answers late."""
    world.sandbox.faults.delay_requests(world.random.uniform(0.1, 0.5), times=8)


async def nonces_forgotten(world: World) -> None:
    """So much time passes for Discord that it knows no nonce of before."""
    world.sandbox.advance(world.random.randint(400, 900))


async def model_errors(world: World) -> None:
    """The model answers an error, and then works again."""
    status = world.random.choice((429, 500, 503))
    world.model.fail(status, retry_after=0.1)


async def model_cut(world: World) -> None:
    """The model's stream breaks after its first words."""
    world.model.cut("these words are lost ")


async def held_ledger(world: World) -> None:
    """Somebody else writes to the ledger for a second or two."""
    _hold(world, world.database("bot"))


async def held_engine(world: World) -> None:
    """Somebody else writes to the engine's database for a second or two."""
    _hold(world, world.database("engine"))


async def frozen_process(world: World) -> None:
    """A process stands still for a second or two and then goes on, as on a machine too busy."""
    child = world.random.choice(world.children)
    if child.running is not None:
        seconds = world.random.uniform(0.3, 2.0)
        world.in_background(asyncio.create_task(_frozen(child.running, seconds)))


async def full_storm(world: World) -> None:
    """Discord answers 429 to everything for a second."""
    storm = world.sandbox.faults.storm(times=None, retry_after=0.3)

    async def over() -> None:
        await asyncio.sleep(1.0)
        if storm in world.sandbox.faults.requests:
            world.sandbox.faults.remove(storm)

    world.in_background(asyncio.create_task(over()))


async def long_outage(world: World) -> None:
    """Discord is away for so long that whoever waits for it waits longer each time."""
    world.sandbox.troubles.outage(world.random.uniform(4.0, 8.0))


async def global_limit(world: World) -> None:
    """Discord answers 429 with its global limit."""
    times = world.random.randint(1, 3)
    limit = RequestFault("*", "*", RateLimited(0.5, scope="global"), times)
    world.sandbox.faults.requests.append(limit)


async def cancelled_answer(world: World) -> None:
    """Somebody presses Cancel below an answer that is under way, or will be in a moment."""

    async def press() -> None:
        for _ in range(40):
            if under_way := world.showing("Cancel"):
                await world.press(world.random.choice(under_way), "Cancel")
                break
            await asyncio.sleep(0.05)

    world.in_background(asyncio.create_task(press()))


async def decided_calls(world: World) -> None:
    """People decide about the calls that ask, in time or late, some of them twice at once."""

    async def press() -> None:
        for _ in range(world.random.randint(1, 3)):
            await asyncio.sleep(world.random.uniform(0.0, 1.5))
            await asyncio.gather(*(world.decide() for _ in range(world.random.choice((1, 1, 2)))))

    world.in_background(asyncio.create_task(press()))


async def edited_question(world: World) -> None:
    """Somebody corrects a question."""
    await world.edit_question()


async def deleted_questions(world: World) -> None:
    """Somebody deletes a question or two, before, during or after their turn."""

    async def delete() -> None:
        await asyncio.sleep(world.random.uniform(0.0, 0.5))
        await world.delete_questions()

    world.in_background(asyncio.create_task(delete()))


async def deleted_reply(world: World) -> None:
    """Somebody deletes a reply, finished or not."""
    await world.delete_reply()


async def another_answer(world: World) -> None:
    """Somebody corrects a question, and wants another answer where one is offered."""

    async def press() -> None:
        await world.edit_question()
        for _ in range(40):
            if offered := world.showing(localized("again-button")):
                await world.press(world.random.choice(offered), localized("again-button"))
                break
            await asyncio.sleep(0.05)

    world.in_background(asyncio.create_task(press()))


async def forgotten_member(world: World) -> None:
    """Somebody has all that is stored of them forgotten."""
    person = world.random.choice(world.sandbox.members)
    world.in_background(asyncio.create_task(forget(world, person)))


async def orderly_restart(world: World) -> None:
    """A process is stopped in order, in the middle of what it does, and started again."""
    child = world.random.choice(world.children)
    await child.stop()
    await child.start()


TROUBLES: Final[tuple[Trouble, ...]] = (
    cut_gateway,
    ask_to_reconnect,
    invalid_session,
    repeated_events,
    late_events,
    too_many_requests,
    server_errors,
    cut_requests,
    outage,
    slow_discord,
    nonces_forgotten,
    model_errors,
    model_cut,
    held_ledger,
    held_engine,
    frozen_process,
    full_storm,
    long_outage,
    global_limit,
    cancelled_answer,
    decided_calls,
    decided_calls,
    edited_question,
    deleted_questions,
    deleted_reply,
    another_answer,
    forgotten_member,
    orderly_restart,
)


async def _frozen(program: Program, seconds: float) -> None:
    with suppress(ProcessLookupError):
        program.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        program.process.send_signal(signal.SIGCONT)


def _hold(world: World, path: Path) -> None:
    seconds = world.random.uniform(0.3, 2.0)
    world.in_background(asyncio.create_task(asyncio.to_thread(_held, path, seconds, world)))


def _held(path: Path, seconds: float, world: World) -> None:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)  # in a thread: for so long the database is locked
        db.execute("ROLLBACK")
