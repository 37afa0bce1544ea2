"""What Discord refuses at the door, and a token that is taken away later."""

from pathlib import Path

import discord
import pytest

from bot.chat.transport.login import LoginError, login_errors
from bot.store.ledger import Ledger
from tests.scenarios.community import Community, answer, community


async def test_a_token_that_discord_refuses_is_told_as_such(tmp_path: Path) -> None:
    async with community(tmp_path, start=False) as whole:
        whole.sandbox.troubles.revoke_token()
        await whole.start_engine()
        with pytest.raises(discord.LoginFailure):
            await whole.start_bot()


async def test_a_missing_intent_is_named_to_the_operator(tmp_path: Path) -> None:
    async with community(tmp_path, start=False) as whole:
        whole.sandbox.privileged_intents.discard("message_content")
        await whole.start_engine()
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await whole.start_bot()


async def test_a_token_revoked_in_the_middle_of_an_answer_leaves_it_to_the_next_start(
    channels: Community,
) -> None:
    gate = channels.model.stall(then="After all.")
    await channels.ask("one")
    reply = await channels.reply(channels.general)
    await channels.in_state(1, "running")
    channels.sandbox.troubles.revoke_token()
    with pytest.raises(discord.ConnectionClosed) as caught:
        await channels.stopped_by_itself()
    assert caught.value.code == 4004
    book = await Ledger.open(channels.directory / "bot.db", channels.clock.now)
    turn = await book.history.turn(1)
    await book.close()
    assert turn is not None
    assert turn.open
    gate.open()
    channels.sandbox.troubles.clear()
    await channels.start_bot()
    await channels.until(lambda: reply.content.startswith("After all."))


async def test_a_delayed_ready_after_the_stop_is_ignored(
    channels: Community,
) -> None:
    await channels.stop_bot()
    channels.bot.dispatch("ready")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (4004, "DISCORD_TOKEN"),
        (4011, "in more servers"),
        (4013, "4013"),
        (4014, "Message Content intent"),
    ],
)
async def test_a_connection_ended_by_discord_tells_the_operator_what_to_do(
    channels: Community, code: int, told: str
) -> None:
    channels.sandbox.troubles.close_socket(code)
    with (
        pytest.raises(LoginError, match=told) as caught,
        login_errors(channels.settings.api_url),
    ):
        await channels.stopped_by_itself()
    assert channels.sandbox.token not in str(caught.value)


@pytest.mark.parametrize(("status", "times"), [(429, 6), (503, 2)])
async def test_a_bot_started_in_an_outage_connects_after_it(
    tmp_path: Path, status: int, times: int
) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        await whole.start_engine()
        out = whole.sandbox.faults.fail_next(
            "GET", "*", status=status, retry_after=0.001, times=times
        )
        await whole.start_bot()
        assert out.hits == times
        await whole.ask("one")
        assert answer(await whole.finished(whole.general)) == "one"
