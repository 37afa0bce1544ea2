"""Every undocumented name of discord.py that the bot uses, and the check that they all exist.

A new release of discord.py may rename any of them without notice. No other module touches one.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

import aiohttp
import discord
import yarl
from discord.webhook.async_ import async_context

from bot.chat.transport.message_payload import filled

_ARCHIVE_MINUTES: Final = 1_440
"""Minutes without a message after which Discord archives a channel thread the bot opened."""

_NAMES: Final = (
    "Client()._connection.create_message",
    "Client()._connection.parsers",
    "Webhook.from_state",
    "Client().http._global_over",
    "Client().http.close",
    "Client().http.connector",
    "Client().http.get_member",
    "Client().http.http_trace",
    "Client().http.logs_from",
    "Client().http.send_message",
    "Client().http.start_thread_with_message",
    "Client().ws",
    "Member._roles",
    "PartialMessageable()._state",
    "abc.Messageable._get_channel",
    "gateway.DiscordWebSocket.DEFAULT_GATEWAY",
    "gateway.DiscordWebSocket.close",
    "gateway.DiscordWebSocket.from_client",
    "gateway.DiscordWebSocket.open",
    "gateway.DiscordWebSocket.poll_event",
    "gateway.DiscordWebSocket().sequence",
    "gateway.DiscordWebSocket().session_id",
    "gateway.ReconnectWebSocket",
    "http.Route.BASE",
    "http.handle_message_parameters",
    "message.MessageSnapshot._from_value",
    "utils.MISSING",
    "webhook.async_.async_context",
)
"""What the functions below use, as paths in the package ``discord``.

``Client()`` stands for an instance, whose attributes the class need not have.
"""

_SESSION_EVENTS: Final = frozenset({"READY", "RESUMED"})
"""Without these a session is of no use: an error in one ends the connection."""

_SPARE: Final = frozenset(
    {"activity", "application", "call", "components", "edited_timestamp", "interaction",
     "interaction_metadata", "member", "position", "purchase_notification", "reactions",
     "referenced_message", "role_subscription_data", "thread"}
)  # fmt: skip
"""Fields of a member's message that the question can do without."""

_EMPTY: Final = {"type": 0, "content": "", "mentions": [], "mention_roles": []}

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)


class IncompatibleLibraryError(Exception):
    """The installed discord.py lacks names that the bot needs; the text tells the operator."""


def check(client: discord.Client) -> None:
    """Raise ``IncompatibleLibraryError`` where the installed discord.py lacks a name."""
    missing = tuple(_missing(client))
    if missing:
        raise IncompatibleLibraryError(
            f"The installed discord.py {discord.__version__} does not fit this bot: it lacks "
            f"{', '.join(missing)}. Install the release that the bot was made for: "
            'pip install "discord.py>=2.7.1,<2.8".'
        )


def _missing(client: discord.Client) -> Iterator[str]:
    instances: dict[str, Callable[[], object]] = {
        "Client()": lambda: client,
        "PartialMessageable()": lambda: client.get_partial_messageable(1),
        "gateway.DiscordWebSocket()": lambda: discord.gateway.DiscordWebSocket(
            None,  # type: ignore[arg-type]  # nothing is sent over this socket
            loop=None,  # type: ignore[arg-type]  # nothing waits on this socket
        ),
    }
    for name in _NAMES:
        start, path = next((key for key in instances if name.startswith(f"{key}.")), ""), name
        try:
            subject: object = discord
            if start:
                subject, path = instances[start](), name.removeprefix(f"{start}.")
            attrgetter(path)(subject)
        except AttributeError:
            yield f"discord.{name}"


def use_api(url: str) -> None:
    """Send all REST requests of this process to ``url``, which includes the API's version."""
    discord.http.Route.BASE = url.rstrip("/")


def api_url() -> str:
    """Return the address that REST requests are sent to."""
    return discord.http.Route.BASE


def use_gateway(url: str) -> None:
    """Connect to this gateway instead of Discord's own, in this process."""
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)


class _NamingSnapshot(discord.MessageSnapshot):
    """A forwarded message that keeps the names of those it mentions, by their ids."""

    __slots__ = ("names",)

    def __init__(self, state: Any, data: Any) -> None:
        super().__init__(state, data)
        users = (each for each in data.get("mentions") or () if isinstance(each, dict))
        self.names = {
            int(each["id"]): str(name)
            for each in users
            if str(each.get("id", "")).isdecimal()
            and (name := each.get("global_name") or each.get("username"))
        }


def keep_names_of_forwards() -> None:
    """Keep whom forwarded messages mention, in this process; discord.py drops their names."""
    discord.message.MessageSnapshot = _NamingSnapshot  # type: ignore[misc]


def names_in(snapshot: discord.MessageSnapshot) -> dict[int, str]:
    """Return the names of those whom a forwarded message mentions, by their ids."""
    return snapshot.names if isinstance(snapshot, _NamingSnapshot) else {}


def set_trace(client: discord.Client, trace: aiohttp.TraceConfig) -> None:
    """Observe the client's REST requests; has to be called before the client logs in."""
    client.http.http_trace = trace


def end_global_wait(client: discord.Client) -> None:
    """Let the requests go on that discord.py holds back for the global rate limit."""
    client.http._global_over.set()  # noqa: SLF001 - no public name ends this wait


async def reset_http(client: discord.Client) -> None:
    """Close the client's HTTP session, so that the next login opens a new one."""
    await client.http.close()
    client.http.connector = discord.utils.MISSING


async def open_channel_thread(
    client: discord.Client, channel_id: int, message_id: int, name: str
) -> None:
    """Open a channel thread from a message; raises ``discord.HTTPException``.

    ``Message.create_thread`` refuses while the guild is not cached, as right after a start.
    """
    await client.http.start_thread_with_message(
        channel_id, message_id, name=name, auto_archive_duration=_ARCHIVE_MINUTES
    )


def known_role_ids(member: discord.Member) -> frozenset[int]:
    """Return the ids of a member's roles without @everyone.

    ``Member.roles`` leaves out roles that are not cached.
    """
    return frozenset(member._roles)  # noqa: SLF001 - see above


async def role_ids(client: discord.Client, guild_id: int, user_id: int) -> frozenset[int]:
    """Return the ids of a member's roles; raises ``discord.HTTPException``.

    ``Guild.fetch_member`` needs a cached guild, and leaves out roles that are not cached.
    """
    data: Any = await client.http.get_member(guild_id, user_id)
    return frozenset(map(int, data["roles"]))


async def raw_history(
    channel: discord.abc.Messageable,
    limit: int,
    *,
    before: int | None = None,
    after: int | None = None,
) -> tuple[Sequence[Any], Callable[[Any], discord.Message], int]:
    """Return a page of raw messages, newest first, their parser, and the channel's id.

    ``Messageable.history`` would stop at the first message that cannot be parsed.
    """
    concrete: Any = await channel._get_channel()  # noqa: SLF001 - history() calls the same
    state: Any = concrete._state  # noqa: SLF001 - history() reads the same
    raw = await state.http.logs_from(concrete.id, limit, before=before, after=after)

    def parse(data: Any) -> discord.Message:
        message: discord.Message = state.create_message(channel=concrete, data=data)
        require_parts(message)
        return message

    return raw, partial(_without_spare_fields, parse), concrete.id


def require_parts(message: discord.Message) -> None:
    """Raise ``AttributeError`` for a message of which discord.py silently left out a part."""
    _ = message.author, message.mentions, message.role_mentions


def guard_events(client: discord.Client, unreadable: Callable[[Any], None]) -> None:
    """Skip and log each event that can't be parsed; by default such an event ends the connection.

    ``unreadable`` is called with the payload of a new message that can't be parsed. Only the edits
    of persons are parsed: each edit of a reply comes back as an event, too.
    """
    parsers = client._connection.parsers  # noqa: SLF001 - no public name for what parses events

    def guarded(event: str, parse: Callable[[Any], None], data: Any) -> None:
        created = event == "MESSAGE_CREATE"
        try:
            if created:
                _without_spare_fields(parse, data)
            elif event != "MESSAGE_UPDATE" or _is_of_person(data):
                parse(data)
        except Exception as error:  # noqa: BLE001 - one unreadable event must not affect the others
            _log.warning("Discord's event %s is skipped: %s", event, unparsed(error, data))
            if created:
                unreadable(data)

    for event, parse in tuple(parsers.items()):
        if event not in _SESSION_EVENTS:
            parsers[event] = partial(guarded, event, parse)


def _is_of_person(data: Any) -> bool:
    author = data.get("author") if isinstance(data, dict) else None
    return isinstance(author, dict) and not author.get("bot")


def unparsed(error: Exception, data: Any) -> str:
    """Describe for the log a payload that can't be parsed, without any text of a member.

    The error's own words may quote the payload, so its type and place stand for them.
    """
    places = traceback.extract_tb(error.__traceback__)
    where = f" in {places[-1].name}, line {places[-1].lineno}" if places else ""
    ids = data if isinstance(data, dict) else {}
    named = " ".join(
        f"{key} {ids[key]}"
        for key in ("id", "channel_id", "guild_id")
        if str(ids.get(key, "")).isdecimal()
    )
    return f"{type(error).__name__}{where} ({named or 'no ids'})"


def _without_spare_fields(parse: Callable[[Any], T], data: Any) -> T:
    """Parse a message; where that fails, parse a person's message without its spare fields.

    Raises what the parser raises. A link preview is spare beside text, and null means absent.
    """
    data = filled(data)
    try:
        return parse(data)
    except Exception as error:
        if not _is_of_person(data):
            raise
        spare = _SPARE | {"embeds"} if data.get("content") else _SPARE
        kept = {key: each for key, each in data.items() if each is not None and key not in spare}
        parsed = parse(_EMPTY | kept)
        _log.info("It is read without its spare fields: %s", unparsed(error, data))
        return parsed


async def reply(
    client: discord.Client, channel_id: int, message_id: int, text: str, nonce: str
) -> None:
    """Reply to a message that can't be parsed; raises ``discord.HTTPException``.

    ``Messageable.send`` would parse that message, which Discord quotes in its response.
    """
    reference = discord.MessageReference(
        message_id=message_id, channel_id=channel_id, fail_if_not_exists=False
    ).to_message_reference_dict()
    with discord.http.handle_message_parameters(
        text, nonce=nonce, message_reference=reference, allowed_mentions=client.allowed_mentions
    ) as parameters:
        await client.http.send_message(channel_id, params=parameters)


async def search_guild(
    client: discord.Client, guild_id: int, text: str, *, channel_id: int | None, limit: int
) -> dict[str, Any]:
    """Search a guild's messages; raises ``discord.HTTPException``.

    discord.py has no method for it. While Discord builds its index it answers 202 with the code
    110000: https://docs.discord.com/developers/resources/message#search-guild-messages
    """
    route = discord.http.Route("GET", "/guilds/{guild_id}/messages/search", guild_id=guild_id)
    query: dict[str, Any] = {"content": text, "limit": limit}
    if channel_id is not None:
        query["channel_id"] = channel_id
    found: dict[str, Any] = await client.http.request(route, params=query)
    return found


def found_messages(
    client: discord.Client, guild: discord.Guild, data: dict[str, Any]
) -> list[discord.Message]:
    """Return the messages of a search; one that can't be parsed is logged and left out."""
    state: Any = client._connection  # noqa: SLF001 - a message is made with its state
    found = []
    for hits in data.get("messages", []):
        for raw in hits:
            try:
                channel: Any = guild.get_channel_or_thread(int(raw["channel_id"]))
                if channel is not None:
                    found.append(discord.Message(state=state, channel=channel, data=raw))
            except Exception as error:  # noqa: BLE001 - one broken message must not hide the others
                _log.warning("A message of a search is skipped: %s", unparsed(error, raw))
    return found


def response_webhook(client: discord.Client, token: str) -> discord.Webhook:
    """Return the ``Interaction.followup`` of a token: no restart keeps the interaction itself."""
    data: Any = {"id": client.application_id, "type": 3, "token": token}
    state: Any = client._connection  # noqa: SLF001 - Interaction.followup gives the same
    return discord.Webhook.from_state(data, state=state)


async def edit_original(client: discord.Client, webhook: discord.Webhook, **content: Any) -> int:
    """Edit an interaction's original response like ``Interaction``; return the message's id.

    Raises ``discord.HTTPException``.
    """
    with discord.http.handle_message_parameters(
        **content, previous_allowed_mentions=client.allowed_mentions
    ) as parameters:
        data: Any = await async_context.get().edit_original_interaction_response(
            webhook.id,
            webhook.token or "",
            session=webhook.session,
            proxy=webhook.proxy,
            proxy_auth=webhook.proxy_auth,
            payload=parameters.payload,
            multipart=parameters.multipart,
            files=parameters.files,
        )
    return int(data["id"])


def socket_class(
    opened: Callable[["discord.gateway.DiscordWebSocket"], None],
) -> type["discord.gateway.DiscordWebSocket"]:
    """Return discord.py's gateway socket; ``opened`` is called with each new socket at once."""

    class _TrackedSocket(discord.gateway.DiscordWebSocket):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            opened(self)

    return _TrackedSocket


def reconnect_error() -> type["discord.gateway.ReconnectWebSocket"]:
    """Return the error by which discord.py's socket asks for a new connection."""
    return discord.gateway.ReconnectWebSocket


def resume_arguments(socket: "discord.gateway.DiscordWebSocket") -> dict[str, Any]:
    """Return the arguments of ``from_client`` that resume a socket's session; {} if it has none."""
    if socket.session_id is None or socket.sequence is None:
        return {}
    return {
        "resume": True,
        "gateway": socket.gateway,
        "session": socket.session_id,
        "sequence": socket.sequence,
    }


def set_socket(client: discord.Client, socket: "discord.gateway.DiscordWebSocket") -> None:
    """Make a socket the client's connection to the gateway."""
    client.ws = socket
