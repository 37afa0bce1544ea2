import re

import msgspec

from bot.chat.texts.fluent import localized
from bot.sandbox import Permission
from tests.scenarios.community import UNDER_AN_ANSWER, Community, answer, deny, is_final, labels
from tests.support.model_endpoint import Asked


async def test_a_mention_opens_a_channel_thread_and_is_answered_there(threads: Community) -> None:
    gate = threads.model.gate()
    threads.model.say("Sleep is good.", first=gate)
    question = await threads.ask("why should I **sleep**?")
    thread = await threads.thread_of(question)
    assert thread.name == "why should I sleep?"
    reply = await threads.reply(thread)
    assert reply.content == "thinking…"
    assert labels(reply) == ["Cancel"]
    gate.open()
    await threads.finished(thread)
    assert re.fullmatch(r"Sleep is good\.\n-# \d+\.\d s · \d+ tokens", reply.content)
    assert labels(reply) == UNDER_AN_ANSWER
    assert threads.replies(threads.general) == []
    assert await threads.on_thread(thread) == [
        ("user", "why should I **sleep**?"),
        ("assistant", "Sleep is good."),
    ]


async def test_any_message_in_a_linked_channel_thread_goes_on_with_it(threads: Community) -> None:
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    await threads.finished(thread)
    second = await threads.ada.say(thread, "two")
    reply = await threads.finished(thread, 2)
    assert answer(reply) == "two"
    assert reply.reference is not None
    assert reply.reference.message_id == second.id
    assert [text for _, text in await threads.on_thread(thread)] == ["one", "one", "two", "two"]


async def test_each_mention_in_a_text_channel_is_a_conversation_of_its_own(
    threads: Community,
) -> None:
    first, second = await threads.ask("one"), await threads.ask("two", threads.ben)
    one, two = await threads.thread_of(first), await threads.thread_of(second)
    await threads.finished(one)
    await threads.finished(two)
    assert await threads.thread_id(one) != await threads.thread_id(two)


async def test_in_channel_mode_a_mention_is_answered_by_a_reply(channels: Community) -> None:
    question = await channels.ask("one")
    reply = await channels.finished(channels.general)
    assert answer(reply) == "one"
    assert reply.reference is not None
    assert reply.reference.message_id == question.id
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert len(await channels.on_thread(channels.general)) == 4
    assert channels.sandbox.guild.threads == []


async def test_messages_to_others_are_no_questions(channels: Community) -> None:
    await channels.ada.say(channels.general, "hello everyone")
    await channels.admin.say(channels.general, "@everyone lunch!")
    await channels.ada.say(channels.general, f"hey {channels.ben.mention}")
    await channels.ask("one")
    await channels.finished(channels.general)
    assert [text for _, text in await channels.on_thread(channels.general)] == ["one", "one"]


async def test_any_direct_message_is_a_question(threads: Community) -> None:
    dm = await threads.ada.open_dm()
    await threads.ada.say(dm, "just between us")
    assert answer(await threads.finished(dm)) == "just between us"
    await threads.ada.say(dm, "and on")
    assert answer(await threads.finished(dm, 2)) == "and on"
    assert len(await threads.on_thread(dm)) == 4


async def test_a_mention_in_somebody_elses_channel_thread_is_answered_there(
    threads: Community,
) -> None:
    message = await threads.ada.say(threads.general, "let us talk")
    theirs = await threads.ada.start_thread(message, "ours alone")
    await threads.ask("one", channel=theirs)
    await threads.finished(theirs)
    await threads.ben.say(theirs, "not for the bot")
    await threads.ask("two", channel=theirs)
    assert answer(await threads.finished(theirs, 2)) == "two"
    asked = [text for role, text in await threads.on_thread(theirs) if role == "user"]
    assert [text.splitlines()[0] for text in asked[1:]] == ["Ada: one", "two"]
    assert asked[0].endswith("> let us talk")


async def test_the_answer_grows_while_the_model_speaks(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("First words. Last words.", gate=gate)
    await channels.ask("go")
    reply = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: reply.content == "First words.")
    assert labels(reply) == ["Cancel"]
    gate.open()
    await channels.finished(channels.general)
    assert answer(reply) == "First words. Last words."


async def test_questions_that_come_during_a_run_are_answered_together_next(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("first", first=gate)
    channels.model.say("both")
    await channels.ask("one")
    await channels.model.until_request()
    await channels.ask("two")
    last = await channels.ask("three")
    await channels.waiting(["two", "three"])
    gate.open()
    reply = await channels.finished(channels.general, 2)
    assert answer(reply) == "both"
    assert reply.reference is not None
    assert reply.reference.message_id == last.id
    assert [text for _, text in await channels.on_thread(channels.general)] == [
        "one",
        "first",
        "two",
        "three",
        "both",
    ]
    assert len(await channels.runs_on(channels.general)) == 2


async def test_an_edit_of_a_waiting_question_changes_the_question(channels: Community) -> None:
    gate = channels.model.gate()
    channels.model.say("first", first=gate)
    await channels.ask("one")
    await channels.model.until_request()
    waiting = await channels.ask("tow")
    regretted = await channels.ask("never mind")
    bot = channels.sandbox.bot_user.mention
    await channels.ada.edit(waiting, f"{bot} two")
    await channels.ada.delete(regretted)
    await channels.ask("three")
    await channels.waiting(["two", "three"])
    gate.open()
    await channels.finished(channels.general, 2)
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["one", "two", "three"]


async def test_authors_are_named_once_more_than_one_person_asks(channels: Community) -> None:
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ask("two", channels.ben)
    await channels.finished(channels.general, 2)
    await channels.ask("three")
    await channels.finished(channels.general, 3)
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["one", "Ben: two", "Ada: three"]


async def test_a_mention_without_a_question_gets_a_hint_and_no_run(channels: Community) -> None:
    await channels.ask("")
    hint = await channels.reply(channels.general)
    assert hint.content.startswith("Hi! Write your question after my name")
    assert channels.model.requests == []


async def test_nothing_in_an_answer_pings_anybody(channels: Community) -> None:
    ben = channels.ben
    channels.model.say(f"@everyone @here {ben.mention} <@&{channels.sandbox.guild.id}> hi")
    await channels.ask("call them all")
    reply = await channels.finished(channels.general)
    assert ben.mention in reply.content
    assert reply.pings == set()
    assert not reply.mention_everyone


async def test_thinking_is_there_before_the_model_answers(threads: Community) -> None:
    gate = threads.model.gate()
    threads.model.say("late", first=gate)
    question = await threads.ask("one")
    thread = await threads.thread_of(question)
    assert (await threads.reply(thread)).content == localized("thinking")
    gate.open()
    await threads.finished(thread)


async def test_files_and_images_reach_the_model(channels: Community) -> None:
    await channels.ada.say(
        channels.general,
        "look",
        mention_bot=True,
        attachments=[
            ("notes.md", b"# Plan\nsleep more"),
            ("cat.png", b"\x89PNG\r\n\x1a\n"),
            ("song.mp3", b"\x00" * 2_000),
        ],
    )
    await channels.finished(channels.general)
    (asked,) = channels.model.requests
    parts = asked.messages[-1]["content"]
    text = next(part["text"] for part in parts if part["type"] == "text")
    assert "[file notes.md, 17 bytes]\n```md\n# Plan\nsleep more\n```" in text
    assert "[audio song.mp3, 2.0 kB] (could not be read: " in text
    (image,) = [part for part in parts if part["type"] == "image_url"]
    assert image["image_url"]["url"] == "data:image/png;base64,iVBORw0KGgo="


async def test_where_no_channel_thread_can_be_opened_the_answer_comes_in_the_channel(
    threads: Community,
) -> None:
    deny(threads.sandbox, Permission.CREATE_PUBLIC_THREADS)
    await threads.ask("one")
    reply = await threads.finished(threads.general)
    assert answer(reply) == "one"
    assert "-# I can't open a thread here, so I answer in the channel." in reply.content
    await threads.ask("two")
    assert "can't open" not in (await threads.finished(threads.general, 2)).content


async def test_a_question_repeated_by_the_gateway_is_answered_once(channels: Community) -> None:
    channels.sandbox.faults.repeat_events("MESSAGE_CREATE", times=1, copies=3)
    await channels.ask("one")
    await channels.finished(channels.general)
    await channels.ask("two")
    await channels.finished(channels.general, 2)
    assert len(channels.replies(channels.general)) == 2
    assert is_final(channels.replies(channels.general)[0])
    assert len(await channels.on_thread(channels.general)) == 4


async def test_the_bots_own_role_addresses_it_too(channels: Community) -> None:
    role = channels.sandbox.guild.bot_role
    await channels.ada.say(channels.general, f"<@&{role.id}> one")
    assert answer(await channels.finished(channels.general)) == "one"


async def test_the_address_of_a_file_that_has_expired_is_asked_for_anew(
    channels: Community,
) -> None:
    gate = channels.model.stall()
    await channels.ask("one")
    await channels.model.until_request()
    await channels.ada.say(
        channels.general, "two", mention_bot=True, attachments=[("a.txt", b"inside")]
    )
    await channels.waiting(["two"])
    before = len(channels.sandbox.requests)
    channels.clock.later = 13 * 3_600.0
    gate.open()
    await channels.finished(channels.general, 2)
    asked = [(r.method, r.route) for r in list(channels.sandbox.requests)[before:]]
    assert ("GET", "/channels/{channel_id}/messages/{message_id}") in asked
    assert "[file a.txt, 6 bytes]\n```txt\ninside\n```" in channels.model.requests[1].question


async def test_who_is_named_in_a_question_is_named_to_the_model(channels: Community) -> None:
    await channels.ask(f"what does {channels.ben.mention} like?")
    await channels.finished(channels.general)
    assert channels.model.requests[0].question == "what does @Ben like?"


async def test_a_conversation_that_outgrew_the_model_still_knows_how_it_began(
    threads: Community,
) -> None:
    def notes_or_echo(asked: Asked) -> str:
        is_for_notes = "You keep the notes" in str(asked.messages[0]["content"])
        return "Ada grows tulips." if is_for_notes else "Fine."

    threads.model.otherwise = notes_or_echo
    thread = await threads.thread_of(await threads.ask("I grow tulips. " + "And so on. " * 100))
    for number in range(2, 6):
        await threads.finished(thread, number - 1)
        await threads.ada.say(thread, "And so on. " * 150)
    await threads.finished(thread, 5)
    before = len(threads.model.requests)
    threads.model.fail(400, message="The maximum context length is 2000 tokens.")
    await threads.ada.say(thread, "What do I grow?")
    reply = await threads.finished(thread, 6)
    assert answer(reply) == "Fine."
    (_, notes, *_, answered) = threads.model.requests[before:]
    assert "I grow tulips." in notes.question
    assert "Ada grows tulips." in str(answered.messages)
    assert "I grow tulips." not in str(answered.messages[1:])
    (run, *_) = await threads.runs_on(thread)
    assert run.usage is not None
    assert f"{run.usage.total_tokens:,} tokens" in reply.content


async def test_the_bot_asks_for_no_summaries_where_the_operator_switched_them_off(
    asleep: Community,
) -> None:
    asleep.settings = msgspec.structs.replace(asleep.settings, summarize_history=False)
    await asleep.start_engine()
    await asleep.start_bot()
    thread = await asleep.thread_of(await asleep.ask("hi"))
    await asleep.finished(thread)
    (run,) = await asleep.runs_on(thread)
    assert (run.metadata or {}).keys() == {"turn", "attempt"}
