"""Nobody sees runs of channels they can't read, of other servers, or of others' DMs."""

import random
import re
from typing import Any

import pytest

from bot.sandbox import Channel, DiscordMessage, Interaction, NotPossible, Permission, Person
from bot.sandbox.backend.interactions.commands import CHAT_INPUT
from bot.sandbox.backend.state.model import Overwrite
from tests.scenarios.community import Community
from tests.support.eventually import eventually

SECRET = re.compile(r"secret\d+")

LOOKS = {"", "list", "show", "info", "export", "log", "me", "server"}
"""The names of subcommands that only show something; the others change what is looked at here."""

ABOUT_ONESELF = {"privacy export"}
"""Shows a person's own questions, wherever they were asked."""


def hide(whole: Community, channel: Channel, *readers: Person) -> None:
    """Let only these people, the admins and the bot read a channel."""
    assert channel.guild is not None
    everyone, view = channel.guild.id, Permission.VIEW_CHANNEL
    channel.overwrites[everyone] = Overwrite(everyone, 0, deny=view)
    for user_id in (whole.sandbox.bot_user.id, *(reader.id for reader in readers)):
        channel.overwrites[user_id] = Overwrite(user_id, 1, allow=view)
    whole.sandbox.world.emit_channel("CHANNEL_UPDATE", channel)


def may_read(whole: Community, who: Person, channel: Channel, asker: Person) -> bool:
    """Whether Discord shows a channel's messages to a person, by the sandbox's own rules."""
    if channel.guild is None:
        return who is asker
    return whole.sandbox.world.sees(channel, who.user)


def subcommands(whole: Community) -> list[tuple[str, dict[str, Any]]]:
    """The path and the payload of every command without subcommands."""
    found: list[tuple[str, dict[str, Any]]] = []
    for command in whole.sandbox.backend.commands.all(None):
        options = command.payload.get("options", [])
        subs = [each for each in options if each["type"] == 1]
        found += [(f"{command.name} {sub['name']}", sub) for sub in subs]
        if not subs and command.kind == CHAT_INPUT:
            found.append((command.name, command.payload))
    return found


async def settled(whole: Community, interaction: Interaction) -> str:
    """Everything that an interaction showed, once the bot has answered."""
    await whole.until(lambda: interaction.done or interaction.failed)
    messages: list[DiscordMessage] = [*interaction.responses]
    if interaction.original is not None:
        messages.append(interaction.original)
    shown = [message.content for message in messages]
    for message in messages:
        shown += [file.data.decode(errors="replace") for file in message.attachments]
    return "\n".join(shown)


async def everything_shown(
    whole: Community, who: Person, where: Channel, turns: int, groups: str
) -> str:
    """What a person gets from each command, option, autocompletion and button of some groups."""
    shown: list[str] = []
    for path, sub in subcommands(whole):
        if not re.match(groups, path):
            continue
        options = {option["name"]: option for option in sub.get("options", [])}
        group, _, name = path.partition(" ")
        try:
            for option in options.values():
                if option.get("autocomplete"):
                    choices = await who.autocomplete(where, path, focused=option["name"])
                    shown += [choice["name"] for choice in choices]
            if group != "runs":
                if (
                    name in LOOKS
                    and path not in ABOUT_ONESELF
                    and not any(each.get("required") for each in options.values())
                ):
                    shown.append(await settled(whole, await who.command(where, path)))
                continue
        except NotPossible:
            continue  # Discord does not show the command to this person here
        filters: list[dict[str, Any]] = [{}]
        if "run" in options and sub["name"] == "show":
            filters = [{"run": str(number)} for number in range(1, turns + 1)]
        elif "run" in options:
            # A run that may be seen is neither cancelled nor retried by looking at it.
            filters = [{"run": "999"}]
        elif "state" in options:
            filters += [{"state": "answered"}, {"member": whole.ada}, {"page": 2}]
        for values in filters:
            interaction = await who.command(where, path, **values)
            shown.append(await settled(whole, interaction))
            while (message := interaction.original) is not None:
                try:
                    pressed = await who.click(message, "Older")
                except (NotPossible, LookupError):
                    break
                await settled(whole, pressed)
                shown.append(message.content)
    return "\n".join(shown)


@pytest.mark.parametrize(("seed", "groups"), [(1, "."), (2, "runs")])
async def test_no_command_option_completion_or_button_shows_what_discord_would_not(
    channels: Community, seed: int, groups: str
) -> None:
    chance = random.Random(seed)
    configured = {"Main": channels.assistant_id}
    channels.bot.set_assistants(channels.assistant_id, configured, channels.tell_place)
    other = channels.sandbox.add_guild("Elsewhere")
    await eventually(lambda: len(channels.bot.guilds) == 2)
    people = [channels.ada, channels.ben, channels.admin]
    ours, theirs = channels.sandbox.guild, other
    rooms = [ours.text_channel("general"), theirs.text_channel("general")]
    for place in (ours, theirs):
        for number in range(2):
            room = place.add_text_channel(f"hidden-{number}")
            hide(channels, room, *chance.sample(people[:2], k=chance.randint(0, 1)))
            rooms.append(room)
    await eventually(lambda: all(channels.bot.get_channel(room.id) for room in rooms))
    asked: list[tuple[Channel, Person, str]] = []
    for room in rooms:
        readers = [who for who in people if may_read(channels, who, room, who)]
        asked.append((room, chance.choice(readers), f"secret{len(asked)}"))
    for who in people:
        asked.append((await who.open_dm(), who, f"secret{len(asked)}"))
    for room, who, text in asked:
        await who.say(room, text, mention_bot=room.guild is not None)
        await channels.finished(room)
    for number, (room, who, _) in enumerate(asked):
        # What somebody asks privately by a command is shown to nobody else.
        await who.command(room, "ask", question=f"private{number}", private=True)
    await channels.ended_turns(2 * len(asked))
    for who in people:
        for where in (rooms[0], rooms[1], await who.open_dm()):
            text = await everything_shown(channels, who, where, 2 * len(asked), groups)
            guild = None if where.guild is None else where.guild.id
            allowed = {
                word
                for room, asker, word in asked
                if may_read(channels, who, room, asker)
                and (room.guild is None or room.guild.id == guild)
            }
            assert set(SECRET.findall(text)) <= allowed, (who.name, where.name)
            own = {word.replace("secret", "private") for _, asker, word in asked if asker is who}
            readable = {word.replace("secret", "private") for word in allowed}
            shown = set(re.findall(r"private\d+", text))
            assert shown <= own & readable, (who.name, where.name)
            here = next(word for room, _, word in asked if room is where)
            assert here in text
