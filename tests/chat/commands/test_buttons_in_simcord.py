"""Buttons and the form of 👎 in simcord, a Discord that others wrote.

Skipped, with a reason, where simcord is not installed.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.app.providers.attachment_text import AttachmentText
from bot.app.providers.downloads import Downloads
from bot.assistants.schema.requests import CreateMessage, CreateRun, CreateThread
from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.dependencies import ChatDependencies
from bot.chat.event_receivers import EventReceivers
from bot.chat.intake.attachments import FileReaders
from bot.chat.reply import buttons
from bot.chat.reply.approval_buttons import ApprovalButton, Choice
from bot.chat.texts.fluent import localized
from bot.chat.transport import dpy_internals
from bot.chat.wiring import build_parts
from bot.config import DiscordSettings
from bot.store.ledger import Ledger, Link, NewQuestion, Turn
from bot.store.ledger.turns.votes import exported_votes
from tests.support.assistants import house

simcord = pytest.importorskip(
    "simcord", reason="simcord is not installed: the buttons are pressed in the sandbox alone"
)


class PressedBot(discord.Client):
    """A client with the bot's buttons and their handlers, and without its gateway."""

    parts: EventReceivers

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True, guild_messages=True))

    @property
    def handlers(self) -> ReplyButtonHandlers:
        return self.parts.handlers

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        return await self.parts.interaction_gate.admits(interaction)

    async def approval_pressed(
        self, interaction: discord.Interaction[Any], approval_id: int, choice: Choice
    ) -> None:
        await self.parts.tools.pressed(interaction, approval_id, choice)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(*buttons.BUTTONS, ApprovalButton)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            await self.parts.modals.submitted(interaction)


@dataclass
class Scene:
    """An answer in a channel of simcord, with its buttons, and the members who press them."""

    database: Path
    ledger: Ledger
    bot: PressedBot
    guild: Any
    channel: Any
    reply: discord.Message
    ada: Any
    ben: Any
    boss: Any


async def answered(ledger: Ledger, channel_id: int, guild_id: int, run: Any) -> Turn:
    """Store a question, and its turn with a run that was cut off."""
    question = NewQuestion(
        id=1,
        channel_id=channel_id,
        guild_id=guild_id,
        author_id=2,
        author_name="ada",
        content="Why?",
    )
    link = Link(channel_id=channel_id, guild_id=guild_id, parent_id=channel_id, listening=False)
    await ledger.questions.take(question, link)
    turn = await ledger.turns.next_in(channel_id)
    assert turn is not None
    await ledger.turns.placed(turn.id, 1, 3)
    await ledger.turns.posted(turn.id, 1, run.thread_id)
    await ledger.turns.run_created(turn.id, 1, run.id)
    await ledger.turns.closing(turn.id, 1, "answered", error="incomplete")
    closed = await ledger.turns.closed(turn.id, 1)
    assert closed is not None
    return closed


@asynccontextmanager
async def staged(tmp_path: Path) -> AsyncIterator[Scene]:
    """Set the scene; not a fixture, because simcord needs one context for its begin and end."""
    async with AsyncExitStack() as stack:
        home = await stack.enter_async_context(house(tmp_path, "engine"))
        assistant_id = await home.assistant()
        messages = (CreateMessage(role="user", content="Why?"),)
        thread = await home.api.create_thread(CreateThread(messages=messages))
        home.model.say("Because.", finish="length")
        run = await home.api.create_run(thread.id, CreateRun(assistant_id=assistant_id))
        await home.until(run, "incomplete")
        ledger = await Ledger.open(tmp_path / "bot.db", home.clock.now)
        stack.push_async_callback(ledger.close)
        bot = PressedBot()
        settings = DiscordSettings()
        # simcord knows the paths of Discord's own API, and an earlier test may have used another.
        dpy_internals.use_api(settings.api_url)
        async with simcord.run(bot) as env:
            # simcord has replaced the client's connection by now, which the parts keep.
            bot.parts = build_parts(
                bot,
                ChatDependencies(
                    settings=settings,
                    api=home.api,
                    ledger=ledger,
                    assistant_id=assistant_id,
                    clock=home.clock,
                    readers=FileReaders(AttachmentText(), Downloads(home.clock)),
                ),
            )
            guild = env.create_guild()
            channel = guild.create_text_channel("general")
            ada, ben = (guild.add_member(env.create_user(name)) for name in ("ada", "ben"))
            admins = guild.create_role("admins", permissions=discord.Permissions.all())
            boss = guild.add_member(env.create_user("boss"), roles=[admins])
            turn = await answered(ledger, channel.id, guild.id, run)
            shown = buttons.answer_buttons(turn.id, 1, settings.buttons, cut_off=True)
            found = bot.get_channel(channel.id)
            assert isinstance(found, discord.TextChannel)
            reply = await found.send("Because.", view=buttons.view(*shown))
            database = tmp_path / "bot.db"
            yield Scene(database, ledger, bot, guild, channel, reply, ada, ben, boss)
            await bot.parts.scheduler.stop()
            await bot.parts.vote_reporter.stop()


def votes(scene: Scene) -> list[tuple[object, object]]:
    return [(vote["vote"], vote["reason"]) for vote in exported_votes(scene.database)]


async def test_votes_and_the_form_work_as_in_the_sandbox(tmp_path: Path) -> None:
    async with staged(tmp_path) as scene:
        up = await scene.ada.click(scene.reply, custom_id="up:1.1")
        assert [message.content for message in up.followups] == [localized("upvoted")]
        down = await scene.ben.click(scene.reply, custom_id="down:1.1")
        assert down.modal["title"] == localized("reason-form")
        sent = await scene.ben.submit_modal(down, {"reason": "Too short."})
        assert [message.content for message in sent.followups] == [localized("downvoted")]
        assert votes(scene) == [("up", None), ("down", "Too short.")]


async def test_the_steps_are_for_the_member_who_asks(tmp_path: Path) -> None:
    async with staged(tmp_path) as scene:
        pressed = await scene.ben.click(scene.reply, label=localized("steps-button"))
        assert pressed.ephemeral
        assert pressed.response.content.startswith("**scripted\\-model** · ")


async def test_continue_asks_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as scene:
        await scene.ben.click(scene.reply, label=localized("continue-button"))
        again = await scene.ada.click(scene.reply, label=localized("continue-button"))
        assert [message.content for message in again.followups] == [
            localized("too-late-to-continue")
        ]
