"""How handlers answer an interaction, refuse it, and fail."""

import logging
import traceback
from typing import Any

import discord
import pytest

from bot.chat.commands.command_tree import BotCommandTree
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
    managers_guild,
    responds_first,
)
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.transport.rest_retry import RestRetry
from tests.support.fake_clock import FakeClock
from tests.support.interactions import FakeInteraction, refused

ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION = 40060, 10062


class Handler(InteractionHandler):
    """A handler that does what its one option says."""

    def __init__(self) -> None:
        self._rest = RestRetry(FakeClock(skips=True))

    @answers_privately
    async def command(self, interaction: Interaction, wanted: str) -> str:
        """Answer."""
        if wanted == "refusal":
            raise RefusalError("No.")
        if wanted == "manager":
            return str(managers_guild(interaction))
        return {"answer": "Yes."}[wanted]

    @responds_first
    async def form(self, interaction: Interaction, wanted: str) -> discord.ui.Modal:
        """Show a form."""
        if wanted == "refusal":
            raise RefusalError("No.")
        return {"form": discord.ui.Modal(title="A form", custom_id="a form")}[wanted]


def arrived() -> Any:
    """An interaction that nobody has answered yet."""
    return FakeInteraction(1, channel_id=2)


async def test_an_answer_and_a_refusal_fill_the_message_of_the_command() -> None:
    answered, denied = arrived(), arrived()
    await Handler().command(answered, "answer")
    await Handler().command(denied, "refusal")
    assert (answered.shown, denied.shown) == (["Yes."], ["No."])
    assert answered.acknowledged == denied.acknowledged == 1
    assert answered.notes == denied.notes == []


async def test_a_command_for_managers_is_refused_outside_of_servers_and_to_others() -> None:
    outside, member, manager = arrived(), arrived(), arrived()
    member.guild_id = manager.guild_id = 7
    manager.permissions = discord.Permissions(manage_guild=True)
    for each in (outside, member, manager):
        await Handler().command(each, "manager")
    assert outside.shown == [localized("only-in-servers")]
    assert member.shown == [localized("needs-manage-server")]
    assert manager.shown == ["7"]


async def test_a_form_is_the_first_response_and_so_is_the_refusal_of_one() -> None:
    shown, denied, failed = arrived(), arrived(), arrived()
    await Handler().form(shown, "form")
    await Handler().form(denied, "refusal")
    await Handler().form(failed, "defect")
    assert ([form.title for form in shown.forms], shown.responses) == (["A form"], [])
    assert (denied.forms, denied.responses) == ([], ["No."])
    assert (failed.forms, failed.responses) == ([], [localized("command-failed")])
    assert not any(each.acknowledged for each in (shown, denied, failed))


async def test_an_interaction_that_discord_no_longer_knows_gets_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    late, late_form = arrived(), arrived()
    late.failure = late_form.failure = refused(404, UNKNOWN_INTERACTION)
    await Handler().command(late, "answer")
    await Handler().form(late_form, "form")
    assert (late.shown, late_form.forms) == ([], [])
    assert "could not be acknowledged: Discord answers 404" in caplog.text
    assert "could not be answered: Discord answers 404" in caplog.text


async def test_an_acknowledgement_whose_response_was_lost_counts() -> None:
    interaction = arrived()
    interaction.failure = refused(400, ALREADY_ACKNOWLEDGED)
    async with AcknowledgedInteraction(interaction, RestRetry(FakeClock(skips=True))) as response:
        interaction.failure = None
        await response.note("Done.")
    assert interaction.notes == ["Done."]


async def test_an_answer_that_discord_refuses_is_only_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    interaction = arrived()
    async with AcknowledgedInteraction(interaction, RestRetry(FakeClock(skips=True))) as response:
        interaction.failure = refused(403, 50001)
        await response.show("Secret.")
    assert interaction.shown == []
    assert "could not be answered: Discord answers 403" in caplog.text


async def test_a_refusal_that_can_not_be_sent_shows_no_words_of_the_member_in_a_traceback() -> None:
    interaction, word = arrived(), "xylophone"

    async def refuse() -> None:
        async with AcknowledgedInteraction(interaction, RestRetry(FakeClock(skips=True))):
            interaction.failure = RuntimeError("Session is closed")
            raise RefusalError(f"There is no run {word}.")

    with pytest.raises(RuntimeError) as caught:
        await refuse()
    told = "".join(traceback.format_exception(caught.value))
    assert "RefusalError" in told
    assert "There is no run xylophone" not in told


async def test_the_texts_of_a_refused_form_come_back_as_files() -> None:
    interaction = arrived()
    answered = AcknowledgedInteraction.answered(interaction, RestRetry(FakeClock(skips=True)))
    await answered.give_back({"question": "Why?", "empty": " "})
    assert interaction.notes == [localized("form-given-back")]
    assert [(file.filename, file.fp.read()) for file in interaction.files] == [
        ("question.txt", b"Why?")
    ]


async def test_a_command_that_discord_py_can_not_run_is_answered_but_no_autocompletion(
    caplog: pytest.LogCaptureFixture,
) -> None:
    unused: Any = None
    client = discord.Client(intents=discord.Intents.none())
    tree = BotCommandTree(client, (), unused, unused, unused)
    error = discord.app_commands.AppCommandError("an option can't be read")
    fresh, acknowledged, typing = arrived(), arrived(), arrived()
    acknowledged.acknowledged = 1
    typing.type = discord.InteractionType.autocomplete
    with caplog.at_level(logging.ERROR):
        for each in (fresh, acknowledged, typing):
            await tree.on_error(each, error)
    assert (fresh.responses, fresh.notes) == ([localized("command-failed")], [])
    assert (acknowledged.responses, acknowledged.notes) == ([], [localized("command-failed")])
    assert (typing.responses, typing.notes) == ([], [])
    assert caplog.text.count("A command failed") == 3
