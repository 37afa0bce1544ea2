"""`serve`, killed after a random number of answers: what it acknowledged is kept, and goes on."""

import asyncio
import itertools
import random
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from bot.assistants.errors import APIError
from bot.assistants.schema.objects import SUMMARIZE_HISTORY, Run
from bot.assistants.schema.requests import (
    CreateAssistant,
    CreateMessage,
    CreateRun,
    CreateThread,
    Page,
)
from bot.assistants.states import TERMINAL
from bot.client import Client
from bot.runtime.retry import RetryPolicy
from tests.app.programs import written_config
from tests.support.assistants import text_of
from tests.support.eventually import eventually
from tests.support.model_endpoint import ScriptedModel, TokenUsage, turns
from tests.support.program import program

T = TypeVar("T")

KILLS = 5
WORKERS = 6
MOST_ANSWERS = 300
"""Answers of the server after which the latest kill comes; a run takes about thirty."""
ONCE = RetryPolicy(attempts=1)


@dataclass
class Acknowledged:
    """The objects that the server has acknowledged, and a moment after so many answers."""

    threads: set[str] = field(default_factory=set)
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    answers_left: int = 0
    moment: asyncio.Event = field(default_factory=asyncio.Event)

    def set_moment(self, answers: int) -> None:
        """Let the moment come after so many answers."""
        self.answers_left = answers
        self.moment.clear()

    async def answer(self, call: Awaitable[T]) -> T:
        """Return the server's answer to a call, and count it."""
        answer = await call
        self.answers_left -= 1
        if self.answers_left == 0:
            self.moment.set()
        return answer


async def _work(client: Client, assistant_id: str, seen: Acknowledged, worker: int) -> None:
    """Ask on new threads, one after the other, until the server is gone."""
    for number in itertools.count(1):
        text = f"question {worker}.{number} " + "and more " * 20
        try:
            thread = await seen.answer(client.create_thread(CreateThread()))
            seen.threads.add(thread.id)
            question = CreateMessage(role="user", content=text)
            message = await seen.answer(client.create_message(thread.id, question))
            seen.messages[message.id] = (thread.id, text)
            request = CreateRun(assistant_id=assistant_id)
            run = await seen.answer(client.create_run(thread.id, request))
            seen.runs[run.id] = thread.id
            while run.status not in TERMINAL:
                run = await seen.answer(client.retrieve_run(thread.id, run.id))
        except APIError as error:
            if error.status < 500:  # wrong, not gone
                raise
            return


async def test_a_server_killed_again_and_again_loses_nothing_it_acknowledged(
    tmp_path: Path,
) -> None:
    chance = random.Random(1)
    seen = Acknowledged()
    async with ScriptedModel(per_second=300) as model:
        config = written_config(tmp_path, model)
        assistant_id = ""
        for _ in range(KILLS):
            async with program("serve", "--config", config, "--port", "0") as ran:
                url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
                async with Client(url, retries=ONCE) as client:
                    if not assistant_id:
                        made = await client.create_assistant(CreateAssistant(model="x"))
                        assistant_id = made.id
                    seen.set_moment(chance.randint(1, MOST_ANSWERS))
                    async with asyncio.TaskGroup() as workers:
                        for worker in range(WORKERS):
                            workers.create_task(_work(client, assistant_id, seen, worker))
                        await seen.moment.wait()
                        await ran.killed()
        async with program("serve", "--config", config, "--port", "0") as ran:
            url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
            async with Client(url) as client, asyncio.timeout(60):
                await _check(client, seen)
            assert await ran.terminated() == 0
    assert seen.runs


async def takes_message(client: Client, thread_id: str) -> bool:
    """Post a message; return false if a run is active on the thread."""
    try:
        await client.create_message(thread_id, CreateMessage(role="user", content="next"))
    except APIError as error:
        if "while a run" not in error.message:
            raise
        return False
    return True


async def ended(client: Client, thread_id: str, run_id: str) -> Run:
    """Return a run once it has ended."""
    return await eventually(
        lambda: client.retrieve_run(thread_id, run_id), lambda run: run.status in TERMINAL
    )


async def _check(client: Client, seen: Acknowledged) -> None:
    for run_id, thread_id in seen.runs.items():
        run = await ended(client, thread_id, run_id)
        # Three processes died with it at the most: a fourth try is not made.
        assert run.status in ("completed", "failed"), run
        answers = (await client.list_messages(thread_id, run_id=run_id)).data
        if run.status == "completed":
            (answer,) = answers
            asked = (await client.list_messages(thread_id, Page(order="asc"))).data[0]
            assert text_of(answer).split() == text_of(asked).split()
    for message_id, (thread_id, text) in seen.messages.items():
        assert text_of(await client.retrieve_message(thread_id, message_id)) == text
    for thread_id in seen.threads:
        # A run whose creation was never acknowledged may still be at work.
        await eventually(partial(takes_message, client, thread_id))


def _with_small_window(config: str) -> str:
    """Give the model of a configuration a small context window; return the configuration."""
    path = Path(config)
    path.write_text(path.read_text().replace("[storage]", "context_window = 2000\n[storage]"))
    return config


async def test_a_server_killed_around_a_summary_makes_it_once_and_counts_it_once(
    tmp_path: Path,
) -> None:
    async with ScriptedModel() as model:
        config = _with_small_window(written_config(tmp_path, model))
        notes = turns.say("About tulips.", usage=TokenUsage(100, 10))
        answer = turns.say("fine", usage=TokenUsage(50, 5))
        # The first process dies in the summary, the second one in the answer.
        for turn in (turns.stall("About", model.gate()), notes, turns.stall("fi", model.gate())):
            model.then(turn)
        model.then(answer)
        thread_id = run_id = ""
        for asked in (1, 3, 4):
            async with program("serve", "--config", config, "--port", "0") as ran:
                url = (await ran.until_line("The Assistants API is at ")).split()[5].rstrip(".")
                async with Client(url) as client:
                    if not run_id:
                        assistant = await client.create_assistant(CreateAssistant(model="x"))
                        messages = tuple(
                            CreateMessage(role="user", content=f"tulip {n} " + "word " * 80)
                            for n in range(12)
                        )
                        thread_id = (await client.create_thread(CreateThread(messages=messages))).id
                        request = CreateRun(
                            assistant_id=assistant.id, metadata={SUMMARIZE_HISTORY: "true"}
                        )
                        run_id = (await client.create_run(thread_id, request)).id
                    await model.until_request(asked)
                    if asked < 4:
                        await ran.killed()
                        continue
                    run = await ended(client, thread_id, run_id)
                    assert await ran.terminated() == 0
        assert run.status == "completed"
        assert run.usage is not None
        assert (run.usage.prompt_tokens, run.usage.completion_tokens) == (150, 15)
        assert "About tulips." in str(model.requests[3].messages)
        assert "tulip 0 " not in str(model.requests[3].messages)
