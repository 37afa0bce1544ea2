"""Logs in to Discord, and words what prevents the login in one sentence for the operator."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
import discord

from bot.chat.texts.fluent import localized
from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import LONGEST_WAIT, describe_error, verdict
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.runtime.retry import TryAgain, endless, retry

_AUTHENTICATION_FAILED: Final = 4004
"""The gateway's close code for a token that is not, or no longer, valid."""

_SHARDING_REQUIRED: Final = 4011

_log: Final = logging.getLogger(__name__)


class LoginError(Exception):
    """The bot can't log in to Discord; the text tells the operator what to do."""


@dataclass(frozen=True)
class BotProfile:
    """The bot as Discord knows it; ``invite_url`` adds it to a server with its permissions.

    ``reads_messages`` tells that the Message Content intent is on, ``is_approved`` that Discord has
    approved the intent for a bot of any size. ``reachable`` is about how many people share a server
    with the bot, or have installed it themselves; a member of two servers counts twice.
    """

    name: str
    reads_messages: bool
    is_approved: bool
    guilds: int
    reachable: int
    invite_url: str


def own_user(client: discord.Client) -> discord.ClientUser:
    """Return the bot's own user; a client has one from its login on."""
    assert client.user is not None, "asked for before the login"
    return client.user


def needed_permissions(settings: DiscordSettings) -> discord.Permissions:
    """Return what the bot needs in a server, for its answers and its functions, and no more.

    The tags of forum posts need Manage Threads as well, which ``/channel show`` names where they
    are set.
    """
    return discord.Permissions(
        view_channel=True,
        send_messages=True,
        # Members also ask in channel threads and in posts.
        send_messages_in_threads=True,
        create_public_threads=settings.answer_in == "thread",
        # For replies, for what was missed while away, and for functions that read messages.
        read_message_history=True,
        # For the marks of questions that wait, or that were refused.
        add_reactions=True,
        # For long answers, formulas, and the files and pictures of code and of functions.
        attach_files=True,
    )


def invite_url(application_id: int, settings: DiscordSettings) -> str:
    """Return the link that adds the bot to a server, with the permissions it needs."""
    return discord.utils.oauth_url(
        application_id,
        permissions=needed_permissions(settings),
        scopes=("bot", "applications.commands"),
    )


async def profile_of(client: discord.Client, settings: DiscordSettings) -> BotProfile:
    """Return the profile of a client that has logged in over HTTP, without the gateway."""
    application = await client.application_info()
    guilds = [guild async for guild in client.fetch_guilds(limit=None, with_counts=True)]
    members = sum(guild.approximate_member_count or 0 for guild in guilds)
    flags = application.flags
    return BotProfile(
        name=str(client.user),
        reads_messages=flags.gateway_message_content or flags.gateway_message_content_limited,
        is_approved=flags.gateway_message_content,
        guilds=len(guilds),
        reachable=members + (application.approximate_user_install_count or 0),
        invite_url=invite_url(application.id, settings),
    )


async def write_and_delete(token: str, api_url: str, channel_id: int) -> None:
    """Send a message to a channel, edit it and delete it, without the gateway.

    Raises ``LoginError`` that tells the operator what the bot lacks.
    """
    with login_errors(api_url):
        dpy_internals.use_api(api_url)
        client = discord.Client(intents=discord.Intents.none())
        try:
            await client.login(token)
            channel = client.get_partial_messageable(channel_id)
            message = await channel.send(localized("check-message"))
            try:
                await message.edit(content=localized("check-message-edited"))
            finally:
                await message.delete()
        except discord.Forbidden as error:
            raise LoginError(
                f"Discord does not let the bot write in channel {channel_id} ({error.text}). Give "
                "its role the permissions to view the channel and to send messages there."
            ) from None
        except discord.NotFound:
            raise LoginError(
                f"There is no channel {channel_id}. Copy the id of a channel in which the bot may "
                "write (Discord's settings, Developer Mode, then Copy Channel ID)."
            ) from None
        finally:
            await client.close()


async def login_with_retries(
    client: discord.Client, attempt: Callable[[], Awaitable[None]], clock: Clock
) -> None:
    """Retry a login until Discord answers; raise discord.py's error where Discord refuses it."""

    async def login() -> None:
        try:
            await attempt()
        except Exception:
            # After any failure: each login opens a session, and the next login needs a new one.
            await dpy_internals.reset_http(client)
            raise

    await retry(login, endless(longest_delay=LONGEST_WAIT), _verdict, clock, on_wait=_log_wait)


def _verdict(error: Exception) -> TryAgain | None:
    """Judge a failed login: a bad address does not pass, nor does a server that is no Discord."""
    if isinstance(error, aiohttp.InvalidURL | json.JSONDecodeError):
        return None
    return verdict(error)


def _log_wait(error: Exception, seconds: float) -> None:
    _log.warning(
        "Discord at %s %s; trying again in %.1f s",
        dpy_internals.api_url(),
        describe_error(error),
        seconds,
    )


@contextmanager
def login_errors(api_url: str) -> Iterator[None]:
    """Raise ``LoginError`` instead of the errors that keep the bot from logging in."""
    try:
        yield
    except dpy_internals.IncompatibleLibraryError as error:
        raise LoginError(str(error)) from error
    except discord.LoginFailure:
        raise LoginError(
            "Discord refuses DISCORD_TOKEN. Make a new token (developer portal, your application, "
            "Bot, Reset Token) and set it."
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise LoginError(
            "Discord has not granted the bot the Message Content intent, without which it can't "
            "read questions. Switch it on: developer portal, your application, Bot, Privileged "
            "Gateway Intents. Or set [discord] message_content = false: then the bot reads "
            "mentions and direct messages alone."
        ) from None
    except discord.ConnectionClosed as error:
        if error.code == _SHARDING_REQUIRED:
            raise LoginError(
                "The bot is in more servers than Discord sends over one connection (4011), and "
                "this program has one. Take it out of some."
            ) from None
        if error.code != _AUTHENTICATION_FAILED:
            raise LoginError(
                f"Discord ended the connection for good ({error.code}). Start the bot again; if "
                "that does not help, look at the application in the developer portal."
            ) from error
        raise LoginError(
            "Discord does not accept DISCORD_TOKEN any more. Make a new token (developer portal, "
            "your application, Bot, Reset Token) and set it."
        ) from None
    except discord.HTTPException as error:
        raise LoginError(
            f"Discord answers with an error ({error.status}). Try again in a few minutes."
        ) from error
    except discord.RateLimited as error:
        raise LoginError(
            f"Discord wants fewer requests. Try again in {error.retry_after:.0f} seconds."
        ) from error
    except (aiohttp.ClientError, OSError) as error:
        raise LoginError(
            f"Discord can't be reached at {api_url}. Check this machine's network, or [discord] "
            "api_url."
        ) from error
