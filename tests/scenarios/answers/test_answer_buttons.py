"""The buttons under a finished reply, pressed in the sandbox's Discord."""

import asyncio
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import ModifyAssistant, ModifyRun
from bot.assistants.schema.tools import CodeInterpreterTool, FunctionDefinition, FunctionTool
from bot.chat.texts.fluent import localized
from bot.chat.threads.vote_reporter import DOWN_KEY, UP_KEY
from bot.sandbox import Channel, DiscordMessage
from bot.store.ledger import Ledger, NewQuestion
from bot.store.ledger.turns.votes import exported_votes
from tests.scenarios.community import (
    UNDER_AN_ANSWER,
    Community,
    answer,
    community,
    is_final,
    labels,
)
from tests.support.eventually import eventually
from tests.support.model_turns import Delta, Turn, say

AGAIN = localized("again-button")


async def answered(whole: Community, text: str = "one") -> DiscordMessage:
    await whole.ask(text)
    reply = await whole.finished(whole.general)
    await whole.ended_turns(1)
    return reply


async def tally(whole: Community, channel: Channel, up: int, down: int) -> Run:
    """Wait until the channel's newest run carries so many votes."""

    async def newest() -> Run:
        return (await whole.runs_on(channel))[0]

    return await eventually(
        newest,
        lambda run: (run.metadata or {}).items() >= {UP_KEY: str(up), DOWN_KEY: str(down)}.items(),
    )


def votes(whole: Community) -> list[tuple[object, ...]]:
    fields = ("question", "answer", "vote", "reason")
    exported = exported_votes(whole.directory / "bot.db")
    return [tuple(vote[field] for field in fields) for vote in exported]


async def test_the_operator_chooses_the_buttons_under_an_answer(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", buttons=("votes",)) as channels:
        assert labels(await answered(channels)) == ["👍", "👎"]


async def test_without_buttons_a_reply_has_none(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", buttons=()) as channels:
        assert (await answered(channels)).components == []


async def test_a_vote_is_stored_with_its_answer_and_shown_on_the_run(channels: Community) -> None:
    channels.model.say("Yes.")
    reply = await answered(channels, "Is it?")
    pressed = await channels.ada.click(reply, "👍")
    await channels.until(lambda: pressed.responses)
    assert pressed.responses[0].content == localized("upvoted")
    assert pressed.ephemeral
    run = await tally(channels, channels.general, 1, 0)
    assert (run.metadata or {}).items() >= {"turn": "1", "attempt": "1"}.items()
    assert votes(channels) == [("Is it?", "Yes.", "up", None)]


async def test_a_downvote_counts_at_once_and_its_form_adds_the_reason(channels: Community) -> None:
    reply = await answered(channels)
    pressed = await channels.ada.click(reply, "👎")
    assert pressed.modal is not None
    assert votes(channels)[0][2:] == ("down", None)
    submitted = await channels.ada.submit_modal(pressed, {"reason": " It is wrong. \n"})
    await channels.until(lambda: submitted.responses)
    assert submitted.ephemeral
    await tally(channels, channels.general, 0, 1)
    assert votes(channels) == [("one", "one", "down", "It is wrong.")]
    # Asked again, the form has the reason, which the member can change or remove.
    again = await channels.ada.click(reply, "👎")
    assert again.modal is not None
    assert again.modal["components"][0]["component"]["value"] == "It is wrong."
    emptied = await channels.ada.submit_modal(again, {"reason": ""})
    await channels.until(lambda: emptied.responses)
    assert votes(channels)[0][2:] == ("down", None)


async def test_each_member_has_one_vote_and_can_change_it(channels: Community) -> None:
    reply = await answered(channels)
    await channels.ben.click(reply, "👍")
    await channels.ada.click(reply, "👎")
    await tally(channels, channels.general, 1, 1)
    await channels.ada.click(reply, "👍")
    await tally(channels, channels.general, 2, 0)
    assert [vote[2] for vote in votes(channels)] == ["up", "up"]


async def test_presses_at_once_are_one_vote(channels: Community) -> None:
    reply = await answered(channels)
    pressed = await asyncio.gather(*(channels.ada.click(reply, "👍") for _ in range(5)))
    await channels.until(lambda: all(press.responses for press in pressed))
    await tally(channels, channels.general, 1, 0)
    assert len(votes(channels)) == 1


async def test_a_form_that_was_open_during_a_restart_still_stores_its_reason(
    channels: Community,
) -> None:
    reply = await answered(channels)
    pressed = await channels.ada.click(reply, "👎")
    await channels.restart_bot()
    submitted = await channels.ada.submit_modal(pressed, {"reason": "Too long."})
    await channels.until(lambda: submitted.responses)
    await channels.ben.click(reply, "👍")
    await tally(channels, channels.general, 1, 1)
    assert [vote[2:] for vote in votes(channels)] == [("down", "Too long."), ("up", None)]


async def test_a_vote_on_a_run_that_was_deleted_is_kept_with_what_discord_shows(
    channels: Community,
) -> None:
    channels.model.say("Yes.")
    reply = await answered(channels, "Is it?")
    await channels.api.delete_thread(await channels.thread_id(channels.general))
    pressed = await channels.ada.click(reply, "👍")
    await channels.until(lambda: pressed.responses)
    await eventually(channels.ledger.votes.unreported, lambda left: not left)
    assert votes(channels) == [("Is it?", "Yes.", "up", None)]


async def test_a_vote_on_an_answer_that_the_ledger_lacks_is_refused(channels: Community) -> None:
    reply = await answered(channels)
    for row in reply.components:
        for button in row["components"]:
            button["custom_id"] = button["custom_id"].replace(":1.", ":99.")
    for emoji in ("👍", "👎"):
        pressed = await channels.ada.click(reply, emoji)
        await channels.until(lambda: pressed.responses)  # noqa: B023 - awaited in the loop
        assert pressed.responses[0].content == localized("vote-on-unknown-answer")
    assert votes(channels) == []


@pytest.mark.parametrize("point", ["voted", "answer kept", "run marked"])
async def test_a_vote_before_a_kill_reaches_the_run_after_the_restart(
    channels: Community, point: str
) -> None:
    await answered(channels)
    run = (await channels.runs_on(channels.general))[0]
    await channels.stop_bot()
    # What a process leaves that is killed at this point.
    ledger = await Ledger.open(channels.directory / "bot.db", channels.clock.now)
    await ledger.votes.cast(1, 1, channels.ada.id, helpful=False, reason="No.")
    (rated,) = await ledger.votes.unreported()
    if point != "voted":
        await ledger.votes.keep_answer(rated, "one")
    if point == "run marked":
        marked = (run.metadata or {}) | {UP_KEY: "0", DOWN_KEY: "1"}
        await channels.api.modify_run(run.thread_id, run.id, ModifyRun(metadata=marked))
    await ledger.close()
    await channels.start_bot()
    await tally(channels, channels.general, 0, 1)
    await eventually(channels.ledger.votes.unreported, lambda left: not left)
    assert votes(channels) == [("one", "one", "down", "No.")]


async def test_continue_goes_on_with_an_answer_that_was_cut_off(channels: Community) -> None:
    channels.model.then(say("First half,", finish="length"), say("second half."))
    reply = await answered(channels)
    assert labels(reply) == ["Continue", *UNDER_AN_ANSWER]
    pressed = await asyncio.gather(*(channels.ben.click(reply, "Continue") for _ in range(3)))
    second = await channels.finished(channels.general, 2)
    assert answer(second) == "second half."
    assert labels(second) == UNDER_AN_ANSWER
    # Pressed three times at once, it was done once, and the others were told.
    await channels.until(lambda: sum(len(press.responses) for press in pressed) == 2)
    assert len(channels.model.requests) == 2
    assert (await channels.on_thread(channels.general))[2] == (
        "user",
        f"Ben: {localized('continue-question')}",
    )


async def test_continue_of_an_older_answer_is_refused(channels: Community) -> None:
    channels.model.then(say("First half,", finish="length"))
    reply = await answered(channels)
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    pressed = await channels.ada.click(reply, "Continue")
    await channels.until(lambda: pressed.responses)
    assert pressed.responses[0].content == localized("too-late-to-continue")
    assert len(channels.model.requests) == 2


async def test_continue_before_a_kill_is_answered_after_the_restart(channels: Community) -> None:
    channels.model.then(say("First half,", finish="length"), say("second half."))
    reply = await answered(channels)
    await channels.stop_bot()
    ledger = await Ledger.open(channels.directory / "bot.db", channels.clock.now)
    question = NewQuestion(
        id=reply.id + 1,
        channel_id=channels.general.id,
        guild_id=channels.sandbox.guild.id,
        author_id=channels.ada.id,
        author_name="Ada",
        content=localized("continue-question"),
    )
    assert await ledger.questions.take_continuation(question, 1, 1)
    await ledger.close()
    await channels.start_bot()
    assert answer(await channels.finished(channels.general, 2)) == "second half."


async def test_show_steps_tells_only_who_asks_what_the_run_did(channels: Community) -> None:
    functions = FunctionTool(FunctionDefinition("weather"))
    tools = ModifyAssistant(tools=(CodeInterpreterTool(), functions))
    await channels.api.modify_assistant(channels.assistant_id, tools)
    channels.model.call_tools(("code_interpreter", {"code": "print('a```b')"}))
    channels.model.call_tools(("weather", {"city": "Oslo"}))
    channels.model.say("It rains.")
    reply = await answered(channels)
    pressed = await channels.ben.click(reply, "Show steps")
    await channels.until(lambda: pressed.responses and pressed.responses[0].content)
    assert pressed.ephemeral
    shown = pressed.responses[0].content
    assert shown.startswith("**scripted\\-model** · ")
    assert "**1.** `code_interpreter` · " in shown
    assert "print('aʻʻʻb')" in shown
    assert '```json\n{"city": "Oslo"}\n```' in shown
    assert "not available here" in shown
    assert "**3.** answer · " in shown
    assert shown.count("```") % 2 == 0


async def test_long_steps_come_as_a_file(channels: Community) -> None:
    tools = ModifyAssistant(tools=(FunctionTool(FunctionDefinition("weather")),))
    await channels.api.modify_assistant(channels.assistant_id, tools)
    for number in range(9):
        channels.model.call_tools(("weather", {"city": f"city{number} " * 80}))
    channels.model.say("It rains.")
    reply = await answered(channels)
    pressed = await channels.ada.click(reply, "Show steps")
    await channels.until(lambda: pressed.responses and pressed.responses[0].content)
    (message,) = pressed.responses
    assert len(message.content) <= 2_000
    assert message.content.endswith(localized("steps-in-file"))
    (file,) = message.attachments
    assert file.filename == "steps.md"


async def test_steps_of_a_deleted_run_say_so(channels: Community) -> None:
    reply = await answered(channels)
    await channels.api.delete_thread(await channels.thread_id(channels.general))
    pressed = await channels.ada.click(reply, "Show steps")
    await channels.until(lambda: pressed.responses and pressed.responses[0].content)
    assert pressed.responses[0].content == localized("steps-gone")


async def test_answer_again_replaces_the_newest_answer(channels: Community) -> None:
    channels.model.then(say("First try."), say("Second try."))
    reply = await answered(channels)
    await channels.ada.click(reply, "👍")
    await channels.ada.click(reply, AGAIN)
    await channels.until(lambda: answer(reply) == "Second try." and is_final(reply))
    await channels.ended_turns(1)
    assert labels(reply) == UNDER_AN_ANSWER
    assert channels.replies(channels.general) == [reply]
    assert await channels.on_thread(channels.general) == [
        ("user", "one"),
        ("assistant", "Second try."),
    ]
    # Each answer keeps its votes.
    await channels.ada.click(reply, "👎")
    await eventually(lambda: votes(channels), lambda found: len(found) == 2)
    await eventually(channels.ledger.votes.unreported, lambda left: not left)
    assert [vote[1:3] for vote in votes(channels)] == [
        ("First try.", "up"),
        ("Second try.", "down"),
    ]


async def test_answer_again_with_a_picture_leaves_one_reply(channels: Community) -> None:
    channels.model.then(say(r"\[ \frac{x^3}{3} + C \]"), say("Second try."))
    reply = await answered(channels)
    assert labels(reply) == UNDER_AN_ANSWER
    await channels.ada.click(reply, AGAIN)
    await eventually(
        lambda: [each for each in channels.replies(channels.general) if is_final(each)],
        lambda final: [answer(each) for each in final] == ["Second try."],
    )


async def test_a_cancelled_answer_can_be_given_again(channels: Community) -> None:
    channels.model.stall()
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    await channels.ada.click(reply, "Cancel")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    assert labels(reply) == [AGAIN]
    await channels.ada.click(reply, AGAIN)
    await channels.until(lambda: answer(reply) == "one" and is_final(reply))


THINKING: list[Turn] = [
    say("", tokens=["<think>It is a ", "greeting.</think>", "\n\nHello."]),
    say("", tokens=["It is a greeting.\n", "</think>\n\n", "Hello."]),
    Turn([Delta({"reasoning_content": "It is a "}), Delta({"reasoning_content": "greeting."}),
          *say("Hello.").steps]),
    Turn([Delta({"reasoning_details": [{"type": "reasoning.text", "text": "It is a greeting."}]}),
          *say("Hello.").steps]),
]  # fmt: skip


@pytest.mark.parametrize("answering", THINKING, ids=["tags", "closing tag", "field", "details"])
async def test_thoughts_are_among_the_steps_where_the_operator_allows_it(
    tmp_path: Path, answering: Turn
) -> None:
    async with community(tmp_path, "channel", show_thoughts=True) as channels:
        channels.model.then(answering)
        reply = await answered(channels)
        assert answer(reply) == "Hello."
        pressed = await channels.ada.click(reply, "Show steps")
        await channels.until(lambda: pressed.responses and pressed.responses[0].content)
        shown = pressed.responses[0].content
        assert f"{localized('step-thoughts')}\n```\nIt is a greeting.\n```" in shown


async def test_otherwise_thoughts_are_neither_kept_nor_shown(channels: Community) -> None:
    channels.model.then(*THINKING[:1])
    reply = await answered(channels)
    pressed = await channels.ada.click(reply, "Show steps")
    await channels.until(lambda: pressed.responses and pressed.responses[0].content)
    assert "greeting" not in pressed.responses[0].content
    (run,) = await channels.runs_on(channels.general)
    (step,) = (await channels.api.list_steps(run.thread_id, run.id)).data
    assert step.thoughts is UNSET


async def test_thoughts_that_a_server_keeps_are_not_shown_by_a_bot_that_may_not(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", show_thoughts=True) as channels:
        channels.model.then(*THINKING[:1])
        reply = await answered(channels)
        channels.settings = replace(channels.settings, show_thoughts=False)
        await channels.restart_bot()
        pressed = await channels.ada.click(reply, "Show steps")
        await channels.until(lambda: pressed.responses and pressed.responses[0].content)
        assert "greeting" not in pressed.responses[0].content


async def test_a_press_of_continue_is_not_taken_for_a_deleted_question_after_a_restart(
    channels: Community,
) -> None:
    channels.model.then(say("First half,", finish="length"), say("second half."))
    await channels.ada.click(await answered(channels), "Continue")
    await channels.finished(channels.general, 2)
    await channels.ended_turns(2)
    await channels.restart_bot()
    await channels.ask("three")
    await channels.finished(channels.general, 3)
    assert [text for _, text in await channels.on_thread(channels.general)] == [
        "one",
        "First half,",
        localized("continue-question"),
        "second half.",
        "three",
        "three",
    ]
