"""Answers with pictures and files: Components V2, once, whatever Discord or a crash does."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from bot.sandbox import DiscordMessage
from bot.sandbox.faults import RequestFault
from tests.scenarios.bot_process import killed
from tests.scenarios.community import Community, alt_texts, answer, community, labels, texts
from tests.scenarios.restarts.test_restart import state_on_disk
from tests.support.drawer import QuickDrawer
from tests.support.model_turns import say, stall

FORMULA = r"The area:" + "\n\n" + r"\[ A = \frac{\pi d^2}{4} \]" + "\n\nof a circle."
TWELVE = "\n\n".join(f"Step {number}:\n\n\\[ x_{{{number}}} \\]" for number in range(12))
LONG_TEX = "\n\n".join(f"\\[ x_{{{number}}} = {'a + ' * 90}b \\]" for number in range(8))
"""Eight formulas: two messages of text, or one with pictures."""
MESSAGES = "/channels/{channel_id}/messages"


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, "channel", drawer=QuickDrawer()) as each:
        yield each


def kinds(message: DiscordMessage) -> list[int]:
    return [component["type"] for component in message.components]


def contents(directory: Path) -> dict[Path, bytes]:
    """The files of the ledger."""
    return {path: path.read_bytes() for path in directory.glob("bot.db*")}


async def answered(whole: Community, text: str) -> list[DiscordMessage]:
    whole.model.say(text)
    await whole.ask("question")
    await whole.settled(1)
    return whole.replies(whole.general)


async def test_a_display_formula_is_a_picture_with_its_tex_as_alt_text(whole: Community) -> None:
    (reply,) = await answered(whole, FORMULA)
    assert reply.v2
    assert reply.content == ""
    assert kinds(reply) == [10, 12, 10, 10, 1]
    assert texts(reply)[:2] == ["The area:", "of a circle."]
    assert texts(reply)[2].startswith("-# ")
    assert alt_texts(reply) == [r"A = \frac{\pi d^2}{4}"]
    assert [file.filename for file in reply.files] == ["formula-1.png"]
    # The model's own text stays on the thread, and the conversation goes on.
    assert (await whole.on_thread(whole.general))[1] == ("assistant", FORMULA)


async def test_tex_that_does_not_parse_is_shown_as_code_in_a_plain_message(
    whole: Community,
) -> None:
    (reply,) = await answered(whole, r"So \[ \mistake{x} \]")
    assert not reply.v2
    assert reply.content.startswith("So\n```tex\n\\mistake{x}\n```")


async def test_an_answer_streams_as_plain_text_and_its_end_upgrades_the_same_message(
    whole: Community,
) -> None:
    gate = whole.model.gate()
    whole.model.say("", tokens=["It is ", r"\[ x^2 \]", " as I said."], gate=gate)
    await whole.ask("question")
    reply = await whole.reply(whole.general)
    gate.let(2)
    await whole.until(lambda: reply.content == r"It is \[ x^2 \]")
    kinds_while_streaming = kinds(reply)
    gate.open()
    await whole.settled(1)
    assert (kinds_while_streaming, kinds(reply)) == ([1], [10, 12, 10, 10, 1])
    assert texts(reply)[:2] == ["It is", "as I said."]


async def test_ten_pictures_a_message_and_after_five_messages_the_whole_as_a_file(
    whole: Community,
) -> None:
    answer = "\n\n".join(f"Step {number}:\n\n\\[ x_{{{number}}} \\]" for number in range(70))
    replies = await answered(whole, answer)
    assert len(replies) == 5
    assert all(reply.v2 for reply in replies)
    assert [len(reply.files) for reply in replies] == [10, 10, 10, 10, 10]
    assert sum(map(len, map(alt_texts, replies))) == 49
    whole_answer = replies[-1].files[-1]
    assert (whole_answer.filename, whole_answer.data.decode()) == ("answer.md", answer)
    assert texts(replies[-1])[-1].startswith("-# This is the beginning.")


async def test_a_long_answer_of_text_alone_is_plain_but_for_the_message_with_the_file(
    whole: Community,
) -> None:
    answer = "\n\n".join(f"{number} " + "word " * 90 for number in range(40))
    replies = await answered(whole, answer)
    assert [reply.v2 for reply in replies] == [False, False, False, False, True]
    assert replies[-1].files[-1].data.decode() == answer.strip()


async def test_a_file_that_discord_refuses_leaves_the_long_answer_whole_in_messages(
    whole: Community,
) -> None:
    whole.sandbox.faults.refuse_files(times=None)
    answer = "\n\n".join(f"{number} " + "word " * 90 for number in range(40))
    replies = await answered(whole, answer)
    assert len(replies) > 5
    assert not any(reply.v2 for reply in replies)
    said = "\n\n".join(reply.content for reply in replies)
    assert said.split("-# ")[0].split() == answer.split()


async def test_pictures_that_discord_refuses_are_text_and_a_quiet_note_says_so(
    whole: Community,
) -> None:
    whole.sandbox.faults.refuse_files(times=None)
    (reply,) = await answered(whole, FORMULA)
    assert not reply.v2
    lines = reply.content.splitlines()
    assert lines[:4] == ["The area:", "", "A = πd²/4", ""]
    assert "-# Discord didn't take the pictures" in reply.content


async def test_a_retry_of_an_answer_with_pictures_begins_a_new_message(whole: Community) -> None:
    whole.model.error_mid_stream(FORMULA, {"message": "no more"})
    whole.model.say("Now it works.")
    await whole.ask("question")
    await whole.ended_turns(1)
    (failed,) = whole.replies(whole.general)
    assert failed.v2
    assert labels(failed) == ["Retry"]
    await whole.ada.click(failed, "Retry")
    await whole.until(lambda: failed.deleted)
    again = await whole.finished(whole.general)
    assert again.id != failed.id
    assert answer(again) == "Now it works."
    assert len(whole.replies(whole.general)) == 1


async def test_a_new_thread_begins_with_the_formulas_of_the_earlier_answers(
    whole: Community,
) -> None:
    await answered(whole, FORMULA)
    lost = await whole.thread_id(whole.general)
    await whole.api.delete_thread(lost)
    whole.model.say("Go on.")
    await whole.ask("more?")
    await whole.settled(2)
    assert (await whole.on_thread(whole.general))[1] == (
        "assistant",
        "The area:\n\\[ A = \\frac{\\pi d^2}{4} \\]\nof a circle.",
    )


@pytest.mark.parametrize("method", ["PATCH", "POST"])
async def test_an_upload_whose_answer_is_lost_is_not_shown_twice(
    whole: Community, method: str
) -> None:
    route = MESSAGES if method == "POST" else f"{MESSAGES}/{{message_id}}"
    lost = RequestFault(method, route, times=2, drop=True, after_effect=True, only_files=True)
    whole.sandbox.faults.requests.append(lost)
    replies = await answered(whole, TWELVE)
    assert lost.hits == 2
    assert [len(reply.files) for reply in replies] == [10, 2]
    assert [len(alt_texts(reply)) for reply in replies] == [10, 2]


@pytest.mark.parametrize(
    ("point", "state"),
    [
        ("before turns.closing", "running"),
        ("after turns.closing", "closing"),
        ("before turns.set_part", "closing"),
        ("after turns.set_part", "closing"),
        ("before turns.closed", "closing"),
        ("after turns.closed", "answered"),
    ],
)
async def test_killed_between_two_steps_of_a_rich_answer_it_stands_there_once(
    asleep: Community, point: str, state: str
) -> None:
    asleep.drawer = QuickDrawer()
    asleep.model.otherwise = lambda asked: say(TWELVE)
    await killed(asleep, point)
    assert await state_on_disk(asleep) == state
    # Later than Discord remembers nonces: what is there must be found by looking.
    asleep.sandbox.advance(600)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    replies = asleep.replies(thread)
    assert [len(reply.files) for reply in replies] == [10, 2]
    assert [f"x_{{{number}}}" for number in range(12)] == [
        tex for reply in replies for tex in alt_texts(reply)
    ]
    assert len(await asleep.runs_on(thread)) == 1


@pytest.mark.parametrize("step", ["the first edit", "the next message"])
async def test_killed_while_discord_has_a_request_of_a_rich_answer_it_stands_there_once(
    asleep: Community, step: str
) -> None:
    asleep.drawer = QuickDrawer()
    asleep.model.otherwise = lambda asked: say(TWELVE)
    first = ("PATCH", f"{MESSAGES}/{{message_id}}")
    held = RequestFault(
        *(first if step == "the first edit" else ("POST", MESSAGES)),
        released=asyncio.Event(),
        only_files=True,
    )
    asleep.sandbox.faults.requests.append(held)

    async def ask() -> None:
        await asleep.ask("one")
        await asleep.befallen(held)
        (process,) = multiprocessing.active_children()
        process.kill()

    await killed(asleep, "after turns.closed", ask)
    held.release()
    asleep.sandbox.advance(600)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    assert [len(reply.files) for reply in asleep.replies(thread)] == [10, 2]


@pytest.mark.parametrize(
    "point", ["before turns.drop_parts", "after turns.drop_parts", "before chores.done"]
)
async def test_killed_while_a_rich_answer_takes_fewer_messages_than_its_text_it_stands_there_once(
    asleep: Community, point: str
) -> None:
    asleep.drawer = QuickDrawer()
    gate = asleep.model.gate()
    asleep.model.then(stall(LONG_TEX, gate))

    async def ask() -> None:
        question = await asleep.ask("one")
        thread = await asleep.thread_of(question)
        # The streamed text takes two messages; the final edit needs one.
        await asleep.reply(thread, 2)
        gate.open()

    await killed(asleep, point, ask)
    asleep.sandbox.advance(600)
    await asleep.start_engine()
    await asleep.start_bot()
    await asleep.settled(1)
    (thread,) = asleep.sandbox.guild.threads
    await asleep.until(lambda: len(asleep.replies(thread)) == 1)
    (reply,) = asleep.replies(thread)
    assert len(alt_texts(reply)) == 8
    assert await asleep.ledger.chores.channels() == ()


async def test_an_answer_with_pictures_is_known_again_after_an_old_backup_is_restored(
    whole: Community, tmp_path: Path
) -> None:
    await answered(whole, "A plain answer.")
    await whole.stop_bot()
    backup = contents(tmp_path)
    await whole.start_bot()
    whole.model.say(FORMULA)
    await whole.ask("the area?")
    await whole.settled(2)
    await whole.stop_bot()
    for path in contents(tmp_path):
        path.unlink()
    for path, data in backup.items():
        path.write_bytes(data)
    # Later than Discord remembers nonces.
    whole.sandbox.advance(600)
    await whole.start_bot()
    whole.model.say("A new answer.")
    await whole.ask("more?")
    await whole.until(lambda: len(whole.replies(whole.general)) == 3)
    await whole.finished(whole.general, 3)
    assert [reply.v2 for reply in whole.replies(whole.general)] == [False, True, False]
    assert answer(whole.replies(whole.general)[2]) == "A new answer."


async def test_another_answer_is_offered_below_pictures_and_begins_a_new_message(
    tmp_path: Path,
) -> None:
    again = localized("again-button")
    chosen = ("continue", "steps", "votes")
    async with community(tmp_path, "channel", drawer=QuickDrawer(), buttons=chosen) as whole:
        whole.model.say(FORMULA)
        whole.model.say("Now without a formula.")
        question = await whole.ask("question")
        await whole.settled(1)
        (reply,) = whole.replies(whole.general)
        before = kinds(reply)
        assert again not in labels(reply)
        await whole.ada.edit(question, f"{whole.sandbox.bot_user.mention} other words")
        await whole.until(lambda: again in labels(reply))
        assert kinds(reply) == before
        assert answer(reply) == "The area:\nof a circle."
        assert alt_texts(reply) == [r"A = \frac{\pi d^2}{4}"]
        assert [file.filename for file in reply.files] == ["formula-1.png"]
        await whole.ada.click(reply, again)
        await whole.until(lambda: reply.deleted)
        new = await whole.finished(whole.general)
        assert answer(new) == "Now without a formula."
        assert not new.v2
