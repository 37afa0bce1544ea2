"""Routes by which an application answers interactions: the callback and the webhook."""

from bot.sandbox.backend.interactions.interactions import Interaction
from bot.sandbox.backend.state.kinds import MessageFlag
from bot.sandbox.backend.state.model import DiscordMessage
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.http.call import Call, Handler, Route
from bot.sandbox.http.ratelimits import Limit


async def callback(call: Call) -> Payload | None:
    """Answer an interaction for the first time."""
    interactions = call.backend.interactions
    query = call.query
    with_response = query.boolean("with_response", False)
    query.finish()
    found = interactions.find(call.id("interaction_id"), call.text("interaction_token"))
    call.backend.answers.respond(found, call.form, call.uploads)
    if not with_response:
        return None
    payload: Payload = {"interaction": {"id": str(found.id), "type": found.kind}}
    kind = found.response_type
    if kind in (4, 5, 7) and found.original is not None:
        payload["interaction"].update(
            response_message_id=str(found.original.id),
            response_message_loading=found.original.loading,
            response_message_ephemeral=bool(found.original.flags & MessageFlag.EPHEMERAL),
        )
        # A deferred answer has no content yet, so the response does not include the message.
        if kind != 5:
            payload["resource"] = {"type": kind, "message": _shown(call, found.original)}
    return payload


def _interaction(call: Call) -> Interaction:
    application = call.id("application_id")
    return call.backend.interactions.by_token(application, call.text("interaction_token"))


def _shown(call: Call, message: DiscordMessage) -> Payload:
    return call.world.writer.full(message, call.world.bot, call.world.now())


def _message(call: Call, interaction: Interaction) -> DiscordMessage:
    named = call.text("message_id")
    message_id = None if named == "@original" else call.id("message_id")
    return call.backend.answers.response(interaction, message_id)


async def follow_up(call: Call) -> Payload:
    """Post a follow-up message."""
    query = call.query
    query.ignore("wait", "with_components")
    query.finish()
    interaction = _interaction(call)
    message = call.backend.answers.follow_up(interaction, call.form, call.uploads)
    return _shown(call, message)


async def get(call: Call) -> Payload:
    """Return a message of the interaction."""
    query = call.query
    query.finish()
    return _shown(call, _message(call, _interaction(call)))


async def edit(call: Call) -> Payload:
    """Edit a message of the interaction."""
    query = call.query
    query.ignore("wait", "with_components")
    query.finish()
    message = _message(call, _interaction(call))
    return _shown(call, call.backend.answers.edit(message, call.form, call.uploads))


async def delete(call: Call) -> None:
    """Delete a message of the interaction."""
    query = call.query
    query.finish()
    call.backend.answers.delete(_message(call, _interaction(call)))


def routes() -> list[Route]:
    """Return all routes of this file; each has the interaction's token in its path."""
    webhook = "/webhooks/{application_id}/{interaction_token}"
    one = webhook + "/messages/{message_id}"
    limit = Limit("webhook", 5, 2)

    def route(method: str, template: str, handler: Handler) -> Route:
        return Route(method, template, handler, limit, open_to_all=True, free=True)

    return [
        Route(
            "POST",
            "/interactions/{interaction_id}/{interaction_token}/callback",
            callback,
            open_to_all=True,
            free=True,
        ),
        route("POST", webhook, follow_up),
        route("GET", one, get),
        route("PATCH", one, edit),
        route("DELETE", one, delete),
    ]
