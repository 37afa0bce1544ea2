"""The load that the sandbox carries: 2,000 channels, 500 open conversations, one bare bot.

`python -m tests.benchmarks.sandbox_load [--channels 2000] [--conversations 500] [--rounds 4]`

The sandbox and the people are one process; the bot is another, and does no more than HTTP and the
gateway want of it. Each round of a conversation is a question, a reply to it, and two edits. Rate
limits are off: what is measured is the sandbox and not Discord's patience.
"""

import argparse
import asyncio
import multiprocessing
import resource
import statistics
import time
import zlib
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from bot.sandbox import Channel, DiscordMessage, Sandbox
from bot.sandbox.people.person import Person

EDITS = 2


@dataclass
class Load:
    """How much is asked of the sandbox."""

    channels: int
    conversations: int
    rounds: int


def bare_bot(gateway: str, api: str, token: str, connections: int) -> None:
    """The other process: answers every question, and edits its answer."""
    asyncio.run(_bare_bot(gateway, api, token, connections))


async def _bare_bot(gateway: str, api: str, token: str, connections: int) -> None:
    connector = aiohttp.TCPConnector(limit=connections)
    headers = {"Authorization": f"Bot {token}", "Content-Type": "application/json"}
    inflate = zlib.decompressobj()
    tasks: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        url = f"{gateway}?v=10&encoding=json&compress=zlib-stream"
        async with session.ws_connect(url, max_msg_size=0) as socket:
            identify = {"token": token, "intents": (1 << 9) | (1 << 15) | 1, "properties": {}}
            await socket.send_json({"op": 2, "d": identify})
            async for frame in socket:
                event = msgspec.json.decode(inflate.decompress(frame.data))
                if event["t"] != "MESSAGE_CREATE" or event["d"]["author"].get("bot"):
                    continue
                task = asyncio.create_task(_answer(session, api, event["d"]))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


async def _answer(session: aiohttp.ClientSession, api: str, question: dict[str, Any]) -> None:
    path = f"{api}/channels/{question['channel_id']}/messages"
    reference = {"message_reference": {"message_id": question["id"]}}
    body = msgspec.json.encode({"content": "thinking…", **reference})
    async with session.post(path, data=body) as response:
        reply = msgspec.json.decode(await response.read())
    for number in range(EDITS):
        text = "answer " * 40 * (number + 1)
        done = "" if number < EDITS - 1 else question["id"]
        body = msgspec.json.encode({"content": text + done})
        async with session.patch(f"{path}/{reply['id']}", data=body) as response:
            await response.read()


class People:
    """Holds the conversations: asks, waits for the last edit of the answer, asks again."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._waiting: dict[int, tuple[str, asyncio.Future[DiscordMessage]]] = {}
        self.waits: list[float] = []

    async def converse(self, person: Person, channel: Channel, rounds: int) -> None:
        """One conversation of so many rounds."""
        for _ in range(rounds):
            asked = time.perf_counter()
            text = "a question of ordinary length, as people ask them"
            question = await person.say(channel, text)
            future = asyncio.get_running_loop().create_future()
            self._waiting[channel.id] = (str(question.id), future)
            reply = await future
            self.waits.append(time.perf_counter() - asked)
            assert reply.referenced is question

    async def watch(self) -> None:
        """Notify a conversation once its answer is complete."""
        async for change in self._sandbox.watch():
            message = change.message
            if change.kind == "message_edited" and message is not None:
                wanted = self._waiting.get(message.channel.id)
                if wanted is not None and message.content.endswith(wanted[0]):
                    del self._waiting[message.channel.id]
                    wanted[1].set_result(message)


async def measure(load: Load) -> None:
    """Run the load and print the result."""
    async with Sandbox(rate_limits=False) as sandbox:
        started = time.perf_counter()
        places = [sandbox.guild.add_text_channel(f"room-{n}") for n in range(load.channels)]
        built = time.perf_counter() - started
        context = multiprocessing.get_context("spawn")
        arguments = (sandbox.gateway_url, sandbox.api_url, sandbox.token, 64)
        process = context.Process(target=bare_bot, args=arguments, daemon=True)
        process.start()
        try:
            await sandbox.bot_ready(commands=False, timeout=60)
            await _run(sandbox, load, places, built)
        finally:
            process.terminate()
            process.join()


async def _run(sandbox: Sandbox, load: Load, places: list[Channel], built: float) -> None:
    talk = People(sandbox)
    watcher = asyncio.create_task(talk.watch())
    await asyncio.sleep(0)
    session = sandbox.gateway.bot_session()
    assert session is not None
    events_before, requests_before = session.seq, len(sandbox.requests)
    cpu_before, started = _cpu(), time.perf_counter()
    people = sandbox.people
    await asyncio.gather(
        *(
            talk.converse(people[n % len(people)], places[n], load.rounds)
            for n in range(load.conversations)
        )
    )
    seconds = time.perf_counter() - started
    cpu = _cpu() - cpu_before
    watcher.cancel()
    requests = len(sandbox.requests) - requests_before
    events = session.seq - events_before
    cuts = statistics.quantiles(talk.waits, n=20)
    places_made = f"{load.channels} (made in {built:.2f} s)"
    print(f"channels          {places_made}, conversations {load.conversations}")
    print(f"requests a second {requests / seconds:.0f}")
    print(f"events a second   {events / seconds:.0f}")
    print(f"question to last edit: p50 {cuts[9] * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms")
    busy = f"{cpu / seconds * 100:.0f} % of a core"
    print(f"the sandbox's CPU: {busy}, {cpu / requests * 1000:.2f} ms a request")
    print(f"its memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the load from the command line and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=2000)
    parser.add_argument("--conversations", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    asyncio.run(measure(Load(given.channels, given.conversations, given.rounds)))


if __name__ == "__main__":
    main()
