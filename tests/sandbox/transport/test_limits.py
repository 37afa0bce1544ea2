"""Rate limits, size limits, expiry and refusals are those of Discord."""

import asyncio
import io

import aiohttp
import discord
import pytest

from bot.sandbox import Channel, DiscordError, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.conftest import StartBot
from tests.sandbox.rest import Rest
from tests.sandbox.test_discord_py import bot_channel


@pytest.mark.usefixtures("rate_limited")
async def test_a_bucket_counts_down_and_then_refuses(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.guild.text_channel('general').id}/messages"
    left = []
    for number in range(5):
        answer = await rest.post(path, {"content": str(number)})
        assert answer.status == 200
        left.append(int(answer.headers["X-RateLimit-Remaining"]))
    assert left == [4, 3, 2, 1, 0]
    refused = await rest.post(path, {"content": "too much"})
    assert refused.status == 429
    assert refused.headers["X-RateLimit-Scope"] == "user"
    assert refused.headers["Via"]
    assert 0 < refused.body["retry_after"] <= 5
    assert refused.body["global"] is False
    sandbox.advance(refused.body["retry_after"])
    assert (await rest.post(path, {"content": "later"})).status == 200


@pytest.mark.usefixtures("rate_limited")
async def test_each_channel_has_its_own_bucket(sandbox: Sandbox, rest: Rest) -> None:
    channels = [sandbox.guild.add_text_channel(f"room-{number}") for number in range(3)]
    answers = await asyncio.gather(
        *(rest.post(f"/channels/{c.id}/messages", {"content": "x"}) for c in channels * 5)
    )
    assert {answer.status for answer in answers} == {200}


@pytest.mark.usefixtures("rate_limited")
async def test_fifty_requests_a_second_are_all_that_one_bot_has(
    sandbox: Sandbox, rest: Rest
) -> None:
    # Far more than fifty: a slow machine needs more than a second for all of them.
    channels = [sandbox.guild.add_text_channel(f"room-{number}") for number in range(200)]
    answers = await asyncio.gather(*(rest.get(f"/channels/{c.id}") for c in channels))
    refused = [answer for answer in answers if answer.status == 429]
    assert len(refused) >= 1
    assert refused[0].body["global"] is True
    assert refused[0].headers["X-RateLimit-Global"] == "true"


@pytest.mark.usefixtures("rate_limited")
async def test_discord_py_waits_for_its_bucket_and_loses_nothing(
    start_bot: StartBot, sandbox: Sandbox
) -> None:
    bot = await start_bot()
    channel = bot_channel(bot, sandbox)
    await asyncio.gather(*(channel.send(str(number)) for number in range(7)))
    general = sandbox.guild.text_channel("general")
    assert sorted(message.content for message in general.messages) == list("0123456")
    assert all(log.status != 429 for log in sandbox.requests)


@pytest.mark.usefixtures("rate_limited")
async def test_a_channel_is_renamed_twice_in_ten_minutes(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.guild.allow_bot(Permission.MANAGE_CHANNELS)
    path = f"/channels/{sandbox.guild.text_channel('general').id}"
    for name in ("one", "two"):
        assert (await rest.patch(path, {"name": name})).status == 200
    refused = await rest.patch(path, {"name": "three"})
    assert refused.status == 429
    assert 590 < refused.body["retry_after"] <= 600
    assert (await rest.patch(path, {"nsfw": True})).status == 200
    sandbox.advance(600)
    assert (await rest.patch(path, {"name": "three"})).status == 200


async def test_the_edits_of_a_message_older_than_an_hour_are_limited(
    sandbox: Sandbox, rest: Rest
) -> None:
    sandbox.backend.messages.old_edits.allowed = 2
    base = f"/channels/{sandbox.guild.text_channel('general').id}/messages"
    sent = await rest.post(base, {"content": "0"})
    path = f"{base}/{sent.body['id']}"
    for number in range(10):
        assert (await rest.patch(path, {"content": str(number)})).status == 200
    sandbox.advance(3601)
    statuses = [(await rest.patch(path, {"content": str(n)})).status for n in range(3)]
    assert statuses == [200, 200, 429]
    refused = await rest.patch(path, {"content": "again"})
    assert refused.body["code"] == 30046
    sandbox.advance(refused.body["retry_after"])
    assert (await rest.patch(path, {"content": "again"})).status == 200


def archived(place: Channel) -> bool:
    assert place.thread is not None
    return place.thread.archived


async def test_an_idle_thread_is_archived_and_woken_by_a_message(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.say(general, "question")
    await bot.until(lambda: bot.heard)
    thread = await bot.heard[0].create_thread(name="talk", auto_archive_duration=60)
    place = sandbox.guild.threads[0]
    answer = await thread.send("answer")
    sandbox.advance(59 * 60)
    await ada.say(place, "still here")
    sandbox.advance(59 * 60)
    assert not archived(place)
    sandbox.advance(2 * 60)
    assert archived(place)
    await bot.until(lambda: bot.named("thread_update") or bot.named("thread_remove"))
    with pytest.raises(discord.HTTPException) as raised:
        await answer.edit(content="too late")
    assert (raised.value.status, raised.value.code) == (400, 50083)
    await thread.send("awake again")
    assert not archived(place)
    await answer.edit(content="now it goes")


async def test_a_locked_thread_is_for_those_who_manage_threads(bot: Bot, sandbox: Sandbox) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    asked = await ada.say(general, "question")
    place = await ada.start_thread(asked, "talk")
    await bot.until(lambda: bot.get_channel(place.id))
    thread = bot.get_channel(place.id)
    assert isinstance(thread, discord.Thread)
    sandbox.backend.threads.set_state(place, locked=True, archived=True)
    await thread.send("the bot manages threads")
    sandbox.guild.forbid_bot(Permission.MANAGE_THREADS)
    with pytest.raises(discord.HTTPException) as raised:
        await thread.send("not any more")
    assert (raised.value.status, raised.value.code) == (400, 160005)


async def test_slowmode_is_for_people_without_means(sandbox: Sandbox, rest: Rest) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    general.slowmode = 30
    await ada.say(general, "one")
    with pytest.raises(DiscordError, match="20016"):
        await ada.say(general, "two")
    for text in ("a", "b"):
        await sandbox.admin.say(general, text)
        assert (
            await rest.post(f"/channels/{general.id}/messages", {"content": text})
        ).status == 200
    sandbox.advance(30)
    await ada.say(general, "three")


async def test_a_message_has_ten_files_at_most(bot: Bot, sandbox: Sandbox) -> None:
    def files(count: int) -> list[discord.File]:
        return [discord.File(io.BytesIO(b"x"), f"{number}.txt") for number in range(count)]

    sent = await bot_channel(bot, sandbox).send(files=files(10))
    assert len(sent.attachments) == 10
    parameters = {"payload": {"content": "x"}, "multipart": [], "files": []}
    params = discord.http.MultipartParameters(**parameters)  # type: ignore[arg-type] # any kinds
    many = files(11)
    params.multipart.extend(  # type: ignore[union-attr] # it is the list above
        {"name": f"files[{number}]", "value": file.fp, "filename": file.filename}
        for number, file in enumerate(many)
    )
    params = params._replace(files=many)
    with pytest.raises(discord.HTTPException, match="Must be 10 or fewer in length"):
        await bot.http.send_message(sandbox.guild.text_channel("general").id, params=params)


async def test_a_picture_in_an_embed_is_not_listed_beside_it(bot: Bot, sandbox: Sandbox) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes([0, 0, 0, 3, 0, 0, 0, 2])
    embed = discord.Embed(title="chart").set_image(url="attachment://chart.png")
    file = discord.File(io.BytesIO(png), "chart.png")
    sent = await bot_channel(bot, sandbox).send(embed=embed, file=file)
    assert sent.attachments == []
    assert (sent.embeds[0].image.width, sent.embeds[0].image.height) == (3, 2)
    async with (
        aiohttp.ClientSession() as session,
        session.get(str(sent.embeds[0].image.url)) as got,
    ):
        assert await got.read() == png


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (7, {"content": "x"}),  # there is no message to update
        (6, None),
        (8, {"choices": []}),  # it is no autocomplete
        (99, {}),
        (None, {"content": "x"}),
        (4, None),
        (4, {"content": "x" * 2001}),
        (9, {"custom_id": "c", "title": "t"}),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_leaves_the_interaction_open(
    bot: Bot, sandbox: Sandbox, rest: Rest, kind: int | None, data: dict[str, object] | None
) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "sleep", wait=False)
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    refused = await rest.post(path, {"type": kind, "data": data})
    assert (refused.status, refused.body["code"]) == (400, 50035)
    assert not interaction.acknowledged
    assert (await rest.post(path, {"type": 4, "data": {"content": "fits"}})).status == 204
    assert interaction.done
    assert (await rest.post(path, {"type": 4, "data": {"content": "x"}})).body["code"] == 40060


async def test_an_answer_before_its_time_has_no_webhook(sandbox: Sandbox, bot: Bot) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    await ada.command(general, "sleep", wait=False)
    await bot.until(lambda: bot.named("interaction"))
    received: discord.Interaction = bot.named("interaction")[0][0]
    with pytest.raises(discord.NotFound) as raised:
        await received.followup.send("too early")
    assert raised.value.code == 10015


async def test_people_register_no_commands(sandbox: Sandbox) -> None:
    headers = {"Authorization": sandbox.admin.token}
    url = f"{sandbox.api_url}/applications/{sandbox.application_id}/commands"
    async with aiohttp.ClientSession(headers=headers) as session, session.put(url, json=[]) as got:
        assert got.status == 401


async def test_unknown_objects_are_refused_by_their_codes(sandbox: Sandbox, rest: Rest) -> None:
    general = sandbox.guild.text_channel("general").id
    codes = {
        f"/channels/{general + 1}": (404, 10003),
        f"/channels/{general}/messages/1": (404, 10008),
        "/guilds/1": (404, 10004),
        f"/guilds/{sandbox.guild.id}/members/1": (404, 10007),
        "/users/1": (404, 10013),
        "/applications/1/commands": (404, 10002),
        f"/applications/{sandbox.application_id}/commands/1": (404, 10063),
        "/channels/abc": (400, 50035),
        f"/webhooks/{sandbox.application_id}/wrong/messages/@original": (404, 10015),
    }
    found = {}
    for path in codes:
        answer = await rest.get(path)
        found[path] = (answer.status, answer.body["code"])
    assert found == codes


async def test_what_the_sandbox_does_not_know_is_named_in_a_501(
    sandbox: Sandbox, rest: Rest
) -> None:
    general = sandbox.guild.text_channel("general").id
    answer = await rest.get("/sticker-packs")
    assert answer.status == 501
    assert "/sticker-packs" in answer.body["message"]
    body = {"content": "x", "shared_client_theme": {}}
    answer = await rest.post(f"/channels/{general}/messages", body)
    assert answer.status == 501
    assert "'shared_client_theme'" in answer.body["message"]
    assert len(sandbox.unknown_routes) == 2
    sandbox.unknown_routes.clear()


async def test_form_errors_nest_as_the_body_does(sandbox: Sandbox, rest: Rest) -> None:
    general = sandbox.guild.text_channel("general").id
    body = {"embeds": [{"title": "ok"}, {"fields": [{"name": "n"}]}], "content": "x" * 2001}
    answer = await rest.post(f"/channels/{general}/messages", body)
    errors = answer.body["errors"]
    assert errors["content"]["_errors"][0]["code"] == "BASE_TYPE_MAX_LENGTH"
    wrong = errors["embeds"]["1"]["fields"]["0"]["value"]["_errors"][0]
    assert wrong == {"code": "BASE_TYPE_REQUIRED", "message": "This field is required"}


async def test_answers_are_json_with_no_charset_and_need_a_token(
    sandbox: Sandbox, rest: Rest
) -> None:
    answer = await rest.get("/users/@me")
    assert answer.headers["Content-Type"] == "application/json"
    async with aiohttp.ClientSession() as session:
        for header in ("", "Bot nonsense", sandbox.token):
            headers = {"Authorization": header}
            async with session.get(sandbox.api_url + "/users/@me", headers=headers) as response:
                assert response.status == 401
                assert await response.json() == {"message": "401: Unauthorized", "code": 0}


async def test_a_guild_may_create_two_hundred_commands_a_day(sandbox: Sandbox, rest: Rest) -> None:
    sandbox.backend.commands.creates_a_day = 3
    path = f"/applications/{sandbox.application_id}/commands"

    def commands(*names: str) -> list[dict[str, str]]:
        return [{"name": name, "description": "does it"} for name in names]

    assert (await rest.put(path, commands("a", "b", "c"))).status == 200
    assert (await rest.put(path, commands("a", "b", "c"))).status == 200
    refused = await rest.put(path, commands("a", "b", "d"))
    assert (refused.status, refused.body["code"]) == (429, 30034)
    sandbox.advance(86_400)
    assert (await rest.put(path, commands("a", "b", "d"))).status == 200
    wrong = await rest.put(path, [{"name": "Upper Case", "description": ""}])
    assert wrong.body["code"] == 50035
    assert set(wrong.body["errors"]["0"]) == {"name", "description"}
