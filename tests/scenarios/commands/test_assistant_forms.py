"""The forms of ``/assistant``: sent once, carried out after a kill, refused, and slow."""

from functools import partial
from typing import Any

import pytest

from bot.assistants.errors import APIError
from bot.assistants.schema.requests import CreateAssistant
from bot.chat.texts.fluent import localized
from bot.store.ledger import ASSISTANT_SETTING, GuildAssistant
from tests.scenarios.bot_process import killed
from tests.scenarios.commands.test_assistants import made, told
from tests.scenarios.community import Community
from tests.support.eventually import eventually
from tests.support.gate import Gate


async def test_a_form_is_sent_once_and_survives_a_restart(channels: Community) -> None:
    asked = await channels.admin.command(
        channels.general, "assistant create", name="Late", model="scripted-model"
    )
    await channels.restart_bot()
    sent = await channels.admin.submit_modal(asked, {"instructions": "Be late."})
    await channels.until(lambda: sent.original is not None and sent.original.content)
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    assert own.name == "Late"
    again = await channels.admin.submit_modal(asked, {"instructions": "Be late."})
    await channels.until(lambda: again.original is not None and again.original.content)
    assert again.original is not None
    assert again.original.content == localized("assistant-form-old")


async def test_a_form_whose_assistant_is_deleted_meanwhile_says_so(channels: Community) -> None:
    await made(channels, "Brief")
    asked = await channels.admin.command(
        channels.general, "assistant edit", assistant="Brief", name="Other"
    )
    await told(channels, channels.admin, channels.general, "assistant delete", assistant="Brief")
    sent = await channels.admin.submit_modal(asked, {"instructions": "Too late."})
    await channels.until(lambda: sent.original is not None and sent.original.content)
    assert sent.original is not None
    assert sent.original.content == localized("assistant-gone")
    assert await channels.ledger.assistants.of_guild(channels.sandbox.guild.id) == ()
    assert await channels.ledger.assistants.submitted() == ()


async def begin_form(whole: Community) -> None:
    """Send the form of a new assistant, and wait for no answer: the bot dies before it."""
    asked = await whole.admin.command(
        whole.general, "assistant create", name="Chess", model="scripted-model"
    )
    entries = {"instructions": "Talk of chess.", "knowledge": [("rules.md", b"Be kind.")]}
    await whole.admin.submit_modal(asked, entries, wait=False)


@pytest.mark.parametrize("point", ["after assistants.submit", "before assistants.carried_out"])
async def test_killed_after_its_form_was_sent_an_assistant_is_made_once(
    asleep: Community, point: str
) -> None:
    await killed(asleep, point, partial(begin_form, asleep))
    await asleep.start_engine()
    await asleep.start_bot()

    async def own() -> tuple[GuildAssistant, ...]:
        return await asleep.ledger.assistants.of_guild(asleep.sandbox.guild.id)

    (made,) = await eventually(own)
    assert await asleep.ledger.assistants.submitted() == ()
    listed = (await asleep.api.list_assistants()).data
    assert [each.id for each in listed if each.name == "Chess"] == [made.id]
    stored = await asleep.api.retrieve_assistant(made.id)
    assert stored.instructions == "Talk of chess."
    assert len((await asleep.api.list_vector_stores()).data) == 1
    assert [file.filename for file in (await asleep.api.list_files()).data] == ["rules.md"]


async def delete_at_once(whole: Community) -> None:
    """Make an assistant and ask for its deletion, in which the bot dies."""
    await made(whole, "Chess", knowledge=[("rules.md", b"Be kind.")])
    await whole.admin.command(whole.general, "assistant use", assistant="Chess")
    await whole.admin.command(whole.general, "assistant delete", wait=False, assistant="Chess")


@pytest.mark.parametrize("point", ["after assistants.begin_delete", "before assistants.deleted"])
async def test_killed_while_an_assistant_is_deleted_nothing_of_it_stays(
    asleep: Community, point: str
) -> None:
    await killed(asleep, point, partial(delete_at_once, asleep))
    await asleep.start_engine()
    await asleep.start_bot()

    async def left() -> int:
        return len(await asleep.ledger.assistants.deleting())

    await eventually(left, lambda count: count == 0)
    assert "Chess" not in [each.name for each in (await asleep.api.list_assistants()).data]
    assert (await asleep.api.list_files()).data == ()
    assert (await asleep.api.list_vector_stores()).data == ()
    settings = asleep.ledger.settings
    assert await settings.of_guild(asleep.sandbox.guild.id, ASSISTANT_SETTING) == ()


async def test_a_form_that_the_api_refuses_changes_nothing_and_its_name_is_free_again(
    channels: Community,
) -> None:
    async def refusing(request: CreateAssistant) -> Any:
        raise APIError(400, "no such model here")

    channels.operations["create_assistant"] = refusing
    refused = await made(channels, "Refused", knowledge=[("rules.md", b"Be kind.")])
    assert refused == localized("assistant-refused", model=r"scripted\-model")
    assert await channels.ledger.assistants.submitted() == ()
    assert (await channels.api.list_files()).data == ()
    assert (await channels.api.list_vector_stores()).data == ()
    del channels.operations["create_assistant"]
    ready = await made(channels, "Refused")
    assert "Refused" in ready


@pytest.mark.parametrize("refused_at", ["modify_assistant", "create_store_file"])
async def test_an_edit_that_the_api_refuses_leaves_no_file_and_keeps_the_old_ones(
    channels: Community, refused_at: str
) -> None:
    await made(channels, "Chess", knowledge=[("rules.md", b"Be kind.")])

    async def refusing(*args: Any) -> Any:
        raise APIError(400, "no such model here")

    channels.operations[refused_at] = refusing
    asked = await channels.admin.command(
        channels.general, "assistant edit", assistant="Chess", model="none"
    )
    entries = {"instructions": "Other.", "knowledge": [("more.md", b"More."), ("new.md", b"New.")]}
    sent = await channels.admin.submit_modal(asked, entries)
    await channels.until(lambda: sent.original is not None and sent.original.content)
    assert sent.original is not None
    assert sent.original.content == localized("assistant-refused", model="none")
    assert [file.filename for file in (await channels.api.list_files()).data] == ["rules.md"]
    (store,) = (await channels.api.list_vector_stores()).data
    assert len((await channels.api.list_store_files(store.id)).data) == 1
    del channels.operations[refused_at]
    (own,) = await channels.ledger.assistants.of_guild(channels.sandbox.guild.id)
    assert (await channels.api.retrieve_assistant(own.id)).model == "scripted-model"


async def test_a_slow_form_of_one_server_does_not_hold_up_another(channels: Community) -> None:
    other = channels.sandbox.add_guild("Elsewhere").text_channel("general")
    await eventually(lambda: len(channels.bot.guilds) == 2)
    gate, create = Gate(), channels.api.create_assistant
    begun: list[str | None] = []

    async def slow(request: CreateAssistant) -> Any:
        begun.append(request.name)
        if request.name == "Slow":
            await gate.passed()
        return await create(request)

    channels.operations["create_assistant"] = slow
    asked = await channels.admin.command(
        channels.general, "assistant create", name="Slow", model="scripted-model"
    )
    sent = await channels.admin.submit_modal(asked, {})
    await eventually(lambda: begun == ["Slow"])
    assert "Quick" in await made(channels, "Quick", other)
    gate.open()
    await channels.until(lambda: sent.original is not None and sent.original.content)
