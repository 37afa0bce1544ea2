"""``/ask`` in a server: answered in the command's own response, for everybody or for one alone."""

import asyncio
from typing import Any

import pytest

from bot.chat.texts.fluent import Language, localized, using
from bot.config.limits import LimitSettings
from bot.sandbox import Channel, DiscordMessage, Interaction, Person
from bot.store.ledger import Turn
from tests.scenarios.commands.test_assistants import made, told
from tests.scenarios.community import (
    UNDER_AN_ANSWER,
    Community,
    answer,
    community,
    is_final,
    labels,
)
from tests.support.eventually import eventually


async def asked(
    whole: Community,
    question: str = "one",
    who: Person | None = None,
    channel: Channel | None = None,
    **values: Any,
) -> Interaction:
    """Ask by ``/ask``; Ada asks in general by default."""
    person, place = who or whole.ada, channel or whole.general
    return await person.command(place, "ask", question=question, **values)


async def finished(whole: Community, interaction: Interaction) -> DiscordMessage:
    """Wait until the response of an interaction will not change any more; return it."""

    def is_finished() -> bool:
        shown = interaction.original
        return shown is not None and not shown.loading and is_final(shown)

    await whole.until(is_finished)
    assert interaction.original is not None
    return interaction.original


async def shown_answer(whole: Community, interaction: Interaction) -> str:
    """Wait until the response of an interaction is finished; return the answer."""
    return answer(await finished(whole, interaction))


async def turn_of(whole: Community, number: int) -> Turn:
    turn = await whole.ledger.history.turn(number)
    assert turn is not None
    return turn


async def test_a_question_by_command_is_answered_in_its_own_response(channels: Community) -> None:
    gate = channels.model.stall("Because ", then="it is.")
    interaction = await asked(channels, "why?")
    await channels.until(
        lambda: interaction.original is not None and "Because" in interaction.original.content
    )
    shown = interaction.original
    assert shown is not None
    assert labels(shown) == ["Cancel"]
    gate.open()
    assert await shown_answer(channels, interaction) == "Because it is."
    assert interaction.original is shown
    assert not shown.ephemeral
    assert labels(shown) == UNDER_AN_ANSWER
    assert channels.replies(channels.general) == []
    await channels.settled(1)


async def test_each_person_has_a_conversation_of_their_own_in_each_place(
    channels: Community,
) -> None:
    room = channels.sandbox.guild.add_text_channel("room")
    await eventually(lambda: channels.bot.get_channel(room.id))
    where = [
        (channels.ada, channels.general, False),
        (channels.ben, channels.general, False),
        (channels.ada, room, False),
        (channels.ada, channels.general, True),
    ]
    for round_ in ("first", "second"):
        for number, (who, place, private) in enumerate(where):
            question = f"{round_} {number}"
            interaction = await asked(channels, question, who, place, private=private)
            assert await shown_answer(channels, interaction) == question
    await channels.settled(8)
    turns = [await turn_of(channels, number) for number in range(1, 9)]
    assert len({turn.thread_id for turn in turns}) == 4
    assert [turn.thread_id for turn in turns[:4]] == [turn.thread_id for turn in turns[4:]]
    # A mention in the channel belongs to the channel's conversation.
    await channels.ask("third")
    await channels.finished(channels.general)
    assert await channels.thread_id(channels.general) not in {turn.thread_id for turn in turns}


async def test_questions_of_one_person_are_answered_one_after_the_other_each_in_its_response(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="first")
    first = await asked(channels, "one")
    await channels.model.until_request()
    others = [await asked(channels, text) for text in ("two", "three")]
    assert all(other.acknowledged for other in others)
    gate.open()
    assert await shown_answer(channels, first) == "first"
    assert [await shown_answer(channels, each) for each in others] == ["two", "three"]


async def test_a_private_answer_is_for_its_asker_alone(channels: Community) -> None:
    channels.model.say("For you.\n" + "x" * 2_500)
    interaction = await asked(channels, "secret", private=True)
    await finished(channels, interaction)
    await channels.settled(1)
    assert len(interaction.responses) == 2
    assert all(message.ephemeral for message in interaction.responses)
    assert channels.general.messages == []
    last = interaction.responses[-1]
    assert labels(last) == UNDER_AN_ANSWER
    # Nobody else finds the run, not even a moderator.
    assert "secret" in await told(channels, channels.ada, channels.general, "runs list")
    for who in (channels.ben, channels.admin):
        assert "secret" not in await told(channels, who, channels.general, "runs list")
        assert "secret" not in await told(channels, who, channels.general, "runs show", run="1")


async def test_a_public_answer_is_listed_for_its_asker_and_for_moderators_who_can_read_it(
    channels: Community,
) -> None:
    await finished(channels, await asked(channels, "hello"))
    await channels.settled(1)
    for who, sees in ((channels.ada, True), (channels.ben, False), (channels.admin, True)):
        assert ("hello" in await told(channels, who, channels.general, "runs list")) is sees


async def test_a_long_answer_goes_on_in_follow_up_messages(channels: Community) -> None:
    words = "\n".join(f"line {number} " + "y" * 60 for number in range(75))
    channels.model.say(words)
    interaction = await asked(channels)
    await finished(channels, interaction)
    await channels.settled(1)
    shown = "\n".join(message.content for message in interaction.responses)
    assert all(f"line {number} " in shown for number in range(75))
    assert len(interaction.responses) == 3


async def test_the_buttons_under_such_an_answer_work(channels: Community) -> None:
    channels.model.say("Half of", finish="length")
    interaction = await asked(channels, private=True)
    shown = await finished(channels, interaction)
    await channels.ended_turns(1)
    assert "Continue" in labels(shown)
    steps = await channels.ada.click(shown, "Show steps")
    await channels.until(lambda: steps.done)
    await channels.until(lambda: steps.original is not None and steps.original.content)
    channels.model.say("the answer.")
    going_on = await channels.ada.click(shown, "Continue")
    assert await shown_answer(channels, going_on) == "the answer."
    assert going_on.original is not shown
    assert going_on.ephemeral
    await channels.ended_turns(2)
    again = await channels.ada.click(await finished(channels, going_on), "Answer again")
    assert await shown_answer(channels, again) == localized("continue-question")
    assert again.ephemeral
    turn = await channels.in_state(2, "answered")
    assert turn.attempt == 2
    assert turn.parts == (again.original.id if again.original else 0,)
    # The buttons of the answer before are out of date, and say so.
    late = await channels.ada.click(shown, "Continue")
    await channels.until(lambda: late.done)
    assert late.original is not None
    assert late.original.content == localized("too-late-to-continue")


async def test_cancel_and_retry_work_under_such_an_answer(channels: Community) -> None:
    gate = channels.model.stall("so far ", then="never seen")
    interaction = await asked(channels)
    await channels.until(
        lambda: interaction.original is not None and "so far" in interaction.original.content
    )
    assert interaction.original is not None
    await channels.ada.click(interaction.original, "Cancel")
    shown = await finished(channels, interaction)
    assert answer(shown) == "so far"
    gate.open()
    channels.model.fail(400)
    failed = await asked(channels, "two")
    message = await finished(channels, failed)
    await channels.ended_turns(2)
    assert labels(message) == ["Retry"]
    listed = await told(channels, channels.ada, channels.general, "runs retry", run="2")
    assert listed == localized("retry-by-button")
    retried = await channels.ada.click(message, "Retry")
    assert await shown_answer(channels, retried) == "two"


async def test_a_file_is_read_like_an_attachment(channels: Community) -> None:
    interaction = await asked(channels, "what is in it?", file=("notes.txt", b"the moon is red"))
    await finished(channels, interaction)
    await channels.settled(1)
    assert "the moon is red" in str(channels.model.requests[-1])


async def test_the_named_assistant_answers_this_question_alone(channels: Community) -> None:
    await made(channels, "Pirate", instructions="Talk like a pirate.")
    offered = await channels.ada.autocomplete(
        channels.general, "ask", focused="assistant", others={"question": "x"}
    )
    assert [choice["name"] for choice in offered] == ["Pirate"]
    interaction = await asked(channels, "one", assistant=offered[0]["value"])
    await finished(channels, interaction)
    assert "Talk like a pirate." in str(channels.model.requests[-1])
    await finished(channels, await asked(channels, "two"))
    assert "Talk like a pirate." not in str(channels.model.requests[-1])


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_what_is_no_question_is_refused_privately_and_nothing_is_lost(
    channels: Community, language: Language
) -> None:
    channels.ada.user.locale = language
    empty = await asked(channels, "   ")
    unknown = await asked(channels, "keep my words", assistant="Nobody")
    await channels.until(lambda: empty.done and unknown.done)
    assert empty.ephemeral
    assert unknown.ephemeral
    with using(language):
        assert empty.original is not None
        assert empty.original.content == localized("ask-empty")
        assert unknown.original is not None
        assert localized("no-such-assistant", name="Nobody") in unknown.original.content
    assert "keep my words" in unknown.original.content
    assert await channels.ledger.history.turn(1) is None


async def test_a_private_answer_is_in_the_members_language_and_a_public_one_in_the_servers(
    channels: Community,
) -> None:
    channels.ada.user.locale = "ja"
    channels.model.fail(400)
    channels.model.fail(400)
    public, private = await asked(channels), await asked(channels, private=True)
    await finished(channels, public)
    await finished(channels, private)
    assert public.original is not None
    assert labels(public.original) == ["Retry"]
    assert private.original is not None
    assert labels(private.original) == ["再試行"]


async def test_a_ledger_that_fails_loses_no_words(channels: Community) -> None:
    database = await channels.trouble_ledger()
    database.failing_writes = 1_000
    interaction = await asked(channels, "keep my words")
    await channels.until(lambda: interaction.done)
    database.failing_writes = 0
    assert interaction.ephemeral
    assert interaction.original is not None
    assert localized("not-saved") in interaction.original.content
    assert "keep my words" in interaction.original.content


async def test_where_nobody_shall_be_answered_only_the_asker_sees_the_answer(
    channels: Community,
) -> None:
    await told(channels, channels.admin, channels.general, "channel set", answer="never")
    interaction = await asked(channels)
    assert await shown_answer(channels, interaction) == "one"
    assert interaction.ephemeral


async def test_a_question_by_command_counts_and_can_be_forgotten(tmp_path: Any) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.spending = LimitSettings(questions_per_minute=1, burst=2)
        await whole.start_engine()
        await whole.start_bot()
        await finished(whole, await asked(whole, "one"))
        await finished(whole, await asked(whole, "two", private=True))
        await whole.settled(2)
        refused = await asked(whole, "three")
        await whole.until(lambda: refused.done)
        assert refused.ephemeral
        stored = await whole.ledger.forgetting.stored_of(whole.ada.id)
        assert [question.content for question in stored.questions] == ["one", "two"]
        assert {turn.channel_id for turn in stored.turns} == {whole.general.id}
        thread_id = (await turn_of(whole, 1)).thread_id or ""
        await whole.ada.command(whole.general, "privacy forget")
        interaction = whole.sandbox.backend.interactions.newest()
        assert interaction is not None
        message = await finished(whole, interaction)
        await whole.ada.click(message, custom_id="privacy:forget")

        async def is_gone() -> bool:
            stored = await whole.ledger.forgetting.stored_of(whole.ada.id)
            return not stored.questions and (await turn_of(whole, 1)).thread_id == thread_id

        await eventually(is_gone)
        turn = await turn_of(whole, 1)
        assert turn.personal is not None
        assert turn.personal.owner_id == 0


async def test_a_deleted_response_ends_the_answer(channels: Community) -> None:
    gate = channels.model.stall("so far ", then="never seen")
    interaction = await asked(channels)
    await channels.until(
        lambda: interaction.original is not None and "so far" in interaction.original.content
    )
    assert interaction.original is not None
    await channels.admin.delete(interaction.original)
    await channels.in_state(1, "withdrawn")
    gate.open()


async def test_a_stopped_bot_watches_no_token_any_more(channels: Community) -> None:
    channels.model.stall("so far ")
    interaction = await asked(channels)
    await channels.until(
        lambda: interaction.original is not None and "so far" in interaction.original.content
    )
    await channels.stop_bot()
    assert [task for task in asyncio.all_tasks() if "ResponseDeadline" in str(task)] == []


async def test_thread_new_begins_a_new_conversation_by_command_too(channels: Community) -> None:
    await finished(channels, await asked(channels, "one"))
    text = await told(channels, channels.ada, channels.general, "thread new")
    assert text == f"{localized('conversation-yours')}\n{localized('conversation-new')}"
    await finished(channels, await asked(channels, "two"))
    await channels.settled(2)
    first, second = await turn_of(channels, 1), await turn_of(channels, 2)
    assert first.thread_id != second.thread_id
