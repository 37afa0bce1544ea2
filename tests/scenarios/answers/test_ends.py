import re

import pytest

from bot.assistants.schema.requests import (
    CreateRun,
    ModifyAssistant,
    NewFileSearchResources,
    NewToolResources,
)
from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionTool,
)
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.runs.run_follower import FUNCTION_UNAVAILABLE
from bot.sandbox import Permission
from tests.scenarios.community import UNDER_AN_ANSWER, Community, answer, deny, is_final, labels
from tests.support.files import searchable
from tests.support.model_turns import fail


async def test_cancel_stops_the_run_and_leaves_the_text_so_far(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("Some words. More words.", gate=gate)
    await channels.ask("go")
    reply = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: reply.content == "Some words.")
    pressed = await channels.ada.click(reply, "Cancel")
    assert pressed.acknowledged
    await channels.finished(channels.general)
    assert reply.content == "Some words.\n-# Cancelled by Ada."
    assert labels(reply) == ["Answer again"]
    (run,) = await channels.runs_on(channels.general)
    assert run.status == "cancelled"
    await channels.model.requests[0].until_over()
    (turn,) = await channels.ended_turns(1)
    assert (turn.state, turn.outcome) == ("cancelled", "cancelled")


async def test_after_a_cancelled_run_the_channel_takes_the_next_question(
    channels: Community,
) -> None:
    channels.model.stall()
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    await channels.ada.click(reply, "Cancel")
    await channels.finished(channels.general)
    assert reply.content == "-# Cancelled by Ada."
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


async def test_only_an_asker_or_a_moderator_cancels(channels: Community) -> None:
    channels.model.stall()
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    refused = await channels.ben.click(reply, "Cancel")
    await channels.until(lambda: refused.responses)
    assert refused.responses[0].content == localized("not-yours-to-cancel")
    assert refused.ephemeral
    assert labels(reply) == ["Cancel"]
    await channels.admin.click(reply, "Cancel")
    await channels.finished(channels.general)
    assert reply.content.startswith("-# Cancelled by Mira")


async def test_a_late_press_says_that_it_is_too_late(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("done", first=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    button = reply.components
    gate.open()
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    # Pressed on a screen that the last edit had not reached.
    reply.components = button
    late = await channels.ada.click(reply, "Cancel")
    await channels.until(lambda: late.responses)
    assert late.responses[0].content == localized("too-late-to-cancel")
    assert answer(reply) == "done"


async def test_a_failure_is_one_plain_sentence_with_retry(channels: Community) -> None:
    channels.model.fail(400, message="secret details of the endpoint")
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert reply.content == sentences.failure("rejected")
    assert "secret" not in reply.content
    assert labels(reply) == ["Retry"]
    (run,) = await channels.runs_on(channels.general)
    assert run.status == "failed"


@pytest.mark.parametrize(
    ("status", "message", "kind", "buttons"),
    [
        (401, "Incorrect API key", "model_key", []),
        (403, "No access", "model_key", []),
        (402, "Insufficient Balance", "model_credit", []),
        (404, "The model `x` does not exist", "model_missing", []),
        (400, "prompt is too long", "too_long", []),
        (400, "Content Exists Risk", "content", ["Retry"]),
    ],
)
async def test_a_refusal_names_its_cause_and_offers_retry_only_where_it_helps(
    channels: Community, status: int, message: str, kind: FailureKind, buttons: list[str]
) -> None:
    channels.model.otherwise = lambda _: fail(status, message=message)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    is_operators = kind in sentences.OPERATORS_TASK
    assert reply.content == sentences.failure(kind, told=is_operators)
    assert ("Whoever runs this bot has been told" in reply.content) == is_operators
    assert ("Start a new conversation" in reply.content) == (kind == "too_long")
    assert labels(reply) == buttons


async def test_a_model_without_tools_says_so_once(channels: Community) -> None:
    tools = ModifyAssistant(tools=(CodeInterpreterTool(),))
    await channels.api.modify_assistant(channels.assistant_id, tools)
    channels.model.fail(400, message="m does not support tools")
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert reply.content.startswith(f"one\n\n{localized('without-tools')}\n-# ")
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"


async def test_a_model_without_tools_says_of_which_documents_it_read_the_beginning(
    channels: Community,
) -> None:
    store, _ = await searchable(channels.api, the_novel="word " * 100_000)
    resources = NewFileSearchResources(vector_store_ids=(store.id,))
    changes = ModifyAssistant(
        tools=(FileSearchTool(),), tool_resources=NewToolResources(file_search=resources)
    )
    await channels.api.modify_assistant(channels.assistant_id, changes)
    channels.model.fail(400, message="m does not support tools")
    for number in (1, 2):
        await channels.ask("one")
        reply = await channels.finished(channels.general, number)
        told = "-# This model can't search files, so it read only the beginning of"
        assert reply.content.startswith(f"one\n\n{told} the\\_novel.txt.\n-# ")


async def test_thoughts_that_turn_out_late_are_gone_from_the_reply(channels: Community) -> None:
    gate = channels.model.gate()
    tokens = ["Be rude? ", "No.\n", "</think>\n\n", "Hello. ", "You."]
    channels.model.say("", tokens=tokens, gate=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    gate.let(4)
    await channels.until(lambda: reply.content == "Hello.")
    gate.open()
    assert answer(await channels.finished(channels.general)) == "Hello. You."


async def test_retry_is_one_more_run_and_posts_nothing_twice(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    gate = channels.model.gate()
    channels.model.say("this time", first=gate)
    await channels.ada.click(reply, "Retry")
    await channels.until(lambda: reply.content == "thinking…")
    assert labels(reply) == ["Cancel"]
    gate.open()
    await channels.until(lambda: is_final(reply) and answer(reply) == "this time")
    await channels.ended_turns(1)
    assert labels(reply) == UNDER_AN_ANSWER
    assert await channels.on_thread(channels.general) == [
        ("user", "one"),
        ("assistant", "this time"),
    ]
    runs = await channels.runs_on(channels.general)
    attempts = [((run.metadata or {})["turn"], (run.metadata or {})["attempt"]) for run in runs]
    assert attempts == [("1", "2"), ("1", "1")]
    assert len(channels.replies(channels.general)) == 1


async def test_only_an_asker_or_a_moderator_retries(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    refused = await channels.ben.click(reply, "Retry")
    await channels.until(lambda: refused.responses)
    assert refused.responses[0].content == localized("not-yours-to-retry")
    assert len(await channels.runs_on(channels.general)) == 1


async def test_two_presses_of_retry_make_one_run(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    await channels.ada.click(reply, "Retry", wait=False)
    await channels.admin.click(reply, "Retry", wait=False)
    await channels.until(lambda: is_final(reply) and answer(reply) == "one")
    await channels.ended_turns(1)
    assert len(await channels.runs_on(channels.general)) == 2


async def test_a_model_that_breaks_off_leaves_its_text_and_offers_retry(
    channels: Community,
) -> None:
    channels.model.error_mid_stream("Half an answer", "broken")
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert reply.content == f"Half an answer\n\n{sentences.failure('model_failed')}"
    assert labels(reply) == ["Retry"]


async def test_a_long_answer_continues_in_more_messages_with_intact_code(
    channels: Community,
) -> None:
    lines = [f"    value_{number} = {number}" for number in range(150)]
    text = "Here it is:\n\n```python\n" + "\n".join(lines) + "\n```\n\nThat was it."
    channels.model.say(text, tokens=[text[i : i + 400] for i in range(0, len(text), 400)])
    await channels.ask("go")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    parts = channels.replies(channels.general)
    assert len(parts) > 1
    for part in parts:
        assert 0 < len(part.content) <= 2000
        assert part.content.count("```") % 2 == 0
    joined = "\n".join(part.content for part in parts)
    assert re.findall(r"value_\d+ = \d+", joined) == [line.strip() for line in lines]
    assert "That was it.\n-# " in parts[-1].content
    assert parts[0].reference is not None
    assert all(part.reference is None for part in parts[1:])
    assert [labels(part) for part in parts] == [[]] * (len(parts) - 1) + [UNDER_AN_ANSWER]


async def test_a_retry_with_a_shorter_answer_leaves_nothing_of_the_long_one(
    channels: Community,
) -> None:
    channels.model.error_mid_stream("word " * 600, "broken")
    await channels.ask("go")
    await channels.finished(channels.general)
    await channels.ended_turns(1)
    parts = channels.replies(channels.general)
    assert len(parts) == 2
    assert labels(parts[0]) == []
    assert labels(parts[1]) == ["Retry"]
    gate = channels.model.stall(then="short")
    await channels.ada.click(parts[1], "Retry")
    # What the attempt before has said does not stand below the thinking of this one.
    await channels.until(lambda: channels.replies(channels.general) == [parts[0]])
    assert labels(parts[0]) == ["Cancel"]
    gate.open()
    await channels.until(lambda: is_final(parts[0]) and answer(parts[0]) == "short")
    (turn,) = await channels.ended_turns(1)
    assert channels.replies(channels.general) == [parts[0]]
    assert turn.parts == (parts[0].id,)


async def test_an_empty_answer_says_so(channels: Community) -> None:
    channels.model.say("", tokens=[])
    await channels.ask("one")
    assert answer(await channels.finished(channels.general)) == localized("empty-answer")


async def test_an_unknown_function_does_not_hang_the_run(channels: Community) -> None:
    tool = FunctionTool(function=FunctionDefinition(name="open_door"))
    await channels.api.modify_assistant(channels.assistant_id, ModifyAssistant(tools=(tool,)))
    channels.model.call_tools(("open_door", {"which": 1}), ("open_door", {"which": 2}))
    channels.model.say("I can't open doors.")
    await channels.ask("open both doors")
    assert answer(await channels.finished(channels.general)) == "I can't open doors."
    outputs = [m["content"] for m in channels.model.requests[1].messages if m["role"] == "tool"]
    assert outputs == [FUNCTION_UNAVAILABLE] * 2


async def test_a_thread_that_was_deleted_is_replaced_and_the_conversation_carried_over(
    channels: Community,
) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    first = await channels.thread_id(channels.general)
    await channels.api.delete_thread(first)
    await channels.ask("two")
    assert answer(await channels.finished(channels.general, 2)) == "two"
    assert await channels.thread_id(channels.general) != first
    assert await channels.on_thread(channels.general) == [
        ("user", "one"),
        ("assistant", "one"),
        ("user", "two"),
        ("assistant", "two"),
    ]


async def test_a_run_of_another_program_is_waited_for(channels: Community) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    gate = channels.model.stall("theirs")
    thread_id = await channels.thread_id(channels.general)
    theirs = await channels.api.create_run(thread_id, CreateRun(assistant_id=channels.assistant_id))
    await channels.model.until_request(2)
    await channels.ask("two")
    await channels.reply(channels.general, 2)
    gate.open()
    assert answer(await channels.finished(channels.general, 2)) == "two"
    assert (await channels.api.retrieve_run(thread_id, theirs.id)).status == "completed"


async def test_a_channel_the_bot_may_not_write_in_ends_the_turn_and_not_the_bot(
    channels: Community,
) -> None:
    deny(channels.sandbox, Permission.SEND_MESSAGES)
    await channels.admin.say(channels.general, "one", mention_bot=True)
    (turn,) = await channels.ended_turns(1)
    assert (turn.state, turn.error) == ("failed", "undeliverable")
    private = await channels.admin.open_dm()
    # The bot's operator, who asked here, hears of the missing permission, too.
    told = sentences.undelivered(channels.general.id)
    await channels.until(lambda: told in [one.content for one in channels.replies(private)])
    channels.sandbox.guild.allow_bot(Permission.SEND_MESSAGES)
    await channels.admin.say(channels.general, "two", mention_bot=True)
    assert answer(await channels.finished(channels.general)) == "two"


async def test_where_the_bot_may_not_read_the_history_it_answers_without_a_reply(
    channels: Community,
) -> None:
    channels.sandbox.troubles.forbid(channels.general, Permission.READ_MESSAGE_HISTORY)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert answer(reply) == "one"
    assert reply.reference is None


async def test_what_an_answer_cites_is_numbered_and_no_mark_for_machines_is_shown(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say(
        "Red 【0:0†apple.txt】. Sure.",
        tokens=["Red ", "【0:0†app", "le.txt】.", " Sure."],
        gate=gate,
    )
    await channels.ask("which colour?")
    reply = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: reply.content == "Red")
    gate.open()
    reply = await channels.finished(channels.general)
    assert answer(reply) == "Red [1]. Sure."
    assert r"-# Sources: \[1\] apple.txt" in reply.content
