"""More than can be done at once: queues are bounded, guilds take turns, and the wait is told."""

from bot.chat.intake.listener import MOST_WAITING
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.sandbox import Person
from tests.scenarios.community import Community, answer, is_final
from tests.support import model_turns as turns
from tests.support.eventually import eventually


async def test_more_questions_than_may_wait_are_refused_in_words(
    channels: Community,
) -> None:
    await channels.restart_bot(most_waiting=2)
    home = await channels.ada.open_dm()
    gate = channels.model.stall(then="Now.")
    await channels.ada.say(home, "one")
    await channels.in_state(1, "running")
    for text in ("two", "three"):
        await channels.ada.say(home, text)
    await channels.waiting(["two", "three"], home)
    refused = [(await channels.ada.say(home, text)).id for text in ("four", "five")]
    refusal = localized("queue-full", most=2)
    await channels.until(lambda: refusal in [reply.content for reply in channels.replies(home)])
    await eventually(
        lambda: channels.ledger.questions.known(refused), lambda known: len(known) == 2
    )
    gate.open()
    await channels.settled(3)
    # Nor are they answered after a start that reads what was said.
    await channels.stop_bot()
    await channels.start_bot()
    await channels.ada.say(home, "six")
    await channels.settled(4)
    asked = [text for role, text in await channels.on_thread(home) if role == "user"]
    assert asked == ["one", "two", "three", "six"]
    assert [reply.content for reply in channels.replies(home)].count(refusal) == 1


async def test_a_waiting_reply_shows_its_place_and_can_be_cancelled(
    channels: Community,
) -> None:
    await channels.restart_bot(concurrent_runs=1)
    gate = channels.model.stall(then="First.")
    rooms = [channels.sandbox.guild.add_text_channel(f"room-{n}") for n in range(3)]
    await channels.ask("q0", channel=rooms[0])
    await channels.model.until_request()
    await channels.ask("q1", channel=rooms[1])
    second = await channels.reply(rooms[1])
    await channels.until(lambda: second.content == sentences.ahead(1))
    await channels.ask("q2", channel=rooms[2])
    third = await channels.reply(rooms[2])
    await channels.until(lambda: third.content == sentences.ahead(2))
    await channels.ada.click(second, "Cancel")
    await channels.until(lambda: is_final(second))
    assert "Cancelled" in second.content
    gate.open()
    await channels.settled(3)
    assert answer(channels.replies(rooms[0])[0]) == "First."
    assert answer(third) == "q2"
    assert len(channels.model.requests) == 2


async def test_a_resumed_run_holds_a_slot_among_all_runs(
    channels: Community,
) -> None:
    gate = channels.model.stall("Begun", then=" and done.")
    await channels.ask("one")
    await channels.in_state(1, "running")
    await channels.restart_bot(concurrent_runs=1)
    await eventually(
        lambda: listed_runs(channels, channels.admin),
        lambda listed: localized("health", answering=1, waiting=0) in listed,
    )
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "two")
    second = await channels.reply(home)
    await channels.until(lambda: second.content == sentences.ahead(1))
    gate.open()
    await channels.settled(2)
    assert answer(channels.replies(channels.general)[0]) == "Begun and done."
    assert answer(second) == "two"


async def listed_runs(whole: Community, who: Person) -> str:
    """What ``/runs list`` shows somebody."""
    interaction = await who.command(whole.general, "runs list")
    await whole.until(lambda: interaction.original and interaction.original.content)
    assert interaction.original is not None
    return interaction.original.content


async def test_moderators_see_how_busy_the_bot_is(channels: Community) -> None:
    await channels.ask("one")
    await channels.settled(1)
    idle = localized("health", answering=0, waiting=0)
    # A turn gives its slot back after the ledger has stored its end.
    await eventually(lambda: listed_runs(channels, channels.admin), lambda listed: idle in listed)
    assert idle not in await listed_runs(channels, channels.ben)


async def test_a_channel_of_a_quiet_guild_gets_a_worker_beyond_the_limit(
    channels: Community,
) -> None:
    await channels.restart_bot(most_workers=2, guaranteed_per_guild=1)
    gate = channels.model.gate()
    channels.model.otherwise = lambda asked: (
        asked.question if asked.question == "alone" else turns.say(asked.question, first=gate)
    )
    rooms = [channels.sandbox.guild.add_text_channel(f"room-{n}") for n in range(4)]
    for number, room in enumerate(rooms):
        await channels.ask(f"q{number}", channel=room)
    await channels.model.until_request(2)
    home = await channels.ada.open_dm()
    await channels.ada.say(home, "alone")
    assert answer(await channels.finished(home)) == "alone"
    gate.open()
    await channels.settled(5)
    assert [answer(channels.replies(room)[0]) for room in rooms] == ["q0", "q1", "q2", "q3"]


async def test_a_flood_in_one_channel_is_answered_in_two_turns_or_refused_in_one_sentence(
    channels: Community,
) -> None:
    home = await channels.ada.open_dm()
    gate = channels.model.stall(then="First.")
    await channels.ada.say(home, "q0")
    await channels.in_state(1, "running")
    asked = [await channels.ada.say(home, f"q{n} {'x' * 1_990}"[:2_000]) for n in range(1, 501)]
    ids = [message.id for message in asked]
    await eventually(
        lambda: channels.ledger.questions.known(ids), lambda known: len(known) == len(ids)
    )
    waiting = await channels.ledger.questions.waiting(home.id)
    assert [question.id for question in waiting] == ids[:MOST_WAITING]
    # Also what summarizes the long conversation.
    channels.model.otherwise = lambda asked: turns.say("Second.")
    gate.open()
    await channels.settled(1 + MOST_WAITING)
    refusal = localized("queue-full", most=MOST_WAITING)
    said = [answer(reply) for reply in channels.replies(home)]
    assert sorted(said) == sorted(["First.", refusal, "Second."])
    first_page = await channels.on_thread(home)
    assert [text.split()[0] for role, text in first_page if role == "user"] == [
        f"q{n}" for n in range(len(first_page) - 1)
    ]
