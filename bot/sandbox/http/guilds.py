"""Routes about guilds, their channels, members and roles."""

from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.errors import unknown_sticker
from bot.sandbox.http.call import Call, RestResponse, Route
from bot.sandbox.http.ratelimits import Limit


async def get(call: Call) -> Payload:
    """Return a guild."""
    query = call.query
    with_counts = query.boolean("with_counts", False)
    query.finish()
    guild = call.guild()
    payload = render.guild(guild)
    if with_counts:
        payload["approximate_member_count"] = len(guild.members)
        payload["approximate_presence_count"] = len(guild.members)
    return payload


async def channels(call: Call) -> list[Payload]:
    """Return a guild's channels, threads left out."""
    call.no_fields()
    return [render.channel(one) for one in call.guild().channels.values()]


async def create_channel(call: Call) -> RestResponse:
    """Make a channel."""
    made = call.backend.channels.create(call.guild(), call.actor, call.form)
    return RestResponse(201, render.channel(made))


async def active_threads(call: Call) -> Payload:
    """Return all active threads that the caller sees."""
    call.no_fields()
    found = [
        one
        for one in call.guild().threads
        if one.thread and not one.thread.archived and call.world.sees(one, call.actor)
    ]
    # `members` holds the caller's own memberships, not all of the threads'.
    own = [one for one in found if one.thread and call.actor.id in one.thread.members]
    return {
        "threads": [render.thread_for(one, call.actor) for one in found],
        "members": [render.thread_member(one, call.actor.id) for one in own],
        "has_more": False,
    }


async def search(call: Call) -> Payload:
    """Search the messages that the caller may read, newest first; the index is always built."""
    guild = call.guild()
    query = call.query
    content = query.text("content", most=1024) or ""
    limit = query.integer("limit", 25, least=1, most=25) or 25
    within = query.snowflake("channel_id")
    query.finish()
    places = [*guild.channels.values(), *guild.threads]
    found = [
        message
        for place in places
        if within in (None, place.id) and call.world.sees(place, call.actor)
        for message in call.backend.messages.history(place, call.actor, limit=100)
        if content.casefold() in message.content.casefold()
    ]
    found.sort(key=lambda message: message.id, reverse=True)
    return {
        "doing_deep_historical_index": False,
        "total_results": len(found),
        "messages": [[call.shown(each) | {"hit": True}] for each in found[:limit]],
    }


async def roles(call: Call) -> list[Payload]:
    """Return a guild's roles."""
    call.no_fields()
    return [render.role(one) for one in call.guild().roles.values()]


async def stickers(call: Call) -> list[Payload]:
    """Return a guild's stickers."""
    call.no_fields()
    return [render.sticker(one) for one in call.guild().stickers.values()]


async def guild_sticker(call: Call) -> Payload:
    """Return one sticker of a guild."""
    call.no_fields()
    found = call.guild().stickers.get(call.id("sticker_id"))
    if found is None:
        raise unknown_sticker()
    return render.sticker(found)


async def sticker(call: Call) -> Payload:
    """Return one sticker, of whatever guild."""
    call.no_fields()
    found = call.world.sticker(call.id("sticker_id"))
    if found is None:
        raise unknown_sticker()
    return render.sticker(found)


async def member(call: Call) -> Payload:
    """Return one member."""
    call.no_fields()
    return render.member(call.backend.guilds.member(call.guild(), call.id("user_id")))


async def members(call: Call) -> list[Payload]:
    """Return members by id."""
    query = call.query
    limit = query.integer("limit", 1, least=1, most=1000) or 1
    after = query.snowflake("after") or 0
    query.finish()
    found = sorted(call.guild().members.values(), key=lambda one: one.user.id)
    return [render.member(one) for one in found if one.user.id > after][:limit]


async def modify_self(call: Call) -> Payload:
    """Change one's nickname."""
    return render.member(call.backend.guilds.rename_self(call.guild(), call.actor, call.form))


async def give_role(call: Call) -> None:
    """Give a member a role."""
    call.no_fields()
    call.backend.guilds.change_role(
        call.guild(), call.actor, call.id("user_id"), call.id("role_id"), give=True
    )


async def take_role(call: Call) -> None:
    """Take a role from a member."""
    call.no_fields()
    call.backend.guilds.change_role(
        call.guild(), call.actor, call.id("user_id"), call.id("role_id"), give=False
    )


def routes() -> list[Route]:
    """Return all routes of this file."""
    here = "/guilds/{guild_id}"
    usual = Limit("guild", 20, 10)
    role = here + "/members/{user_id}/roles/{role_id}"
    return [
        Route("GET", here, get, usual),
        Route("GET", here + "/channels", channels, usual),
        Route("POST", here + "/channels", create_channel, usual),
        Route("GET", here + "/threads/active", active_threads, usual),
        Route("GET", here + "/messages/search", search, usual),
        Route("GET", here + "/roles", roles, usual),
        Route("GET", here + "/stickers", stickers, usual),
        Route("GET", here + "/stickers/{sticker_id}", guild_sticker, usual),
        Route("GET", "/stickers/{sticker_id}", sticker, usual),
        Route("GET", here + "/members", members, usual),
        Route("PATCH", here + "/members/@me", modify_self, usual),
        Route("GET", here + "/members/{user_id}", member, usual),
        Route("PUT", role, give_role, usual),
        Route("DELETE", role, take_role, usual),
    ]
