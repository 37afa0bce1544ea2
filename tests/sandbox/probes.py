"""Probes: each does one thing as a bot and returns what the bot can observe of the result."""

import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord import app_commands

from tests.sandbox.client import Bot

Probe = Callable[[discord.Interaction, discord.Message], Awaitable[Any]]
PROBES: dict[str, Probe] = {}


def probe(function: Probe) -> Probe:
    """Register a coroutine as the probe of its name."""
    PROBES[function.__name__] = function
    return function


class ProbingBot(Bot):
    """Runs a probe for `/probe name`; `found` has the results by name."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.found: dict[str, Any] = {}
        self.victim: discord.Message | None = None

        async def run(interaction: discord.Interaction, name: str) -> None:
            assert self.victim is not None
            self.found[name] = await outcome(PROBES[name](interaction, self.victim))
            self.something.set()
            if not interaction.response.is_done():
                await outcome(interaction.response.send_message("done", ephemeral=True))

        self.tree.add_command(
            app_commands.Command(name="probe", description="Runs a probe", callback=run)
        )


async def outcome(doing: Awaitable[Any]) -> Any:
    """Return the awaitable's result, or the refusal: status, code and names of wrong fields."""
    try:
        return await doing
    except discord.HTTPException as error:
        fields = [line.split(":")[0] for line in error.text.splitlines()[1:]]
        return ("refused", error.status, error.code, sorted(fields))


def _channel(interaction: discord.Interaction) -> discord.TextChannel:
    assert isinstance(interaction.channel, discord.TextChannel)
    return interaction.channel


def _seen(message: discord.Message) -> dict[str, Any]:
    return {
        "type": message.type.name,
        "content": message.content,
        "flags": message.flags.value,
        "embeds": [embed.to_dict() for embed in message.embeds],
        "components": len(message.components),
        "reference": message.reference is not None,
        "mentions": len(message.mentions),
        "pinned": message.pinned,
        "webhook": message.webhook_id is not None,
        "edited": message.edited_at is not None,
        "metadata": message.interaction_metadata is not None,
        "author": message.author.bot,
    }


@probe
async def plain_message(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return _seen(await _channel(interaction).send("  words  "))


@probe
async def embed_message(interaction: discord.Interaction, victim: discord.Message) -> Any:
    embed = discord.Embed(title="t", description="d", color=5).add_field(name="n", value="v")
    return _seen(await _channel(interaction).send(embed=embed))


@probe
async def reply(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return _seen(await victim.reply("yes"))


@probe
async def quiet_reply(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return _seen(await victim.reply("yes", mention_author=False))


@probe
async def edited_message(interaction: discord.Interaction, victim: discord.Message) -> Any:
    sent = await _channel(interaction).send("one")
    return _seen(await sent.edit(content="two"))


@probe
async def too_long(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).send("x" * 2001)


@probe
async def empty(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).send("")


@probe
async def blank(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).send(" \n ")


@probe
async def embed_too_long(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).send(embed=discord.Embed(description="x" * 4097))


@probe
async def field_without_value(interaction: discord.Interaction, victim: discord.Message) -> Any:
    embed = discord.Embed(title="t").add_field(name="n" * 257, value="v" * 1025)
    await _channel(interaction).send(embed=embed)


@probe
async def embeds_too_long(interaction: discord.Interaction, victim: discord.Message) -> Any:
    embed = discord.Embed(description="x" * 3500)
    await _channel(interaction).send(embeds=[embed, embed])


@probe
async def edit_of_another(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await victim.edit(content="mine now")


@probe
async def edit_of_nothing(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).get_partial_message(5).edit(content="x")


@probe
async def delete_of_nothing(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).get_partial_message(5).delete()


@probe
async def reply_to_nothing(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await _channel(interaction).get_partial_message(5).reply("x")


@probe
async def bad_emoji(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await victim.add_reaction("not an emoji")


@probe
async def thread_twice(interaction: discord.Interaction, victim: discord.Message) -> Any:
    sent = await _channel(interaction).send("start")
    thread = await sent.create_thread(name="one")
    again = await outcome(sent.create_thread(name="two"))
    seen = await _channel(interaction).fetch_message(sent.id)
    return (thread.id == sent.id, thread.type.name, thread.archived, seen.flags.value, again)


@probe
async def thread_with_a_long_name(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await victim.create_thread(name="x" * 101)


@probe
async def thread_alone(interaction: discord.Interaction, victim: discord.Message) -> Any:
    kind = discord.ChannelType.public_thread
    thread = await _channel(interaction).create_thread(name="alone", type=kind)
    last = await anext(_channel(interaction).history(limit=1))
    return (thread.type.name, last.type.name, last.content)


@probe
async def unknown_things(interaction: discord.Interaction, victim: discord.Message) -> Any:
    client = interaction.client
    return [
        await outcome(client.fetch_user(5)),
        await outcome(client.fetch_channel(5)),
        await outcome(_channel(interaction).guild.fetch_member(5)),
        await outcome(_channel(interaction).fetch_message(5)),
    ]


@probe
async def double_answer(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.response.send_message("one")
    interaction.response._response_type = None  # noqa: SLF001 - discord.py answers once; the sandbox must too
    return await outcome(interaction.response.send_message("two"))


@probe
async def answers(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.response.send_message("one", ephemeral=True)
    first = await interaction.original_response()
    second = await interaction.followup.send("two", wait=True)
    third = await interaction.edit_original_response(content="three")
    return [_seen(message) for message in (first, second, third)]


@probe
async def deferred(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.response.defer(thinking=True)
    first = await interaction.original_response()
    second = await interaction.followup.send("answer", wait=True)
    third = await interaction.followup.send("more", wait=True)
    return [_seen(message) for message in (first, second, third)] + [first.id == second.id]


@probe
async def deferred_ephemeral(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.response.defer(thinking=True, ephemeral=True)
    edited = await interaction.edit_original_response(content="answer")
    return _seen(edited)


@probe
async def answer_deleted(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.response.send_message("one")
    await interaction.delete_original_response()
    return [
        await outcome(interaction.original_response()),
        await outcome(interaction.edit_original_response(content="x")),
    ]


@probe
async def long_answer(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return await outcome(interaction.response.send_message("x" * 2001))


@probe
async def same_custom_id_twice(interaction: discord.Interaction, victim: discord.Message) -> Any:
    view = discord.ui.View()
    for _ in range(2):
        view.add_item(discord.ui.Button(label="b", custom_id="same"))
    await _channel(interaction).send("x", view=view)


@probe
async def menu_without_options(interaction: discord.Interaction, victim: discord.Message) -> Any:
    view = discord.ui.View()
    view.add_item(discord.ui.Select(custom_id="s"))
    await _channel(interaction).send("x", view=view)


@probe
async def button_without_label(interaction: discord.Interaction, victim: discord.Message) -> Any:
    view = discord.ui.View()
    view.add_item(discord.ui.Button(custom_id="b"))
    await _channel(interaction).send("x", view=view)


@probe
async def long_modal_title(interaction: discord.Interaction, victim: discord.Message) -> Any:
    class Long(discord.ui.Modal, title="x" * 46):
        said: discord.ui.TextInput[Any] = discord.ui.TextInput(label="l")

    return await outcome(interaction.response.send_modal(Long()))


@probe
async def layout_message(interaction: discord.Interaction, victim: discord.Message) -> Any:
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.Container(discord.ui.TextDisplay("hello"), discord.ui.Separator()))
    return _seen(await _channel(interaction).send(view=view))


@probe
async def layout_with_content(interaction: discord.Interaction, victim: discord.Message) -> Any:
    payload = {"content": "x", "components": [{"type": 10, "content": "hello"}], "flags": 1 << 15}
    params = discord.http.MultipartParameters(payload=payload, multipart=None, files=None)
    await interaction.client.http.send_message(_channel(interaction).id, params=params)


@probe
async def mentions(interaction: discord.Interaction, victim: discord.Message) -> Any:
    text = f"{victim.author.mention} @everyone"
    loud = await _channel(interaction).send(text)
    none = discord.AllowedMentions.none()
    quiet = await _channel(interaction).send(text, allowed_mentions=none)
    return [(len(one.mentions), one.mention_everyone) for one in (loud, quiet)]


@probe
async def pin(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return await outcome(victim.pin())


@probe
async def no_permission(interaction: discord.Interaction, victim: discord.Message) -> Any:
    return [
        await outcome(_channel(interaction).edit(name="x")),
        await outcome(
            _channel(interaction).set_permissions(_channel(interaction).guild.me, view_channel=True)
        ),
    ]


@probe
async def bulk_of_one(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await interaction.client.http.delete_messages(_channel(interaction).id, [str(victim.id)])


@probe
async def reaction(interaction: discord.Interaction, victim: discord.Message) -> Any:
    await victim.add_reaction("👍")
    seen = await _channel(interaction).fetch_message(victim.id)
    return [(str(one.emoji), one.count, one.me) for one in seen.reactions]


@probe
async def forward(interaction: discord.Interaction, victim: discord.Message) -> Any:
    sent = await victim.forward(_channel(interaction))
    assert sent.reference is not None
    return (sent.content, sent.flags.value, sent.reference.type.name, len(sent.message_snapshots))


@probe
async def poll(interaction: discord.Interaction, victim: discord.Message) -> Any:
    asked = discord.Poll(question="q", duration=dt.timedelta(hours=1)).add_answer(text="a")
    sent = await _channel(interaction).send(poll=asked)
    assert sent.poll is not None
    return (sent.poll.question, [answer.text for answer in sent.poll.answers], sent.poll.duration)


@probe
async def layout_with_too_much(interaction: discord.Interaction, victim: discord.Message) -> Any:
    view = discord.ui.LayoutView()
    for _ in range(2):
        view.add_item(discord.ui.TextDisplay("x" * 2000))
    whole = await outcome(_channel(interaction).send(view=view))
    components = [{"type": 10, "content": "x" * 2001}, {"type": 10, "content": "x" * 2000}]
    payload = {"components": components, "flags": 1 << 15}
    params = discord.http.MultipartParameters(payload=payload, multipart=None, files=None)
    await interaction.client.http.send_message(_channel(interaction).id, params=params)
    return isinstance(whole, discord.Message)


@probe
async def layout_by_an_edit(interaction: discord.Interaction, victim: discord.Message) -> Any:
    sent = await _channel(interaction).send("plain")
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay("rich"))
    refused = await outcome(sent.edit(view=view))
    rich = _seen(await sent.edit(content=None, view=view))
    again = await outcome(sent.edit(content="plain again"))
    return [refused, rich, again]
