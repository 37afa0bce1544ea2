"""Installed to a person's own account: questions in foreign servers, DMs and groups."""

from pathlib import Path

import pytest

from bot.chat.internal_limits import ChatLimits
from bot.chat.reply.delivery.response_deadline import TELL_SECONDS
from bot.chat.texts.fluent import Language, localized, using
from bot.config import AccessSettings
from bot.sandbox import Channel, Interaction, NotPossible, Permission
from tests.scenarios.access.test_access import refused
from tests.scenarios.commands.test_ask import asked, finished, shown_answer, turn_of
from tests.scenarios.commands.test_assistants import made, told
from tests.scenarios.community import UNDER_AN_ANSWER, Community, community, labels

_MARGIN = 20.0
"""The seconds before its end in which a token is not used any more."""

_FILE = 13
"""Discord's type of the component that shows a file."""


@pytest.fixture
async def away(channels: Community) -> Channel:
    """A channel of a server without the bot; Ada has installed the bot for herself."""
    channels.ada.install_app()
    return channels.sandbox.add_guild("Elsewhere", with_bot=False).text_channel("general")


async def test_a_person_asks_and_uses_the_menus_where_the_bot_is_not(
    channels: Community, away: Channel
) -> None:
    channels.sandbox.requests.clear()
    interaction = await asked(channels, "one", channel=away)
    assert await shown_answer(channels, interaction) == "one"
    assert not interaction.ephemeral
    assert interaction.original is not None
    assert labels(interaction.original) == UNDER_AN_ANSWER
    said = await channels.ben.say(away, "E = mc²")
    used = await channels.ada.menu(away, "Explain this", said)
    assert "E = mc²" in await shown_answer(channels, used)
    await channels.settled(2)
    first, second = await turn_of(channels, 1), await turn_of(channels, 2)
    assert first.thread_id == second.thread_id
    again = await channels.ada.click(used.original or said, "Answer again")
    await finished(channels, again)
    assert not again.ephemeral
    # The bot asked Discord for no channel: it is in none of that server.
    routes = {each.route for each in channels.sandbox.requests}
    assert not [route for route in routes if route.startswith("/channels/")]


async def test_direct_messages_groups_and_the_bots_own_have_a_conversation_each(
    channels: Community,
) -> None:
    channels.ada.install_app()
    places = [
        await channels.ada.open_dm(channels.ben),
        await channels.ada.open_group(channels.ben, channels.admin, name="Trip"),
        await channels.ada.open_dm(),
    ]
    for number, place in enumerate(places):
        interaction = await asked(channels, f"question {number}", channel=place)
        assert await shown_answer(channels, interaction) == f"question {number}"
    await channels.settled(3)
    turns = [await turn_of(channels, number) for number in (1, 2, 3)]
    assert len({turn.thread_id for turn in turns}) == 3
    # Each of them is listed for Ada in its place, and for nobody else.
    for number, place in enumerate(places):
        assert f"question {number}" in await told(channels, channels.ada, place, "runs list")
    listed = await told(channels, channels.ben, channels.general, "runs list")
    assert "question" not in listed


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_thread_shows_begins_anew_and_deletes_ones_own_conversation_elsewhere(
    channels: Community, away: Channel, language: Language
) -> None:
    ada = channels.ada
    ada.user.locale = language
    await finished(channels, await asked(channels, "at home"))
    home = await ada.open_group(channels.ben, name="Trip")
    channels.sandbox.requests.clear()
    for place in (away, home):
        await finished(channels, await asked(channels, "the secret", channel=place))
    await channels.settled(3)
    before = [(await turn_of(channels, number)).thread_id for number in (2, 3)]
    with using(language):
        yours = localized("conversation-yours")
        for place, thread_id in zip((away, home), before, strict=True):
            assert str(thread_id) in await told(channels, ada, place, "thread info")
            export = await ada.command(place, "thread export")
            await channels.until(lambda used=export: used.original and used.original.files)
            assert export.original is not None
            assert b"the secret" in export.original.files[0].data
            assert export.original.ephemeral
        begun = await told(channels, ada, away, "thread new")
        assert begun == f"{yours}\n{localized('conversation-new')}"
        deleted = await told(channels, ada, home, "thread delete")
        assert deleted == f"{yours}\n{localized('conversation-deleted')}"
        for place in (away, home):
            none = await told(channels, ada, place, "thread info")
            assert none == localized("conversation-none-yours")
            await finished(channels, await asked(channels, "fresh", channel=place))
            assert "the secret" not in str(channels.model.requests[-1].body)
        for path, values in (("rename", {"name": "x"}), ("handover", {})):
            refusal = await told(channels, ada, away, f"thread {path}", **values)
            assert refusal == localized("conversation-elsewhere")
    # The conversation at home stays, and the bot asked Discord for no channel.
    assert (await turn_of(channels, 1)).thread_id
    routes = {each.route for each in channels.sandbox.requests}
    assert not [route for route in routes if route.startswith("/channels/")]


async def test_without_use_external_apps_the_answer_is_for_the_person_alone(
    channels: Community, away: Channel
) -> None:
    assert away.guild is not None
    away.deny(away.guild.everyone, Permission.USE_EXTERNAL_APPS)
    channels.model.say("For you.\n" + "x" * 2_500)
    interaction = await asked(channels, "secret", channel=away)
    await finished(channels, interaction)
    await channels.settled(1)
    assert all(message.ephemeral for message in interaction.responses)
    assert away.messages == []
    turn = await turn_of(channels, 1)
    assert turn.personal is not None
    assert turn.personal.ephemeral


async def test_the_longest_answer_keeps_within_five_follow_up_messages(
    channels: Community, away: Channel
) -> None:
    channels.model.say("\n".join(f"line {number} " + "y" * 80 for number in range(300)))
    interaction = await asked(channels, channel=away)
    await finished(channels, interaction)
    await channels.settled(1)
    assert len(interaction.responses) <= 6
    assert (await turn_of(channels, 1)).state == "answered"
    kinds = [part["type"] for shown in interaction.responses for part in shown.components]
    assert kinds.count(_FILE) == 1


async def test_user_installs_are_off_unless_the_operator_switches_them_on(tmp_path: Path) -> None:
    async with community(tmp_path, "channel", start=False) as whole:
        whole.access = AccessSettings()
        await whole.start_engine()
        await whole.start_bot()
        whole.ada.install_app()
        away = whole.sandbox.add_guild("Elsewhere", with_bot=False).text_channel("general")
        with pytest.raises(NotPossible, match="not installed"):
            await asked(whole, channel=away)
        with pytest.raises(NotPossible, match="not installed"):
            await told(whole, whole.ada, away, "thread info")
        own = await whole.ada.open_dm()
        assert refused(await asked(whole, channel=own), localized("refused-direct_messages"))
        # Commands that Discord still shows from an earlier start are refused as well.
        whole.access = AccessSettings(user_installs=True)
        await whole.stop_bot()
        await whole.start_bot()
        whole.access = AccessSettings()
        await whole.stop_bot()
        whole.sandbox.faults.fail_next("PUT", "/applications/{application_id}/commands", status=400)
        await whole.start_bot()
        used = await asked(whole, channel=away)
        assert refused(used, localized("refused-user_installs"))
        used = await whole.ada.command(away, "thread export")
        assert refused(used, localized("refused-user_installs"))
        assert await whole.ledger.history.turn(1) is None


async def test_an_assistant_of_one_server_is_not_offered_elsewhere(
    channels: Community, away: Channel
) -> None:
    await made(channels, "Pirate", instructions="Talk like a pirate.")
    others = {"question": "x"}
    assert await channels.ada.autocomplete(
        channels.general, "ask", focused="assistant", others=others
    )
    assert await channels.ada.autocomplete(away, "ask", focused="assistant", others=others) == []
    interaction = await asked(channels, "keep my words", channel=away, assistant="Pirate")
    await channels.until(lambda: interaction.done)
    assert interaction.ephemeral
    assert interaction.original is not None
    assert "keep my words" in interaction.original.content


async def test_help_says_how_to_ask_elsewhere(channels: Community, away: Channel) -> None:
    text = await told(channels, channels.ada, away, "help")
    assert localized("help-ask-elsewhere") in text
    assert localized("help-admins") not in text


# The token's 15 minutes


async def restart_with_short_tokens(whole: Community) -> None:
    """Start the bot again, and let tokens end about two seconds after their use."""
    await whole.stop_bot()
    whole.limits = ChatLimits(response_seconds=_MARGIN + TELL_SECONDS + 2.0)
    await whole.start_bot()


def over(whole: Community, interaction: Interaction) -> None:
    """End the interaction's 15 minutes, for the bot and for Discord."""
    whole.clock.later += 900.0
    whole.sandbox.backend.interactions.expire(interaction)


async def test_an_answer_that_takes_too_long_elsewhere_says_so_and_is_kept(
    channels: Community, away: Channel
) -> None:
    await restart_with_short_tokens(channels)
    gate = channels.model.stall("so far ", then="and to the end.")
    interaction = await asked(channels, "one", channel=away)
    note = localized("answer-too-late", number="1")
    await channels.until(
        lambda: interaction.original is not None and note in interaction.original.content
    )
    assert interaction.original is not None
    assert labels(interaction.original) == []
    over(channels, interaction)
    gate.open()
    await channels.in_state(1, "answered")
    assert "and to the end" not in interaction.original.content
    shown = await channels.ada.command(away, "runs show", run="1")
    await finished(channels, shown)
    assert shown.original is not None
    (file,) = shown.original.attachments
    assert file.filename == "answer.md"
    assert file.data == b"so far and to the end."
    # The conversation goes on with it.
    channels.clock.later -= 900.0
    await finished(channels, await asked(channels, "and?", channel=away))
    assert "and to the end." in str(channels.model.requests[-1])


async def test_an_answer_that_takes_too_long_in_a_server_goes_on_in_the_same_message(
    channels: Community,
) -> None:
    await restart_with_short_tokens(channels)
    gate = channels.model.stall("so far ", then="and to the end.")
    interaction = await asked(channels)
    note = localized("answer-goes-on")
    await channels.until(
        lambda: interaction.original is not None and note in interaction.original.content
    )
    over(channels, interaction)
    gate.open()
    assert await shown_answer(channels, interaction) == "so far and to the end."
    await channels.settled(1)
    assert channels.general.messages == [interaction.original]


async def test_a_token_that_discord_ended_early_is_noticed(channels: Community) -> None:
    gate = channels.model.stall("so far ", then="and to the end.")
    public = await asked(channels)
    await channels.until(
        lambda: public.original is not None and "so far" in public.original.content
    )
    channels.sandbox.backend.interactions.expire(public)
    gate.open()
    assert await shown_answer(channels, public) == "so far and to the end."
    gate = channels.model.stall("so far ", then="and to the end.")
    private = await asked(channels, private=True)
    await channels.until(
        lambda: private.original is not None and "so far" in private.original.content
    )
    channels.sandbox.backend.interactions.expire(private)
    gate.open()
    turn = await channels.in_state(2, "failed")
    assert turn.error == "undeliverable"
    # Ada hears of it, and nobody else.
    home = await channels.ada.open_dm()
    assert (await channels.reply(home)).content == localized("answer-undelivered", number="2")
    assert channels.general.messages == [public.original]


async def test_a_response_that_discord_refuses_ends_the_turn_with_words_to_the_asker(
    channels: Community,
) -> None:
    route = "/webhooks/{application_id}/{interaction_token}/messages/{message_id}"
    channels.sandbox.faults.fail_next("PATCH", route, status=403, code=50013, times=1_000)
    channels.sandbox.faults.fail_next(
        "POST", "/webhooks/{application_id}/{interaction_token}", status=403, times=1_000
    )
    interaction = await asked(channels)
    turn = await channels.in_state(1, "failed")
    assert turn.error == "undeliverable"
    home = await channels.ada.open_dm()
    assert (await channels.reply(home)).content == localized("answer-undelivered", number="1")
    assert interaction.acknowledged


async def test_tokens_leave_the_ledger_when_their_time_is_over(channels: Community) -> None:
    await finished(channels, await asked(channels))
    await channels.settled(1)
    known = await channels.ledger.asks.of_turn(1)
    assert known is not None
    assert known.token
    assert known.token not in repr(known)
    channels.clock.later += 900.0
    await channels.ledger.asks.purge()
    known = await channels.ledger.asks.of_turn(1)
    assert known is not None
    assert known.token == ""
