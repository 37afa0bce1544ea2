"""``/assistant``: made, chosen, changed and deleted from within Discord."""

from typing import Any

import pytest

from bot.assistants.schema.requests import CreateAssistant, Page
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import Channel, NotPossible, Person
from tests.scenarios.community import Community
from tests.support.eventually import eventually


async def told(whole: Community, who: Person, channel: Channel, path: str, **values: Any) -> str:
    """Use a command and return the text that answers it."""
    interaction = await who.command(channel, path, **values)
    await whole.until(lambda: interaction.original is not None and interaction.original.content)
    assert interaction.original is not None
    return interaction.original.content


async def made(
    whole: Community,
    name: str,
    channel: Channel | None = None,
    *,
    model: str = "scripted-model",
    **entries: Any,
) -> str:
    """Make an assistant through its form and return what the admin is told."""
    asked = await whole.admin.command(
        channel or whole.general, "assistant create", name=name, model=model
    )
    sent = await whole.admin.submit_modal(asked, entries)
    await whole.until(lambda: sent.original is not None and sent.original.content)
    assert sent.original is not None
    return sent.original.content


async def test_an_assistant_is_made_in_discord_and_answers_where_it_was_chosen(
    channels: Community,
) -> None:
    ready = await made(channels, "Chess", instructions="Talk of chess.", tools=["code_interpreter"])
    assert ready == overviews.assistant_ready("Chess", new=True, left_out=(), unknown_model=None)
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    stored = await channels.api.retrieve_assistant(own.id)
    assert (stored.name, stored.instructions) == ("Chess", "Talk of chess.")

    chosen = await told(
        channels, channels.admin, channels.general, "assistant use", assistant="chess"
    )
    assert chosen == localized("assistant-chosen", name="Chess", place=f"<#{channels.general.id}>")
    await channels.ask("hello")
    await channels.finished(channels.general)
    (run,) = await channels.runs_on(channels.general)
    assert run.assistant_id == own.id

    # The choice survives a restart, and taking it back too.
    await channels.restart_bot()
    await channels.ask("again")
    await channels.finished(channels.general, 2)
    assert (await channels.runs_on(channels.general))[0].assistant_id == own.id
    await told(channels, channels.admin, channels.general, "assistant use")
    await channels.ask("once more")
    await channels.finished(channels.general, 3)
    assert (await channels.runs_on(channels.general))[0].assistant_id == channels.assistant_id


async def test_the_nearest_choice_wins_and_show_says_where_it_comes_from(
    threads: Community,
) -> None:
    guild, general = threads.sandbox.guild, threads.general
    for name in ("Server", "Channel", "Thread"):
        await made(threads, name)
    home = await threads.thread_of(await threads.ask("hello"))
    await threads.finished(home)

    async def shown() -> str:
        return await told(threads, threads.admin, home, "assistant show")

    assert localized("assistant-source-config") in await shown()
    for name, where, place in (
        ("Server", "server", localized("this-server")),
        ("Channel", "channel", f"<#{general.id}>"),
        ("Thread", "here", f"<#{home.id}>"),
    ):
        await told(threads, threads.admin, home, "assistant use", assistant=name, where=where)
        text = await shown()
        assert text.startswith(f"**{name}**")
        assert localized("assistant-source-place", place=place) in text
    await threads.ada.say(home, "who are you?")
    await threads.finished(home, 2)
    newest = (await threads.runs_on(home))[0]
    own = {each.id: each.name for each in await threads.ledger.assistants.of_guild(guild.id)}
    assert own[newest.assistant_id] == "Thread"


async def test_a_category_has_an_assistant_and_a_channel_without_one_says_so(
    channels: Community,
) -> None:
    refused = await told(
        channels, channels.admin, channels.general, "assistant use", where="category"
    )
    assert refused == localized("place-no-category")


async def test_files_become_knowledge_and_longer_instructions(channels: Community) -> None:
    ready = await made(
        channels,
        "Rules",
        instructions="Short.",
        knowledge=[("rules.md", b"Be kind."), ("more.txt", b"And brief.")],
        file=[("long.txt", ("Word. " * 2_000).encode())],
    )
    assert sentences.plain("Rules") in ready
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    stored = await channels.api.retrieve_assistant(own.id)
    assert stored.instructions is not None
    assert stored.instructions.startswith("Short.\n\nWord. Word.")
    files = (await channels.api.list_files()).data
    assert sorted(file.filename for file in files) == ["more.txt", "rules.md"]

    # An edit with an empty field keeps instructions that do not fit into it.
    asked = await channels.admin.command(
        channels.general, "assistant edit", assistant=own.id, name="Laws"
    )
    sent = await channels.admin.submit_modal(asked, {"changes-keeping": ["forget_knowledge"]})
    await channels.until(lambda: sent.original is not None and sent.original.content)
    changed = await channels.api.retrieve_assistant(own.id)
    assert (changed.name, changed.instructions) == ("Laws", stored.instructions)
    assert (await channels.api.list_files()).data == ()
    assert (await channels.api.list_vector_stores()).data == ()


async def test_a_deleted_assistant_takes_its_knowledge_along_and_answers_nowhere(
    channels: Community,
) -> None:
    await made(channels, "Gone", knowledge=[("rules.md", b"Be kind.")])
    await told(channels, channels.admin, channels.general, "assistant use", assistant="Gone")
    deleted = await told(
        channels, channels.admin, channels.general, "assistant delete", assistant="Gone"
    )
    assert deleted == localized("assistant-deleted", name="Gone")
    assert await channels.ledger.assistants.of_guild(channels.sandbox.guild.id) == ()
    assert (await channels.api.list_files()).data == ()
    assert [each.id for each in (await channels.api.list_assistants()).data] == [
        channels.assistant_id
    ]
    await channels.ask("hello")
    await channels.finished(channels.general)
    assert (await channels.runs_on(channels.general))[0].assistant_id == channels.assistant_id
    again = await told(
        channels, channels.admin, channels.general, "assistant delete", assistant="Gone"
    )
    assert again == overviews.no_such_assistant("Gone")


async def test_an_assistant_of_one_server_is_seen_and_used_there_alone(
    channels: Community,
) -> None:
    other = channels.sandbox.add_guild("Elsewhere").text_channel("general")
    await eventually(lambda: len(channels.bot.guilds) == 2)
    await made(channels, "Ours")
    ready = await made(channels, "Ours", other)
    assert "Ours" in ready
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    for path in ("assistant show", "assistant use", "assistant delete"):
        answered = await told(channels, channels.admin, other, path, assistant=own.id)
        assert answered == overviews.no_such_assistant(own.id)
    offered = await channels.admin.autocomplete(other, "assistant use", focused="assistant")
    assert own.id not in [choice["value"] for choice in offered]


async def test_a_name_is_taken_once_in_a_server_even_by_two_forms_at_once(
    channels: Community,
) -> None:
    first = await channels.admin.command(
        channels.general, "assistant create", name="Twin", model="scripted-model"
    )
    second = await channels.admin.command(
        channels.general, "assistant create", name="twin", model="scripted-model"
    )
    for asked in (first, second):
        await channels.admin.submit_modal(asked, {})
    refused = await told(
        channels, channels.admin, channels.general, "assistant create", name="\u200b", model="x"
    )
    assert refused == localized("conversation-name-invisible")
    taken = localized("assistant-name-taken", name="twin")

    async def one_is_ready() -> bool:
        return len(await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)) == 1

    await eventually(one_is_ready)
    third = await told(
        channels,
        channels.admin,
        channels.general,
        "assistant create",
        name="twin",
        model="scripted-model",
    )
    assert third == taken
    assert len((await channels.api.list_assistants()).data) == 2


async def test_members_without_manage_server_have_no_such_command(channels: Community) -> None:
    for path in ("assistant list", "assistant show", "assistant use"):
        with pytest.raises(NotPossible):
            await channels.ada.command(channels.general, path)


async def test_the_operators_assistants_are_listed_and_stay_unchanged(
    channels: Community,
) -> None:
    other = await channels.api.create_assistant(
        CreateAssistant(model="scripted-model", name="Configured")
    )
    channels.configured = {"Configured": other.id}
    await channels.restart_bot()
    listed = await told(channels, channels.admin, channels.general, "assistant list")
    assert listed == overviews.assistant_line("Configured", own=False, default=False, places=())
    for path in ("assistant edit", "assistant delete"):
        refused = await told(
            channels, channels.admin, channels.general, path, assistant="Configured"
        )
        assert refused == localized("assistant-configured", name="Configured")
    assert (await channels.api.retrieve_assistant(other.id)).name == "Configured"


async def test_models_are_offered_as_the_endpoint_lists_them(channels: Community) -> None:
    channels.offered = ("scripted-model", "other-model")
    await channels.restart_bot()
    found = await channels.admin.autocomplete(
        channels.general, "assistant create", focused="model", value="other", others={"name": "X"}
    )
    assert [choice["value"] for choice in found] == ["other-model"]
    ready = await made(channels, "Odd", model="no-such-model")
    assert localized("assistant-unknown-model", model=r"no\-such\-model") in ready


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_everything_an_admin_reads_is_in_the_admins_language(
    channels: Community, language: Language
) -> None:
    channels.admin.user.locale = language
    asked = await channels.admin.command(
        channels.general, "assistant create", name="Ada", model="scripted-model"
    )
    modal: Any = asked.modal
    sent = await channels.admin.submit_modal(asked, {})
    await channels.until(lambda: sent.original is not None and sent.original.content)
    assert sent.original is not None
    chosen = await told(
        channels, channels.admin, channels.general, "assistant use", assistant="Ada"
    )
    with using(language):
        assert modal["title"] == localized("assistant-form", name="Ada")
        assert [row["label"] for row in modal["components"]] == [
            localized(f"assistant-form-{field}")
            for field in ("instructions", "tools", "knowledge", "file")
        ]
        assert sent.original.content == overviews.assistant_ready(
            "Ada", new=True, left_out=(), unknown_model=None
        )
        assert chosen == localized(
            "assistant-chosen", name="Ada", place=f"<#{channels.general.id}>"
        )


async def test_assistants_elsewhere_are_found_again_by_their_form(channels: Community) -> None:
    listed = await channels.api.list_assistants(Page(limit=100))
    assert [each.id for each in listed.data] == [channels.assistant_id]
    await made(channels, "Marked")
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    stored = await channels.api.retrieve_assistant(own.id)
    assert stored.metadata is not None
    assert stored.metadata["discord_server"] == str(channels.sandbox.guild.id)
