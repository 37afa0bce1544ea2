"""Checks a settled world; each fault becomes a sentence."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from bot.assistants.schema.objects import Message as ThreadMessage
from bot.assistants.schema.requests import Page
from bot.assistants.states import ACTIVE
from bot.chat.reply.waiting_reactions import WAITING
from bot.chat.texts.fluent import localized
from bot.client import Client
from bot.sandbox import DiscordMessage
from tests.faults.answers import answer_to
from tests.faults.calls import call_wrongs, reminder_wrongs
from tests.faults.forgetting import forgotten, wrongs
from tests.faults.spending import spending_wrongs
from tests.faults.world import Question, World, asks
from tests.scenarios.community import answer, labels, says, text_of

_TAKEN = """
    SELECT id FROM questions WHERE turn_id = ? AND message_id IS NULL AND revision > posted_revision
"""


@dataclass
class Verdict:
    """The result of the checks; ``wrong`` has a sentence for each fault."""

    questions: int
    lost: int = 0
    doubled: int = 0
    retried: int = 0
    cancelled: int = 0
    withdrawn: int = 0
    forgotten: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass
class _Turn:
    id: int
    channel: int
    state: str
    attempt: int
    run: str | None
    questions: list[int]
    deleted: set[int]
    forgotten: bool
    taken: set[int]
    """The questions that left the thread because they quoted what was deleted."""
    parts: list[int]

    @property
    def left(self) -> list[int]:
        """The questions that were not deleted."""
        return [question for question in self.questions if question not in self.deleted]


async def judge(world: World, owed: list[Question]) -> Verdict:
    """Compare Discord, the threads and the ledger of a settled world."""
    verdict = Verdict(len(world.questions))
    for question in owed:
        verdict.lost += 1
        verdict.wrong.append(f"q{question.number} ({question.id}) has no answer")
    ledger = _turns(world)
    _judge_discord(world, ledger, verdict)
    for kind, sentence in (*call_wrongs(world), *reminder_wrongs(world)):
        verdict.lost += kind == "lost"
        verdict.doubled += kind == "doubled"
        verdict.wrong.append(sentence)
    verdict.forgotten = len(forgotten(world))
    await _judge_threads(world, ledger, verdict)
    verdict.wrong += wrongs(world)
    verdict.wrong += await spending_wrongs(world)
    return verdict


def _judge_discord(world: World, ledger: list[_Turn], verdict: Verdict) -> None:
    numbers = {question.id: question.number for question in world.questions}
    homes = {question.id: question.home for question in world.questions}
    messages = {
        message.id: message
        for channel in world.sandbox.world.channels.values()
        for message in channel.messages
        if message.author is world.sandbox.bot_user and says(message) and not asks(message)
    }
    claimed = Counter(part for turn in ledger for part in turn.parts)
    asked = Counter(question for turn in ledger for question in turn.questions)
    for question, times in asked.items():
        if times > 1:
            verdict.doubled += 1
            verdict.wrong.append(f"q{numbers.get(question, question)} is in {times} turns")
    last: dict[int, int] = {}
    for turn in ledger:
        name = f"turn {turn.id} ({', '.join(f'q{numbers.get(q, q)}' for q in turn.questions)})"
        verdict.retried += turn.attempt - 1
        robbed = turn.id in world.robbed_turns or turn.forgotten
        # A failed turn whose questions were deleted afterwards has nothing to be asked again.
        is_over = turn.state == "failed" and (robbed or not turn.left)
        if turn.state == "withdrawn" or is_over:
            verdict.withdrawn += 1
            if not robbed and turn.left:
                verdict.wrong.append(f"{name} is withdrawn, but nobody deleted anything of it")
            continue
        if turn.forgotten:
            continue
        if turn.state not in ("answered", "cancelled"):
            verdict.wrong.append(f"{name} is {turn.state}")
            continue
        if any(homes.get(question, turn.channel) != turn.channel for question in turn.questions):
            verdict.wrong.append(f"{name} is answered in another channel than it was asked in")
        parts = [messages.get(part) for part in turn.parts]
        if robbed:
            continue
        if None in parts or not parts:
            verdict.wrong.append(f"{name}: a part of its reply is not there")
            continue
        shown = " ".join(answer(part) for part in parts if part is not None).split()
        # Which question was the newest depends on when another one was deleted.
        newest = turn.questions if turn.deleted or turn.taken else turn.questions[-1:]
        answers = [answer_to(f"q{numbers.get(each, 0)}").split() for each in newest]
        expected = next((each for each in answers if each[:1] == shown[:1]), answers[-1])
        if turn.state == "cancelled":
            verdict.cancelled += 1
            # What was said by then stands.
            expected = expected[: len(shown)]
            if shown and expected[-1].startswith(shown[-1]):
                expected[-1] = shown[-1]
        # A retry answers to what is on the thread by then.
        if shown != expected and turn.attempt == 1:
            said = [part.contents for part in parts if part is not None]
            verdict.wrong.append(f"{name} says other than {expected[:1]}…{expected[-1:]}: {said}")
        if turn.attempt == 1:
            if turn.parts[0] < last.get(turn.channel, 0):
                verdict.wrong.append(f"{name} is answered above the turn before it")
            last[turn.channel] = turn.parts[-1]
    for message in messages.values():
        _judge_message(message, claimed, verdict)
    for each in world.questions:
        if any(one.emoji_name == WAITING for one in each.message.reactions) and not each.deleted:
            verdict.wrong.append(f"q{each.number} is still marked as waiting")


def _judge_message(message: DiscordMessage, claimed: Counter[int], verdict: Verdict) -> None:
    where = f"message {message.id} in {message.channel.name or 'a direct message'} "
    where += str([b["custom_id"] for row in message.components for b in row["components"]])
    if "Cancel" in labels(message) or message.content.startswith(localized("thinking")):
        verdict.wrong.append(f"{where} still thinks")
    if claimed[message.id] != 1 and message.content != localized("some-missed"):
        verdict.doubled += 1
        verdict.wrong.append(f"{where} belongs to {claimed[message.id]} turns: {message.content!r}")


async def _judge_threads(world: World, ledger: list[_Turn], verdict: Verdict) -> None:
    client = Client(await world.api_url(), None)
    try:
        with closing(_open(world)) as db:
            links = db.execute("SELECT channel_id, thread_id FROM links ORDER BY 1").fetchall()
        for channel_id, thread_id in links:
            here = [t for t in ledger if t.channel == channel_id and not t.forgotten]
            if thread_id is None:
                if any(turn.state == "answered" and turn.left for turn in here):
                    verdict.wrong.append(f"channel {channel_id} has no thread")
                continue
            runs = await client.list_runs(thread_id, Page(limit=100))
            active = [run.id for run in runs.data if run.status in ACTIVE]
            if active:
                verdict.wrong.append(f"{thread_id} has active runs: {active}")
            on_thread = await _messages(client, thread_id)
            asked = [m.metadata["question"] for m in on_thread if m.role == "user" and m.metadata]
            # One that was cancelled early is not asked at all.
            unasked = {
                str(question)
                for turn in here
                for question in (turn.taken if turn.state == "answered" else turn.questions)
            } - set(asked)
            expected = [str(question) for turn in here for question in turn.left]
            expected = [question for question in expected if question not in unasked]
            # A turn that failed before it was posted stands where its retry put it.
            retried = any(turn.attempt > 1 for turn in here)
            same = sorted(asked) == sorted(expected) if retried else asked == expected
            if not same:
                twice = [question for question, times in Counter(asked).items() if times > 1]
                verdict.doubled += len(twice)
                verdict.wrong.append(f"{thread_id} holds {asked} where {expected} were asked")
            wordings = {str(one.id): one.wordings for one in world.questions}
            for message in on_thread:
                known = wordings.get((message.metadata or {}).get("question", ""), [])
                # What the question replies to is quoted below its own words.
                own = text_of(message).split("\n\n")[0]
                if known and not any(own.endswith(wording) for wording in known):
                    verdict.wrong.append(f"{thread_id} holds a question as {text_of(message)!r}")
            said = Counter(m.run_id for m in on_thread if m.role == "assistant" and _whole(m))
            for turn in here:
                answers = said.pop(turn.run, 0)
                may_lack = turn.state != "answered" or turn.id in world.robbed_turns
                # Where all else was forgotten, the thread was, too.
                may_lack = may_lack or (not turn.left and verdict.forgotten > 0)
                if answers != 1 and not (may_lack and answers == 0):
                    verdict.wrong.append(f"turn {turn.id} has {answers} answers on {thread_id}")
            said.pop(None, None)  # copied to a new thread
            # What a run said that was told as failed and asked again may be there, too.
            if said.total() > sum(turn.attempt - 1 for turn in here):
                verdict.wrong.append(f"{thread_id} holds answers of {said} to nothing")
    finally:
        await client.close()


async def _messages(client: Client, thread_id: str) -> list[ThreadMessage]:
    found: list[ThreadMessage] = []
    after: str | None = None
    while True:
        page = await client.list_messages(thread_id, Page(limit=100, order="asc", after=after))
        found += page.data
        if not page.has_more:
            return found
        after = page.data[-1].id


def _whole(message: ThreadMessage) -> bool:
    return message.status == "completed"


def _turns(world: World) -> list[_Turn]:
    def column(db: sqlite3.Connection, statement: str, turn: int) -> list[Any]:
        return [row[0] for row in db.execute(statement, (turn,))]

    gone = forgotten(world) | {each.id for each in world.questions if each.deleted}
    with closing(_open(world)) as db:
        rows = db.execute(
            "SELECT id, channel_id, state, attempt, run_id FROM turns ORDER BY id"
        ).fetchall()
        return [
            _Turn(
                id=row[0],
                channel=row[1],
                state=row[2],
                attempt=row[3],
                run=row[4],
                questions=column(
                    db, "SELECT id FROM questions WHERE turn_id = ? ORDER BY 1", row[0]
                ),
                deleted=gone
                & set(column(db, "SELECT id FROM questions WHERE turn_id = ?", row[0])),
                forgotten=not column(
                    db, "SELECT id FROM questions WHERE turn_id = ? AND author_id <> 0", row[0]
                ),
                taken=set(column(db, _TAKEN, row[0])),
                parts=column(
                    db, "SELECT message_id FROM parts WHERE turn_id = ? ORDER BY number", row[0]
                ),
            )
            for row in rows
        ]


def _open(world: World) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{world.database('bot')}?mode=ro", uri=True, timeout=30)
