"""Discord away for longer than it remembers: what was sent is looked for, a wish is done."""

import asyncio
import logging
from pathlib import Path

import discord
import pytest

from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.sandbox.errors import RateLimited
from bot.sandbox.faults import RequestFault
from tests.scenarios.community import Community, answer, community, is_final, labels
from tests.support import model_turns as turns
from tests.support.eventually import PATIENCE, eventually
from tests.support.model_answers import Asked

EDIT = "/channels/{channel_id}/messages/{message_id}"
SEND = "/channels/{channel_id}/messages"
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
ORIGINAL = "/webhooks/{application_id}/{interaction_token}/messages/{message_id}"
COMMANDS = "/applications/{application_id}/commands"
OPEN_THREAD = "/channels/{channel_id}/messages/{message_id}/threads"
FORGOTTEN = 3_600.0
"""Seconds after which Discord knows no nonce of before."""


@pytest.fixture
def minutes(channels: Community) -> None:
    """Let so much time pass for the bot that each of its tries is minutes after the one before."""
    channels.clock.monotonic_speed = 1_000


@pytest.mark.usefixtures("minutes")
async def test_a_placeholder_from_before_an_outage_is_found_and_not_sent_again(
    channels: Community,
) -> None:
    channels.sandbox.faults.drop_next("POST", SEND, after_effect=True)
    await channels.ask("one")
    await channels.reply(channels.general)
    channels.sandbox.advance(FORGOTTEN)
    await channels.ended_turns(1)
    (reply,) = channels.replies(channels.general)
    assert answer(reply) == "one"
    assert is_final(reply)


@pytest.mark.usefixtures("minutes")
async def test_an_answer_sent_anew_before_an_outage_is_found_and_not_sent_again(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("All the same.", first=gate)
    await channels.ask("one")
    await channels.reply(channels.general)
    await channels.model.until_request()
    # A message that accepts no more edits is replaced by a new one.
    channels.sandbox.faults.fail_next("PATCH", EDIT, status=429, code=30046, retry_after=0.001)
    channels.sandbox.faults.drop_next("POST", SEND, after_effect=True)
    gate.open()
    await channels.until(lambda: channels.replies(channels.general))
    channels.sandbox.advance(FORGOTTEN)
    await channels.ended_turns(1)
    (reply,) = channels.replies(channels.general)
    assert answer(reply) == "All the same."


@pytest.mark.usefixtures("minutes")
async def test_a_last_part_with_retry_from_before_an_outage_is_found_and_not_sent_again(
    channels: Community,
) -> None:
    said = "word " * 398

    def breaks_off(_: Asked) -> turns.Turn:
        channels.sandbox.faults.drop_next("POST", SEND, after_effect=True)
        return turns.error_mid_stream(said, "broken")

    channels.model.then(breaks_off)
    await channels.ask("one")
    await channels.reply(channels.general, 2)
    channels.sandbox.advance(FORGOTTEN)
    await channels.ended_turns(1)
    first, second = channels.replies(channels.general)
    assert first.content == said.strip()
    assert second.content == sentences.failure("model_failed")
    assert labels(second) == ["Retry"]


async def test_a_part_that_grew_before_an_outage_is_found_and_not_sent_again(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    tokens = ["alpha " * 300 + "\n\n", "beta " * 100, "beta " * 100, "beta"]
    channels.model.say("".join(tokens), tokens=tokens, gate=gate)
    await channels.ask("one")
    await channels.reply(channels.general)
    channels.sandbox.faults.drop_next("POST", SEND, after_effect=True)
    gate.let(2)
    await channels.reply(channels.general, 2)
    channels.sandbox.advance(FORGOTTEN)
    gate.let(1)
    await channels.until(
        lambda: any(m.content.count("beta") > 150 for m in channels.replies(channels.general))
    )
    gate.open()
    await channels.ended_turns(1)
    first, second = channels.replies(channels.general)
    assert set(first.content.split()) == {"alpha"}
    assert answer(second).split() == ["beta"] * 201


async def test_a_part_whose_sending_was_not_answered_before_the_end_says_all_of_it(
    channels: Community,
) -> None:
    await channels.restart_bot(progress_grace=0.05)
    gate = channels.model.gate()
    tokens = ["alpha " * 300 + "\n\n", "beta " * 100, "beta " * 100, "beta"]
    channels.model.say("".join(tokens), tokens=tokens, gate=gate)
    await channels.ask("one")
    await channels.reply(channels.general)
    sending = channels.sandbox.faults.hold_requests("POST", SEND, after_effect=True)
    gate.let(2)
    await channels.reply(channels.general, 2)
    gate.open()
    await channels.ended_turns(1)
    first, second = channels.replies(channels.general)
    assert set(first.content.split()) == {"alpha"}
    assert answer(second).split() == ["beta"] * 201
    sending.release()


async def test_a_reply_shows_all_text_after_an_outage_though_the_model_pauses(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("a b c", gate=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    failing = channels.sandbox.faults.fail_next("PATCH", EDIT, status=503, times=2)
    gate.let(1)
    await channels.until(lambda: reply.content == "a")
    assert failing.hits == 2
    gate.open()


async def test_a_reply_that_may_not_be_edited_is_not_tried_with_every_word(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("a b c d", gate=gate)
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.model.until_request()
    refused = channels.sandbox.faults.fail_next("PATCH", EDIT, status=403, code=50001)
    gate.let(1)
    await channels.until(lambda: refused.hits == 1)
    # As long as it takes a reply elsewhere to grow twice, this one is left alone.
    other = channels.model.gate()
    channels.model.say("1 2 3", gate=other)
    elsewhere = channels.sandbox.guild.add_text_channel("elsewhere")
    await channels.ask("two", channel=elsewhere)
    growing = await channels.reply(elsewhere)
    await channels.model.until_request(2)
    for said in ("1", "1 2"):
        gate.let(1)
        other.let(1)
        await channels.until(lambda said=said: growing.content == said)
    assert reply.content == localized("thinking")
    gate.open()
    other.open()
    await channels.ended_turns(2)
    assert answer(reply) == "a b c d"


async def test_a_cancelled_request_in_a_global_limit_does_not_block_the_others(
    channels: Community,
) -> None:
    limit = RequestFault("POST", SEND, RateLimited(0.5, scope="global"), 1)
    channels.sandbox.faults.requests.append(limit)
    home = channels.bot.get_partial_messageable(channels.general.id)
    given_up = asyncio.create_task(home.send("never"))
    # discord.py tells nobody else that it waits for the global limit to be over.
    await eventually(lambda: not channels.bot.http._global_over.is_set())  # noqa: SLF001 - discord.py tells this nowhere else
    async with asyncio.timeout(PATIENCE):
        given_up.cancel()
        await home.send("at last")
    assert [m.content for m in channels.replies(channels.general)] == ["at last"]


async def test_a_cancel_whose_acknowledgement_was_cut_off_cancels(channels: Community) -> None:
    channels.model.stall("Begun")
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.in_state(1, "running")
    channels.sandbox.faults.drop_next("POST", CALLBACK, after_effect=True)
    await channels.ada.click(reply, "Cancel")
    (turn,) = await channels.ended_turns(1)
    assert turn.state == "cancelled"


async def test_a_retry_that_discord_does_not_acknowledge_is_made(channels: Community) -> None:
    channels.model.fail(400)
    await channels.ask("one")
    reply = await channels.finished(channels.general)
    await channels.ended_turns(1)
    channels.sandbox.faults.fail_next("POST", CALLBACK, status=404, code=10062, times=None)
    await channels.ada.click(reply, "Retry", wait=False)
    await channels.until(lambda: is_final(reply) and answer(reply) == "one")


async def test_the_answer_to_a_command_arrives_when_discord_is_back(channels: Community) -> None:
    lost = channels.sandbox.faults.drop_next("PATCH", ORIGINAL, times=2)
    interaction = await channels.ada.command(channels.general, "runs list", wait=False)
    await channels.until(
        lambda: interaction.original and interaction.original.content == localized("no-runs")
    )
    assert lost.hits == 2


async def test_commands_refused_at_the_start_are_registered_later(
    tmp_path: Path,
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        await whole.start_engine()
        whole.sandbox.faults.drop_next("PUT", COMMANDS, times=2)
        await whole.start_bot()
        interaction = await whole.ada.command(whole.general, "runs list")
        assert interaction.original is not None


async def test_a_channel_thread_is_used_as_soon_as_its_link_can_be_stored(
    threads: Community,
) -> None:
    database = await threads.trouble_ledger()
    opening = threads.sandbox.faults.hold_requests("POST", OPEN_THREAD, after_effect=True)
    question = await threads.ask("one")
    await threads.befallen(opening)
    database.failing_writes = 1
    opening.release()
    thread = await threads.thread_of(question)
    assert answer(await threads.finished(thread)) == "one"


async def test_started_while_nothing_of_discord_answers_it_says_so_and_comes_on_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "bot.chat")
    async with community(tmp_path, "channel", start=False) as whole:
        await whole.start_engine()
        await whole.sandbox.stop()
        starting = asyncio.create_task(whole.start_bot())
        await eventually(lambda: "can't be reached" in caplog.text)
        await whole.sandbox.start()
        await starting
        await whole.ask("one")
        assert answer(await whole.finished(whole.general)) == "one"


async def test_a_revoked_token_ends_the_bot_at_the_first_refusal(
    channels: Community,
) -> None:
    channels.sandbox.troubles.token_revoked = True
    await channels.ask("one")
    with pytest.raises(discord.ConnectionClosed) as caught:
        await channels.stopped_by_itself()
    assert caught.value.code == 4004


async def test_questions_of_before_an_outage_are_answered_after_it_in_their_order(
    channels: Community,
) -> None:
    gate = channels.model.gate()
    channels.model.say("First.", first=gate)
    await channels.ask("one")
    await channels.in_state(1, "running")
    await channels.ask("two")
    await channels.ask("three")
    await channels.waiting(["two", "three"])
    channels.sandbox.troubles.outage(1e9)
    # The model ends while Discord is away.
    gate.open()
    await channels.in_state(1, "closing")
    channels.sandbox.troubles.clear()
    await channels.settled(3)
    said = [answer(reply) for reply in channels.replies(channels.general)]
    assert said[0] == "First."
    assert len(said) == 2
    asked = [text for role, text in await channels.on_thread(channels.general) if role == "user"]
    assert asked == ["one", "two", "three"]
