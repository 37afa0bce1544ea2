"""Routes about messages, reactions and pins."""

from bot.sandbox import errors
from bot.sandbox.backend.messages.content.drafts import read_draft, read_new
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.clock import isoformat
from bot.sandbox.http.call import Call, Route
from bot.sandbox.http.ratelimits import Limit


async def create(call: Call) -> Payload:
    """Post a message."""
    channel = call.channel()
    draft = read_new(call.world, channel, call.form, call.uploads)
    return call.shown(call.backend.messages.post(channel, call.actor, draft))


async def get(call: Call) -> Payload:
    """Return one message."""
    call.no_fields()
    message = call.message()
    found = call.backend.messages.history(message.channel, call.actor, around=message.id, limit=1)
    # The history is empty without Read Message History.
    if not found:
        raise errors.missing_permissions()
    return call.shown(message)


async def edit(call: Call) -> Payload:
    """Edit a message."""
    message = call.message()
    form = call.form
    draft = read_draft(call.world, message.channel, form, call.uploads, edited=message)
    form.finish()
    return call.shown(call.backend.messages.edit(message, call.actor, draft))


async def delete(call: Call) -> None:
    """Delete a message."""
    call.no_fields()
    call.backend.messages.delete(call.message(), call.actor)


async def delete_many(call: Call) -> None:
    """Delete 2 to 100 messages."""
    form = call.form
    form.required("messages")
    ids = form.snowflakes("messages", most=100) or []
    if len(ids) < 2:
        message = "Must be between 2 and 100 in length."
        form.problem("BASE_TYPE_BAD_LENGTH", message, "messages")
    form.finish()
    call.backend.messages.delete_many(call.channel(), call.actor, ids)


async def history(call: Call) -> list[Payload]:
    """Return messages before, after or around one, newest first."""
    query = call.query
    limit = query.integer("limit", 50, least=1, most=100) or 50
    before, after, around = (query.snowflake(key) for key in ("before", "after", "around"))
    query.finish()
    found = call.backend.messages.history(
        call.channel(), call.actor, before=before, after=after, around=around, limit=limit
    )
    return [call.shown(message) for message in found]


async def pins(call: Call) -> Payload:
    """Return the pinned messages, newest first."""
    query = call.query
    before = query.time("before")
    limit = query.integer("limit", 50, least=1, most=50) or 50
    query.finish()
    pinned = [(one.pinned_at, one) for one in call.channel().messages if one.pinned_at is not None]
    pinned.sort(key=lambda pair: pair[0], reverse=True)
    found = [pair for pair in pinned if before is None or pair[0] < before]
    items = [{"pinned_at": isoformat(at), "message": call.shown(one)} for at, one in found[:limit]]
    return {"items": items, "has_more": len(found) > limit}


async def pin(call: Call) -> None:
    """Pin a message."""
    call.no_fields()
    call.backend.messages.pin(call.message(), call.actor, pinned=True)


async def unpin(call: Call) -> None:
    """Unpin a message."""
    call.no_fields()
    call.backend.messages.pin(call.message(), call.actor, pinned=False)


async def poll_voters(call: Call) -> Payload:
    """Return the users who chose an answer of a poll."""
    query = call.query
    after = query.snowflake("after") or 0
    limit = query.integer("limit", 25, least=1, most=100) or 25
    query.finish()
    found = call.backend.polls.voters(call.message(), call.id("answer_id"))
    found.sort(key=lambda user: user.id)
    return {"users": [render.user(user) for user in found if user.id > after][:limit]}


async def expire_poll(call: Call) -> Payload:
    """End one's own poll now."""
    call.no_fields()
    message = call.message()
    call.backend.polls.expire(message, call.actor)
    return call.shown(message)


async def react(call: Call) -> None:
    """Add one's reaction."""
    call.no_fields()
    call.backend.reactions.add(call.message(), call.actor, call.text("emoji"))


async def unreact(call: Call) -> None:
    """Remove one's own or another's reaction."""
    call.no_fields()
    whose = call.world.users.get(call.id("user_id"))
    if whose is None:
        raise errors.unknown_user()
    call.backend.reactions.remove(call.message(), call.actor, whose, call.text("emoji"))


async def reactors(call: Call) -> list[Payload]:
    """Return the users who reacted with an emoji."""
    query = call.query
    after = query.snowflake("after") or 0
    kind = query.integer("type", 0)
    limit = query.integer("limit", 25, least=1, most=100) or 25
    query.finish()
    if kind:
        raise errors.Unsupported(f"{call.where}: burst reactions are not in the sandbox")
    found = call.backend.reactions.users(call.message(), call.actor, call.text("emoji"))
    found.sort(key=lambda user: user.id)
    return [render.user(user) for user in found if user.id > after][:limit]


async def clear_reactions(call: Call) -> None:
    """Remove all reactions."""
    call.no_fields()
    call.backend.reactions.clear(call.message(), call.actor)


async def clear_reaction(call: Call) -> None:
    """Remove all reactions of one emoji."""
    call.no_fields()
    call.backend.reactions.clear(call.message(), call.actor, call.text("emoji"))


def routes() -> list[Route]:
    """Return all routes of this file."""
    here = "/channels/{channel_id}/messages"
    one = here + "/{message_id}"
    emoji = one + "/reactions/{emoji}"
    reactions = Limit("reactions", 1, 0.25)
    pinning = Limit("pins", 5, 5)
    poll = "/channels/{channel_id}/polls/{message_id}"
    return [
        Route("GET", poll + "/answers/{answer_id}", poll_voters, pinning),
        Route("POST", poll + "/expire", expire_poll, pinning),
        Route("GET", here + "/pins", pins, pinning),
        Route("PUT", here + "/pins/{message_id}", pin, pinning),
        Route("DELETE", here + "/pins/{message_id}", unpin, pinning),
        Route("POST", here, create, Limit("message-create", 5, 5)),
        Route("GET", here, history, Limit("history", 5, 5)),
        Route("POST", here + "/bulk-delete", delete_many, Limit("bulk-delete", 1, 3)),
        Route("GET", one, get, Limit("message", 5, 5)),
        Route("PATCH", one, edit, Limit("message-edit", 5, 5)),
        Route("DELETE", one, delete, Limit("message-delete", 5, 1)),
        Route("PUT", emoji + "/@me", react, reactions),
        Route("DELETE", emoji + "/{user_id}", unreact, reactions),
        Route("GET", emoji, reactors, reactions),
        Route("DELETE", emoji, clear_reaction, reactions),
        Route("DELETE", one + "/reactions", clear_reactions, reactions),
    ]
