"""Routes about users, the application, and the gateway's address."""

from typing import Any, Final

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.http.call import Call, Route
from bot.sandbox.http.ratelimits import Limit

GATEWAY_LIMITED: Final = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}

COUNTS: Final = ("approximate_member_count", "approximate_presence_count")


async def me(call: Call) -> Payload:
    """Return the token's user."""
    call.no_fields()
    return render.own_user(call.actor)


async def user(call: Call) -> Payload:
    """Return any user."""
    call.no_fields()
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise errors.unknown_user()
    return render.user(found)


async def open_dm(call: Call) -> Payload:
    """Return a DM channel with one recipient."""
    form = call.form
    form.required("recipient_id")
    recipient = form.snowflake("recipient_id")
    form.finish()
    other = call.world.users.get(recipient or 0)
    if other is None:
        raise errors.unknown_user()
    # Bots cannot write to bots, and over HTTP people write only to the bot.
    if other is call.actor or other.bot == call.actor.bot:
        raise errors.cannot_message_user()
    return render.channel(call.backend.channels.open_dm(call.actor, other))


async def guilds(call: Call) -> list[Payload]:
    """Return the caller's guilds."""
    query = call.query
    limit = query.integer("limit", 200, least=1, most=200) or 200
    after = query.snowflake("after") or 0
    before = query.snowflake("before") or 1 << 63
    with_counts = query.boolean("with_counts", False)
    query.finish()
    own = [one for one in call.world.guilds.values() if call.actor.id in one.members]
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": guild.owner_id == call.actor.id,
            "permissions": str(int(permissions.in_guild(guild, call.actor))),
            "features": guild.features,
            **(dict.fromkeys(COUNTS, len(guild.members)) if with_counts else {}),
        }
        for guild in own
        if after < guild.id < before
    ][:limit]


async def application(call: Call) -> Payload:
    """Return the application behind the token."""
    call.no_fields()
    world = call.world
    owner = next(one for one in world.users.values() if not one.bot)
    # These flags name the granted privileged intents, for a bot that Discord did not verify.
    flags = sum(flag for name, flag in GATEWAY_LIMITED.items() if name in world.granted_intents)
    return {
        "id": str(world.application_id),
        "name": world.application_name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": render.user(world.bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": render.user(owner),
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": len(world.user_installs),
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {"0": {}, "1": {}},
    }


async def gateway(call: Call) -> Payload:
    """Return the gateway's address."""
    call.no_fields()
    return {"url": call.gateway_url}


async def gateway_bot(call: Call) -> Payload:
    """Return the gateway's address, and how often the bot may still identify."""
    call.no_fields()
    return {
        "url": call.gateway_url,
        "shards": 1,
        "session_start_limit": {
            "total": 1000,
            "remaining": max(0, 1000 - call.world.identified),
            "reset_after": 86_400_000,
            "max_concurrency": 1,
        },
    }


def routes() -> list[Route]:
    """Return all routes of this file."""
    usual: dict[str, Any] = {"limit": Limit("users", 30, 30)}
    return [
        Route("GET", "/users/@me", me, **usual),
        Route("GET", "/users/@me/guilds", guilds, **usual),
        Route("POST", "/users/@me/channels", open_dm, Limit("dms", 10, 10)),
        Route("GET", "/users/{user_id}", user, **usual),
        Route("GET", "/oauth2/applications/@me", application, **usual),
        Route("GET", "/applications/@me", application, **usual),
        Route("GET", "/gateway", gateway, open_to_all=True),
        Route("GET", "/gateway/bot", gateway_bot),
    ]
