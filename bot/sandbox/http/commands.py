"""Routes about application commands, global and of a guild."""

from bot.sandbox import errors
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.forms import Form
from bot.sandbox.http.call import Call, RestResponse, Route
from bot.sandbox.http.ratelimits import Limit


def _scope(call: Call) -> int | None:
    """Return the id of the guild in the path; None for global commands.

    Raises ``DiscordError`` if the path's application is not the caller's.
    """
    if call.actor is not call.world.bot:
        raise errors.unauthorized()
    if call.id("application_id") != call.world.application_id:
        raise errors.unknown_application()
    if "guild_id" not in call.request.match_info:
        return None
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None or call.actor.id not in guild.members:
        raise errors.missing_access()
    return guild.id


async def listing(call: Call) -> list[Payload]:
    """Return all commands of a scope."""
    query = call.query
    query.boolean("with_localizations", False)
    query.finish()
    return [one.payload for one in call.backend.commands.all(_scope(call))]


async def overwrite(call: Call) -> list[Payload]:
    """Replace all commands of a scope."""
    # This is the only route whose body is a list, so its error has no field name.
    if not isinstance(call.body, list):
        form = Form({}, call.where)
        form.problem("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        form.finish()
    problems: dict[str, object] = {}
    forms = [
        Form(item, call.where, at=(str(index),), problems=problems)
        for index, item in enumerate(call.body)
    ]
    return [one.payload for one in call.backend.commands.overwrite(_scope(call), forms)]


async def create(call: Call) -> RestResponse:
    """Add one command."""
    made, new = call.backend.commands.create(_scope(call), call.form)
    return RestResponse(201 if new else 200, made.payload)


async def get(call: Call) -> Payload:
    """Return one command."""
    call.no_fields()
    return call.backend.commands.get(_scope(call), call.id("command_id")).payload


async def edit(call: Call) -> Payload:
    """Change one command."""
    scope = _scope(call)
    old = call.backend.commands.get(scope, call.id("command_id"))
    return call.backend.commands.edit(old, call.form).payload


async def delete(call: Call) -> None:
    """Remove one command."""
    call.no_fields()
    call.backend.commands.delete(_scope(call), call.id("command_id"))


def routes() -> list[Route]:
    """Return all routes of this file."""
    found = []
    for scope in ("", "/guilds/{guild_id}"):
        here = "/applications/{application_id}" + scope + "/commands"
        limit = Limit("guild-commands" if scope else "commands", 5, 20)
        one = here + "/{command_id}"
        found += [
            Route("GET", here, listing, limit),
            Route("PUT", here, overwrite, limit),
            Route("POST", here, create, limit),
            Route("GET", one, get, limit),
            Route("PATCH", one, edit, limit),
            Route("DELETE", one, delete, limit),
        ]
    return found
