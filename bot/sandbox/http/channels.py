"""Routes about channels, channel threads, typing and permission overwrites."""

from bot.sandbox import errors
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.kinds import POST_CHANNELS
from bot.sandbox.backend.state.model import Channel
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.http.call import Call, RestResponse, Route
from bot.sandbox.http.ratelimits import Limit


def _shown(call: Call, channel: Channel) -> Payload:
    return render.thread_for(channel, call.actor)


async def get(call: Call) -> Payload:
    """Return a channel."""
    call.no_fields()
    return _shown(call, call.channel())


async def modify(call: Call) -> Payload:
    """Change a channel or thread; a name or topic changes twice in ten minutes at most."""
    channel = call.channel()
    form = call.form
    if form.given("name") or form.given("topic"):
        call.count_rename(channel)
    if channel.thread is not None:
        call.backend.threads.modify(channel, call.actor, form)
    else:
        call.backend.channels.modify(channel, call.actor, form)
    return _shown(call, channel)


async def delete(call: Call) -> Payload:
    """Delete a channel or thread, or close a DM."""
    call.no_fields()
    channel = call.channel()
    payload = _shown(call, channel)
    call.backend.channels.delete(channel, call.actor)
    return payload


async def typing(call: Call) -> None:
    """Show "… is typing"."""
    call.no_fields()
    call.backend.channels.start_typing(call.channel(), call.actor)


async def thread_from_message(call: Call) -> RestResponse:
    """Start a thread on a message."""
    thread = call.backend.threads.from_message(call.message(), call.actor, call.form)
    return RestResponse(201, _shown(call, thread))


async def thread(call: Call) -> RestResponse:
    """Start a thread without a message, or a forum post with its first message."""
    parent = call.channel()
    if parent.type in POST_CHANNELS:
        query = call.query
        query.ignore("use_nested_fields")  # an older form of the request, which discord.py names
        query.finish()
        post, message = call.backend.posts.create(parent, call.actor, call.form, call.uploads)
        return RestResponse(201, {**_shown(call, post), "message": call.shown(message)})
    made = call.backend.threads.without_message(
        parent, call.actor, call.form, call.backend.messages.publish
    )
    return RestResponse(201, _shown(call, made))


def _thread_of(call: Call) -> Channel:
    """Return the path's channel, which must be a channel thread."""
    channel = call.channel()
    if channel.thread is None:
        raise errors.wrong_channel_type()
    return channel


async def join_thread(call: Call) -> None:
    """Add oneself or another member to a thread."""
    call.no_fields()
    channel = _thread_of(call)
    user_id = call.id("user_id")
    user = call.world.users.get(user_id)
    if user is None or channel.guild is None or user.id not in channel.guild.members:
        raise errors.unknown_member()
    if channel.thread_state.archived:
        raise errors.thread_archived()
    if user is not call.actor:
        call.world.require(channel, call.actor, Permission.SEND_MESSAGES_IN_THREADS)
    call.backend.threads.add_member(channel, user)


async def leave_thread(call: Call) -> None:
    """Remove oneself or another member from a thread."""
    call.no_fields()
    channel = _thread_of(call)
    user_id = call.id("user_id")
    if channel.thread_state.archived:
        raise errors.thread_archived()
    if user_id != call.actor.id:
        call.world.require(channel, call.actor, Permission.MANAGE_THREADS)
    call.backend.threads.remove_member(channel, user_id)


async def thread_members(call: Call) -> list[Payload]:
    """Return a thread's members."""
    query = call.query
    with_member = bool(query.boolean("with_member", False))
    after = query.snowflake("after") or 0
    limit = query.integer("limit", 100, least=1, most=100) or 100
    query.finish()
    channel = _thread_of(call)
    found = [one for one in sorted(channel.thread_state.members) if one > after]
    return [_membership(channel, one, with_member=with_member) for one in found[:limit]]


def _membership(channel: Channel, user_id: int, *, with_member: bool) -> Payload:
    payload = render.thread_member(channel, user_id)
    if with_member and channel.guild is not None:
        payload["member"] = render.member(channel.guild.members[user_id])
    return payload


async def thread_member(call: Call) -> Payload:
    """Return one member of a thread."""
    query = call.query
    with_member = bool(query.boolean("with_member", False))
    query.finish()
    channel = _thread_of(call)
    user_id = call.id("user_id")
    if user_id not in channel.thread_state.members:
        raise errors.unknown_member()
    return _membership(channel, user_id, with_member=with_member)


async def archived_threads(call: Call) -> Payload:
    """Return a channel's archived public threads, the last archived first."""
    query = call.query
    before = query.time("before")
    limit = query.integer("limit", 50, least=2, most=100) or 50
    query.finish()
    channel = call.channel()
    call.world.require(channel, call.actor, Permission.READ_MESSAGE_HISTORY)
    found = [
        one
        for one in channel.threads
        if one.thread is not None and one.thread.archived and not one.thread.private
        if before is None or one.thread.archived_at < before
    ]
    found.sort(key=lambda one: one.thread.archived_at if one.thread else 0.0, reverse=True)
    own = [one for one in found[:limit] if one.thread and call.actor.id in one.thread.members]
    return {
        "threads": [_shown(call, one) for one in found[:limit]],
        "members": [render.thread_member(one, call.actor.id) for one in own],
        "has_more": len(found) > limit,
    }


async def set_overwrite(call: Call) -> None:
    """Set a permission overwrite."""
    target = call.id("overwrite_id")
    call.backend.channels.set_overwrite(call.channel(), call.actor, target, call.form)


async def remove_overwrite(call: Call) -> None:
    """Remove a permission overwrite."""
    call.no_fields()
    channel, target = call.channel(), call.id("overwrite_id")
    call.backend.channels.remove_overwrite(channel, call.actor, target)


def routes() -> list[Route]:
    """Return all routes of this file."""
    here = "/channels/{channel_id}"
    members = Limit("thread-members", 50, 50)
    return [
        Route("GET", here, get, Limit("channel", 20, 10)),
        Route("PATCH", here, modify, Limit("channel-modify", 10, 15)),
        Route("DELETE", here, delete, Limit("channel-modify", 10, 15)),
        Route("POST", here + "/typing", typing, Limit("typing", 5, 5)),
        Route(
            "POST",
            here + "/messages/{message_id}/threads",
            thread_from_message,
            Limit("threads", 5, 5),
        ),
        Route("POST", here + "/threads", thread, Limit("threads", 5, 5)),
        Route("GET", here + "/threads/archived/public", archived_threads, members),
        Route("GET", here + "/thread-members", thread_members, members),
        Route("GET", here + "/thread-members/{user_id}", thread_member, members),
        Route("PUT", here + "/thread-members/{user_id}", join_thread, members),
        Route("DELETE", here + "/thread-members/{user_id}", leave_thread, members),
        Route("PUT", here + "/permissions/{overwrite_id}", set_overwrite, members),
        Route("DELETE", here + "/permissions/{overwrite_id}", remove_overwrite, members),
    ]
