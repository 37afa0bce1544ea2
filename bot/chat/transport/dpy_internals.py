"""The one module that uses undocumented names of discord.py, and the check that all names exist.

A new release of discord.py may rename any of them without notice.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import aiohttp
import discord
import yarl

from bot.chat.transport.message_payload import describe_unparsed, is_of_person, parse_message

_ARCHIVE_MINUTES: Final = 1_440
"""Minutes without a message after which Discord archives a channel thread the bot opened."""

_NAMES: Final = (
    "Client()._connection.create_message",
    "Client()._connection.parsers",
    "Client().http._global_over",
    "Client().http.close",
    "Client().http.connector",
    "Client().http.get_member",
    "Client().http.http_trace",
    "Client().http.logs_from",
    "Client().http.request",
    "Client().http.send_message",
    "Client().http.start_thread_with_message",
    "Client().ws",
    "Client.dispatch",
    "Member._roles",
    "MessageReference.to_message_reference_dict",
    "PartialMessageable()._state",
    "Webhook.from_state",
    "abc.Messageable._get_channel",
    "gateway.DiscordWebSocket().sequence",
    "gateway.DiscordWebSocket().session_id",
    "gateway.DiscordWebSocket.DEFAULT_GATEWAY",
    "gateway.DiscordWebSocket.close",
    "gateway.DiscordWebSocket.from_client",
    "gateway.DiscordWebSocket.open",
    "gateway.DiscordWebSocket.poll_event",
    "gateway.ReconnectWebSocket",
    "http.Route.BASE",
    "http.handle_message_parameters",
    "message.MessageSnapshot",
    "utils.MISSING",
    "webhook.async_.AsyncWebhookAdapter.edit_original_interaction_response",
    "webhook.async_.async_context",
)
"""The undocumented names, as paths in the package ``discord``.

``Client()`` means an instance, which may have attributes that the class lacks.
"""

_SESSION_EVENTS: Final = frozenset({"READY", "RESUMED"})
"""The events that begin a session: without them no other event is of use, so errors are raised."""

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
    subjects: dict[str, Callable[[], object]] = {
        "": lambda: discord,
        "Client": lambda: client,
        "PartialMessageable": lambda: client.get_partial_messageable(1),
        "gateway.DiscordWebSocket": lambda: discord.gateway.DiscordWebSocket(
            None,  # type: ignore[arg-type]  # nothing is sent over this socket
            loop=None,  # type: ignore[arg-type]  # nothing waits on this socket
        ),
    }
    for name in _NAMES:
        instance, _, path = name.rpartition("().")
        try:
            attrgetter(path)(subjects[instance]())
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
    """A forwarded message with the names of the users that the message mentions, by their ids."""

    __slots__ = ("names",)

    def __init__(self, state: Any, data: Any) -> None:
        super().__init__(state, data)
        self.names = {
            int(user["id"]): str(name)
            for user in data.get("mentions") or ()
            if isinstance(user, dict)
            and str(user.get("id", "")).isdecimal()
            and (name := user.get("global_name") or user.get("username"))
        }


def keep_names_of_forwards() -> None:
    """Keep the names that forwarded messages mention, in this process; discord.py drops them."""
    discord.message.MessageSnapshot = _NamingSnapshot  # type: ignore[misc]


def names_in(snapshot: discord.MessageSnapshot) -> dict[int, str]:
    """Return the names of the users that a forwarded message mentions, by their ids."""
    return snapshot.names if isinstance(snapshot, _NamingSnapshot) else {}


def set_trace(client: discord.Client, trace: aiohttp.TraceConfig) -> None:
    """Observe the client's REST requests; must be called before the client logs in."""
    client.http.http_trace = trace


def end_global_wait(client: discord.Client) -> None:
    """Release the requests that discord.py holds back for the global rate limit."""
    client.http._global_over.set()  # noqa: SLF001 - no public name ends this wait


async def reset_http(client: discord.Client) -> None:
    """Close the client's HTTP session, so that the next login opens a new one."""
    await client.http.close()
    client.http.connector = discord.utils.MISSING


async def open_channel_thread(
    client: discord.Client, channel_id: int, message_id: int, name: str
) -> None:
    """Open a channel thread from a message; raises ``discord.HTTPException``.

    ``Message.create_thread`` raises an error while the guild is not cached, such as after a start.
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
    """Return at most ``limit`` payloads of messages, a function that parses one, the channel's id.

    The newest message comes first. ``Messageable.history`` would stop at the first message that
    can't be parsed. Raises ``discord.HTTPException``.
    """
    concrete: Any = await channel._get_channel()  # noqa: SLF001 - history() calls the same
    state: Any = concrete._state  # noqa: SLF001 - history() reads the same
    raw = await state.http.logs_from(concrete.id, limit, before=before, after=after)
    return raw, _message_parser(state, concrete), concrete.id


def _message_parser(state: Any, channel: Any) -> Callable[[Any], discord.Message]:
    def parse(data: Any) -> discord.Message:
        return _whole(state.create_message(channel=channel, data=data))

    return partial(parse_message, parse)


def _whole(message: discord.Message) -> discord.Message:
    """Return a message; raise ``AttributeError`` where discord.py silently left out a part."""
    _ = message.author, message.mentions, message.role_mentions
    return message


class GuardedClient(discord.Client):
    """A client that calls no handler with an incomplete message, and none after its end."""

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Call an event's handlers unless the client is closed: READY may come after the end."""
        if event == "message":
            _whole(args[0])
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)


def guard_events(client: discord.Client, unreadable: Callable[[Any], None]) -> None:
    """Skip and log each event that can't be parsed; in discord.py it ends the connection.

    ``unreadable`` is called with the payload of a new message that can't be parsed. Edits by bots
    are not parsed: each edit of a reply comes back as an event.
    """
    parsers = client._connection.parsers  # noqa: SLF001 - the parsers have no public name

    def guarded(event: str, parse: Callable[[Any], None], data: Any) -> None:
        created = event == "MESSAGE_CREATE"
        try:
            if created:
                parse_message(parse, data)
            elif event != "MESSAGE_UPDATE" or is_of_person(data):
                parse(data)
        except Exception as error:  # noqa: BLE001 - one unreadable event must not affect the others
            _log.warning("Discord's event %s is skipped: %s", event, describe_unparsed(error, data))
            if created:
                unreadable(data)

    for event, parse in tuple(parsers.items()):
        if event not in _SESSION_EVENTS:
            parsers[event] = partial(guarded, event, parse)


async def reply(
    client: discord.Client, channel_id: int, message_id: int, text: str, nonce: str
) -> None:
    """Reply to a message that can't be parsed; raises ``discord.HTTPException``.

    ``Messageable.send`` would parse Discord's response, which quotes the message.
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
    """Search a guild's messages for a text; raises ``discord.HTTPException``.

    discord.py has no such method. While Discord builds its index, the response has the code 110000:
    https://docs.discord.com/developers/resources/message#search-guild-messages
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
    """Return the messages of a search; a message that can't be parsed is logged and left out."""
    state = client._connection  # noqa: SLF001 - a message is made with its state
    found = []
    for raw in chain.from_iterable(data.get("messages", [])):
        try:
            channel = guild.get_channel_or_thread(int(raw["channel_id"]))
            if channel is not None:
                found.append(_message_parser(state, channel)(raw))
        except Exception as error:  # noqa: BLE001 - one broken message must not hide the others
            _log.warning("A message of a search is skipped: %s", describe_unparsed(error, raw))
    return found


def response_webhook(client: discord.Client, token: str) -> discord.Webhook:
    """Return the ``Interaction.followup`` of an interaction's token, which survives a restart."""
    data: Any = {"id": client.application_id, "type": 3, "token": token}
    state: Any = client._connection  # noqa: SLF001 - Interaction.followup gives the same
    return discord.Webhook.from_state(data, state=state)


async def edit_original(client: discord.Client, webhook: discord.Webhook, **content: Any) -> int:
    """Edit an interaction's original response, and return the message's id.

    ``Interaction.edit_original_response`` does not survive a restart. Raises
    ``discord.HTTPException``.
    """
    with discord.http.handle_message_parameters(
        **content, previous_allowed_mentions=client.allowed_mentions
    ) as parameters:
        data: Any = (
            await discord.webhook.async_.async_context.get().edit_original_interaction_response(
                webhook.id,
                webhook.token or "",
                session=webhook.session,
                proxy=webhook.proxy,
                proxy_auth=webhook.proxy_auth,
                payload=parameters.payload,
                multipart=parameters.multipart,
                files=parameters.files,
            )
        )
    return int(data["id"])


class GatewaySocket:
    """A client's sockets to the gateway, one after the other."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._current: discord.gateway.DiscordWebSocket | None = None

    async def connect(self, session: dict[str, Any]) -> None:
        """Open a socket; ``session`` is what ``session`` returned, or {} to begin a new session."""
        opened = self._opened

        class TrackedSocket(discord.gateway.DiscordWebSocket):
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                super().__init__(*args, **kwargs)
                # A socket whose handshake fails has to be closed, too.
                opened(self)

        self._client.ws = await TrackedSocket.from_client(self._client, **session)

    def _opened(self, socket: "discord.gateway.DiscordWebSocket") -> None:
        self._current = socket

    @property
    def is_open(self) -> bool:
        """Whether the newest socket is open."""
        return self._current is not None and self._current.open

    @property
    def sequence(self) -> int | None:
        """The number of the session's last event."""
        return None if self._current is None else self._current.sequence

    @property
    def session(self) -> dict[str, Any]:
        """The session of the newest socket, to be resumed by ``connect``; {} if it has none."""
        socket = self._current
        if socket is None or socket.session_id is None or socket.sequence is None:
            return {}
        return {
            "resume": True,
            "gateway": socket.gateway,
            "session": socket.session_id,
            "sequence": socket.sequence,
        }

    async def handle_event(self) -> None:
        """Wait for the next event and dispatch it; raises discord.py's errors of a lost socket."""
        assert self._current is not None, "connect comes first"
        await self._current.poll_event()

    async def close(self, code: int) -> None:
        """Close the newest socket with a close code, if there is one."""
        if self._current is not None:
            await self._current.close(code=code)


def reconnect_error() -> type["discord.gateway.ReconnectWebSocket"]:
    """Return the error by which discord.py's socket asks for a new connection."""
    return discord.gateway.ReconnectWebSocket
