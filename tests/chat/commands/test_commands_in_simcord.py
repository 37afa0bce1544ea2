"""Every slash command, form and button in simcord, a Discord that others wrote.

Skipped, with a reason, where simcord is not installed. simcord takes the commands as Discord does,
so a payload that it refuses, and a command that nobody used here, fail.
"""

from pathlib import Path
from typing import Any

import discord

from bot.chat.reply import buttons
from bot.chat.reply.approval_buttons import ApprovalButton
from bot.chat.texts.fluent import localized
from tests.chat.commands.test_buttons_in_simcord import Scene, staged
from tests.support.eventually import eventually

EVERYBODYS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("help", {}, "For everybody"),
    ("runs list", {"state": "answered"}, "**#1** answered"),
    ("runs show", {"run": "1"}, "**#1** answered"),
    ("runs cancel", {}, "No run is active"),
    ("runs retry", {"run": "1"}, "Only those who asked"),
    ("thread info", {}, "1 answer"),
    ("thread info", {"mine": True}, "no conversation of your own"),
    ("thread export", {}, "there is no conversation"),
    ("thread rename", {"name": "x"}, "I can only rename a thread"),
    ("thread handover", {}, "in a thread or a forum post"),
    ("thread resume", {}, "nothing to resume"),
    ("privacy show", {}, "Your questions: 0"),
    ("privacy export", {}, "Only you see this message"),
    ("privacy forget", {}, "I delete your questions"),
    ("usage me", {}, "Nothing was used"),
    ("tools list", {}, "calls no functions"),
    ("schedule add", {"text": "Hi", "repeat": "daily", "time": "9:00"}, "daily at 09:00"),
    ("schedule remind", {"when": "in 2 hours", "text": "Tea"}, "Tea"),
    ("schedule list", {}, "**#1**"),
    ("schedule pause", {"schedule": "1"}, "paused"),
    ("schedule run", {"schedule": "9"}, "9"),
    ("schedule delete", {"schedule": "1"}, "#1 is deleted"),
)
"""Commands of everybody in this order: path, options, and a part of the answer."""

MANAGERS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("usage server", {}, "Nothing was used"),
    ("tools log", {}, "Nothing was decided"),
    ("limits set", {"tokens_per_day": 5}, "5 tokens a day"),
    ("limits lift", {}, "are lifted until"),
    ("limits show", {}, "5 tokens a day"),
    ("access show", {}, "Everybody in this server"),
    ("access remove", {}, "Name a member"),
    ("access deny", {}, "Name a member"),
    ("access allow", {}, "Name a member"),
    ("settings set", {"language": "ja"}, "日本語"),
    ("settings show", {}, "日本語"),
    ("settings reset", {"setting": "language"}, "as Discord says"),
    ("channel set", {"answer": "every"}, "I answer every message"),
    ("channel show", {}, "I answer every message"),
    ("channel reset", {}, "messages that mention me"),
    ("assistant list", {}, "Chess"),
    ("assistant use", {"assistant": "Chess"}, "answers in"),
    ("assistant show", {}, "Chess"),
    ("assistant delete", {"assistant": "Chess"}, "is deleted with its knowledge"),
    ("thread new", {}, "begins a new conversation"),
    ("thread delete", {}, "there is no conversation"),
)
"""Commands of somebody who may do everything."""

BY_COMMAND = {"ask"}
"""Commands that ask the model; simcord lists no menus."""

WITH_FORMS = {"assistant create", "assistant edit"}


async def press(scene: Scene, who: Any, item: buttons.Item) -> Any:
    """Press a button below a new message of the bot."""
    found = scene.bot.get_channel(scene.channel.id)
    assert isinstance(found, discord.TextChannel)
    message = await found.send("here", view=buttons.view(item))
    return await who.click(message, custom_id=item.custom_id)


async def test_each_command_answers_privately_what_it_answers_in_the_sandbox(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as scene:
        await scene.bot.parts.command_tree.register()
        assert set(scene.boss.available_commands(scene.channel)) == WITH_FORMS | BY_COMMAND | {
            path for path, _, _ in EVERYBODYS + MANAGERS
        }
        asked = await scene.boss.slash(
            scene.channel, "assistant create", name="Chess", model="scripted-model"
        )
        entries: dict[str, Any] = {"instructions": "Talk of chess.", "tools": ["file_search"]}
        made = await scene.boss.submit_modal(asked, entries)
        assert made.ephemeral
        assert "**Chess** is ready" in made.response.content
        asked = await scene.boss.slash(scene.channel, "assistant edit", assistant="Chess")
        changed = await scene.boss.submit_modal(asked, {"instructions": "Be brief."})
        assert "is changed" in changed.response.content
        for who, uses in ((scene.ada, EVERYBODYS), (scene.boss, MANAGERS)):
            for path, options, expected in uses:
                result = await who.slash(scene.channel, path, **options)
                assert expected in result.response.content, path
                assert result.ephemeral, path


async def test_each_button_and_form_answers_what_it_answers_in_the_sandbox(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as scene:
        refusals = {
            buttons.ReplyButton("cancel", 1, 1): "not-yours-to-cancel",
            buttons.ReplyButton("retry", 1, 1): "not-yours-to-retry",
            buttons.ReplyButton("again", 1, 1): "not-yours-to-answer-again",
            ApprovalButton("once", 7): "approval-too-old",
        }
        for item, refusal in refusals.items():
            pressed = await press(scene, scene.ben, item)
            assert [each.content for each in pressed.followups] == [localized(refusal)]
        handed = await press(scene, scene.ben, buttons.ReplyButton("person", 1, 1))
        assert handed.response.content == localized("handover-no-channel-thread")
        forgotten = await press(scene, scene.ben, buttons.ForgetButton())
        assert localized("privacy-remains-discord") in forgotten.response.content
        write = await press(scene, scene.ben, buttons.ReplyButton("write", 1, 1))
        assert write.modal["title"] == localized("question-form")
        sent = await scene.ben.submit_modal(
            write, {"question": "Why not?", "files": [("a.txt", b"inside")]}
        )
        assert not sent.followups
        (question,) = await scene.ledger.questions.waiting(scene.channel.id)
        assert (question.content, question.author_id) == ("Why not?", scene.ben.id)
        assert "a.txt" in question.attachments


async def test_questions_by_command_are_answered_in_their_responses(tmp_path: Path) -> None:
    async with staged(tmp_path) as scene:
        await scene.bot.parts.command_tree.register()
        scene.bot.parts.read_markers.is_ready = True  # nothing was missed
        found = scene.bot.get_channel(scene.channel.id)
        assert isinstance(found, discord.TextChannel)
        message = await found.send("E = mc²")

        async def answered(number: int, interaction: Any, question: str) -> None:
            turn = await eventually(
                lambda: scene.ledger.history.turn(number),
                lambda turn: turn is not None and not turn.open,
            )
            assert turn is not None
            assert turn.parts == (interaction.response.id,)
            assert question in interaction.response.content

        private = await scene.ada.slash(scene.channel, "ask", question="Why not?", private=True)
        assert private.ephemeral
        await answered(2, private, "Why not?")
        public = await scene.ben.slash(scene.channel, "ask", question="How?", file=("a.txt", b"x"))
        assert not public.ephemeral
        await answered(3, public, "How?")
        for number, name in ((4, "Explain this"), (5, "Translate this")):
            used = await scene.ada.context_menu(scene.channel, name, message)
            await answered(number, used, "E = mc²")
        shown = await scene.ada.context_menu(scene.channel, "Ask about this", message)
        sent = await scene.ada.submit_modal(shown, {"question": "Who said that?"})
        await answered(6, sent, "Who said that?")
        await scene.bot.parts.scheduler.stop()
