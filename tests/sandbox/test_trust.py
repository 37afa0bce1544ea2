"""Compares the sandbox with simcord, another simulation of Discord, as a bot observes both.

Skipped, with a reason, where simcord is not installed. Where the two differ, Discord's
documentation decides; `DIFFERENCES` quotes it for each difference.
"""

from typing import Any

import pytest

from bot.chat.transport import dpy_internals
from bot.config import DiscordSettings
from bot.sandbox import Sandbox
from tests.sandbox.conftest import running
from tests.sandbox.probes import PROBES, ProbingBot
from tests.support.eventually import PATIENCE

simcord = pytest.importorskip(
    "simcord", reason="simcord is not installed: the sandbox is not held against it"
)

DIFFERENCES = {
    "plain_message": "Discord trims white space from a message's ends",
    "empty": "an empty message is 50006, Cannot send an empty message",
    "blank": "a message of white space is empty once trimmed: 50006",
    "reply_to_nothing": "fail_if_not_exists is true unless told: an unknown message is 50035",
    "bad_emoji": "what is no emoji is 10014, Unknown Emoji",
    "thread_twice": "a message has one thread, 160004, and the flag HAS_THREAD then",
    "thread_with_a_long_name": "a thread's name has 1 to 100 characters",
    "button_without_label": "a button has a label or an emoji",
    "no_permission": "the sandbox's bot may not manage channels and roles; simcord's may",
    "mentions": "mention_everyone needs the permission; allowed_mentions decides who is mentioned",
    "answers": "answers come through the application's webhook; a follow-up replies to the first",
    "deferred": "filling a deferred answer is no edit; the rest as for answers",
    "deferred_ephemeral": "filling a deferred answer is no edit; the rest as for answers",
}


def without_fields(found: Any) -> Any:
    """Return an outcome without the names of wrong fields, which simcord does not report."""
    if isinstance(found, list):
        return [without_fields(one) for one in found]
    if isinstance(found, tuple) and found and found[0] == "refused":
        return found[:3]
    return found


async def in_the_sandbox(sandbox: Sandbox) -> tuple[dict[str, Any], list[Any]]:
    bot = ProbingBot()
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    async with running(bot, sandbox.token):
        await sandbox.bot_ready(timeout=PATIENCE)
        for name in PROBES:
            await ada.say(general, "victim")
            await bot.until(lambda: bot.heard and bot.heard[-1].author.id == ada.id)
            bot.victim = bot.heard[-1]
            interaction = await ada.command(general, "probe", name=name)
            await bot.until(lambda: name in bot.found)  # noqa: B023 - awaited in the loop
            assert interaction.acknowledged
            bot.heard.clear()
        shown = await ada.command(general, "runs list", page=2)
        await sandbox.until(lambda: shown.responses)
        message = shown.responses[0]
        chosen = await ada.select(message, "red")
        await sandbox.until(lambda: chosen.responses)
        asked = await ada.click(message, "Ask")
        submitted = await ada.submit_modal(asked, {"said": "fine"})
        await sandbox.until(lambda: submitted.responses)
        await ada.click(message, "Confirm")
        await sandbox.until(lambda: message.content == "confirmed")
        cancelled = await ada.command(general, "runs cancel", run="a")
        await sandbox.until(lambda: cancelled.done)
        choices = await ada.autocomplete(general, "runs cancel", focused="run", value="ab")
        assert asked.modal is not None
        flow = [
            (shown.deferred, shown.ephemeral, message.contents),
            (chosen.responses[0].content, chosen.responses[0].ephemeral),
            (asked.modal["title"], submitted.responses[0].content, submitted.ephemeral),
            (cancelled.ephemeral, cancelled.responses[0].content),
            [choice["value"] for choice in choices],
        ]
        return bot.found, flow


async def in_simcord() -> tuple[dict[str, Any], list[Any]]:
    bot = ProbingBot()
    # simcord knows the paths of Discord's own API, and an earlier test may have used another.
    dpy_internals.use_api(DiscordSettings().api_url)
    async with simcord.run(bot) as env:
        guild = env.create_guild()
        channel = guild.create_text_channel("general")
        ada = guild.add_member(env.create_user("ada"))
        for name in PROBES:
            bot.victim = await ada.send(channel, "victim")
            await ada.slash(channel, "probe", name=name)
        shown = await ada.slash(channel, "runs list", page=2)
        contents = [shown.response.content]
        message = shown.response.message
        chosen = await ada.select(message, ["red"])
        asked = await ada.click(message, label="Ask")
        submitted = await ada.submit_modal(asked, {"said": "fine"})
        await ada.click(message, label="Confirm")
        contents.append(channel.last_message.content)
        cancelled = await ada.slash(channel, "runs cancel", run="a")
        choices = await ada.autocomplete(channel, "runs cancel", "run", "ab")
        answered = cancelled.response or cancelled.followups[0]
        flow = [
            (shown.deferred, shown.ephemeral, contents),
            (chosen.followups[0].content, chosen.followups[0].ephemeral),
            (asked.modal["title"], submitted.response.content, submitted.ephemeral),
            (cancelled.ephemeral, answered.content),
            [getattr(one, "value", None) or one["value"] for one in choices],
        ]
        return bot.found, flow


async def test_a_bot_notices_the_same_in_the_sandbox_and_in_simcord(
    sandbox: Sandbox, pointed: None
) -> None:
    ours, our_flow = await in_the_sandbox(sandbox)
    theirs, their_flow = await in_simcord()
    assert our_flow == their_flow
    differing = {
        name: (ours[name], theirs[name])
        for name in PROBES
        if without_fields(ours[name]) != without_fields(theirs[name])
    }
    assert sorted(differing) == sorted(DIFFERENCES), differing
