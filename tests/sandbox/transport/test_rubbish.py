"""Any body is accepted, refused as Discord does, or named as unknown; none causes a crash."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from bot.sandbox import Channel, Permission, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.rest import Rest

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 5, 1 << 70, 1.5, "", "x", " ", "0", "-1", "1" * 30, "é" * 2001,
    "x" * 5000, [], {}, [None], [[]], [{}], {"a": None}, ["x"] * 200, [{"type": 1}], {"type": 99},
    "attachment://x", "https://x", "<@1> @everyone", "\x00", "\U0001f600" * 1500,
]  # fmt: skip


def bodies(sandbox: Sandbox, general: Channel, forum: Channel) -> Iterator[tuple[str, str, Any]]:
    """Yield valid requests to spoil."""
    here = f"/channels/{general.id}"
    message = str(general.messages[0].id)
    application = f"/applications/{sandbox.application_id}"
    button = {"type": 2, "style": 1, "label": "b", "custom_id": "c", "emoji": {"name": "x"}}
    option = {"label": "l", "value": "v", "description": "d", "default": True}
    menu = {"type": 3, "custom_id": "m", "options": [option], "min_values": 0, "max_values": 1}
    rows = [{"type": 1, "components": [button]}, {"type": 1, "components": [menu]}]
    embed = {
        "title": "t",
        "url": "https://x",
        "color": 1,
        "timestamp": "2026-01-01T00:00:00Z",
        "author": {"name": "a", "icon_url": "https://x"},
        "footer": {"text": "f"},
        "image": {"url": "https://x"},
        "fields": [{"name": "n", "value": "v", "inline": True}],
    }
    text = {"type": 10, "content": "t"}
    section = {"type": 9, "components": [text], "accessory": button}
    gallery = {"type": 12, "items": [{"media": {"url": "https://x"}, "description": "d"}]}
    layout = {"type": 17, "components": [text, section, gallery, {"type": 14}], "accent_color": 1}
    post = {
        "content": "hello <@1>",
        "tts": False,
        "nonce": "n",
        "enforce_nonce": False,
        "flags": 0,
        "embeds": [embed],
        "components": rows,
        "allowed_mentions": {"parse": ["users"], "roles": ["1"], "replied_user": True},
        "message_reference": {"message_id": message, "fail_if_not_exists": False},
    }
    sub = {"type": 1, "name": "s", "description": "d", "options": []}
    choice = {"name": "c", "value": "v"}
    plain = {"type": 3, "name": "o", "description": "d", "required": True, "choices": [choice]}
    command = {"name": "c", "description": "d", "type": 1, "options": [plain], "contexts": [0]}
    media = {"answer_id": 1, "poll_media": {"text": "a", "emoji": {"name": "👍"}}}
    poll = {"question": {"text": "q"}, "answers": [media], "duration": 1, "layout_type": 1}
    voice = {"id": "0", "duration_secs": 1.5, "waveform": "AA==", "description": "d"}
    forward = {"type": 1, "channel_id": str(general.id), "message_id": message}
    tag = {"name": "t", "moderated": True, "emoji_name": "👍"}
    settings = {
        "available_tags": [tag],
        "flags": 16,
        "default_reaction_emoji": {"emoji_name": "👍"},
        "default_sort_order": 1,
        "default_forum_layout": 2,
    }
    new_post = {"name": "n", "message": {"content": "x"}, "applied_tags": []}
    yield "POST", here + "/messages", {"poll": poll}
    yield "POST", here + "/messages", {"flags": 1 << 13, "attachments": [voice]}
    yield "POST", here + "/messages", {"message_reference": forward}
    yield "POST", here + "/messages", {"content": "x", "sticker_ids": ["5"]}
    yield "POST", f"/channels/{forum.id}/threads", new_post
    yield "PATCH", f"/channels/{forum.id}", settings
    yield "POST", f"/guilds/{sandbox.guild.id}/channels", {"name": "n", "type": 15, **settings}
    yield "POST", here + "/messages", post
    yield "POST", here + "/messages", {"components": [layout], "flags": 1 << 15}
    yield "PATCH", f"{here}/messages/{message}", {"content": "x", "embeds": [embed]}
    yield "POST", f"{here}/messages/{message}/threads", {"name": "n", "auto_archive_duration": 60}
    yield "POST", here + "/threads", {"name": "n", "type": 11, "invitable": True}
    yield "PATCH", here, {"name": "n", "topic": "t", "permission_overwrites": [{"id": "1"}]}
    yield "PUT", here + "/permissions/5", {"type": 0, "allow": "1", "deny": "2"}
    yield "POST", here + "/messages/bulk-delete", {"messages": ["1", "2"]}
    yield "POST", f"/guilds/{sandbox.guild.id}/channels", {"name": "n", "type": 0, "parent_id": "1"}
    yield "PATCH", f"/guilds/{sandbox.guild.id}/members/@me", {"nick": "n"}
    yield "POST", "/users/@me/channels", {"recipient_id": str(sandbox.admin.id)}
    yield "PUT", application + "/commands", [command, {**command, "name": "d", "options": [sub]}]
    yield "POST", application + "/commands", command


def spoiled(chance: random.Random, body: Any) -> Any:
    """Return the body with one of its nodes, or a new one, replaced by rubbish."""
    if isinstance(body, dict) and body:
        key = chance.choice([*body, *body, chance.choice(["type", "id", "x"])])
        deeper = key in body and isinstance(body[key], dict | list) and chance.random() < 0.7
        return {**body, key: spoiled(chance, body[key]) if deeper else chance.choice(VALUES)}
    if isinstance(body, list) and body:
        at = chance.randrange(len(body))
        return [spoiled(chance, one) if index == at else one for index, one in enumerate(body)]
    return chance.choice(VALUES)


@pytest.mark.parametrize("seed", range(4))
async def test_rubbish_in_a_body_is_refused_and_never_breaks_anything(
    sandbox: Sandbox, rest: Rest, seed: int
) -> None:
    chance = random.Random(seed)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    sandbox.backend.commands.creates_a_day = 10_000
    await ada.say(general, "here")
    forum = sandbox.guild.add_forum("help", tags=["a"])
    sandbox.guild.allow_bot(Permission.MANAGE_CHANNELS)
    asked = 0
    for _ in range(25):
        for method, path, body in list(bodies(sandbox, general, forum)):
            answer = await rest.ask(method, path, spoiled(chance, body))
            asked += 1
            known = answer.status in (200, 201, 204, 400, 403, 404, 501)
            assert known, (method, path, answer.status, answer.body)
            if answer.status >= 400:
                assert answer.body["message"]
    assert asked > 300
    sandbox.unknown_routes.clear()


@pytest.mark.parametrize("seed", range(2))
async def test_rubbish_in_a_modal_is_refused_and_leaves_the_interaction_open(
    bot: Bot, sandbox: Sandbox, rest: Rest, seed: int
) -> None:
    chance = random.Random(seed)
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    options = [{"label": one, "value": one, "default": False} for one in "abc"]
    fields: list[dict[str, Any]] = [
        {"type": 4, "custom_id": "t", "style": 1, "max_length": 10},
        {"type": 3, "custom_id": "s", "options": options},
        {"type": 19, "custom_id": "f", "min_values": 0, "max_values": 3},
        {"type": 21, "custom_id": "r", "options": options},
        {"type": 22, "custom_id": "g", "options": options, "max_values": 2},
        {"type": 23, "custom_id": "b", "default": True},
    ]
    for _ in range(40):
        some = chance.sample(fields, 3)
        labels = [{"type": 18, "label": "l", "description": "d", "component": one} for one in some]
        data = {"custom_id": "m", "title": "t", "components": labels}
        interaction = await ada.command(general, "sleep", wait=False)
        path = f"/interactions/{interaction.id}/{interaction.token}/callback"
        answer = await rest.post(path, {"type": 9, "data": spoiled(chance, data)})
        assert answer.status in (204, 400, 501), answer.body
        assert interaction.acknowledged == (answer.status == 204)
    sandbox.unknown_routes.clear()


async def test_a_body_that_is_no_json_object_is_refused(sandbox: Sandbox, rest: Rest) -> None:
    path = f"/channels/{sandbox.guild.text_channel('general').id}/messages"
    for body in (b"{", b"\xff", b'"text"', b"[]", b"5"):
        answer = await rest.raw("POST", path, body)
        assert answer.status == 400
        assert answer.body["code"] in (50109, 50035)
