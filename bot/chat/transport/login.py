"""Logs in to Discord, and explains a refused login to the operator."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import aiohttp
import discord

from bot.chat.transport import dpy_internals
from bot.chat.transport.rest_retry import LONGEST_WAIT, describe_error, verdict
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.runtime.retry import TryAgain, endless, retry

_CLOSED: Final = {
    4004: "Discord does not accept DISCORD_TOKEN any more. Make a new token (developer portal, "
    "your application, Bot, Reset Token) and set it.",
    4011: "The bot is in more servers than Discord sends over one connection (4011), and this "
    "program has one. Take it out of some.",
}
"""The explanation of each close code of the gateway that has its own."""

_log: Final = logging.getLogger(__name__)


class LoginError(Exception):
    """The bot can't log in to Discord; the text tells the operator what to do."""


def own_user(client: discord.Client) -> discord.ClientUser:
    """Return the bot's own user, which a client has from its login on."""
    assert client.user is not None, "the client has logged in"
    return client.user


def needed_permissions(settings: DiscordSettings) -> discord.Permissions:
    """Return the permissions that the bot needs in a server for its answers and functions.

    The tags of forum posts need Manage Threads as well: ``/channel show`` says so where tags are
    set.
    """
    return discord.Permissions(
        view_channel=True,
        send_messages=True,
        # Members also ask in channel threads and in posts.
        send_messages_in_threads=True,
        create_public_threads=settings.answer_in == "thread",
        # For replies, for questions missed while away, and for functions that read messages.
        read_message_history=True,
        # For the reactions to questions that wait or were refused.
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


async def login_with_retries(
    client: discord.Client, attempt: Callable[[], Awaitable[None]], clock: Clock
) -> None:
    """Retry a login until Discord answers; raise discord.py's error where Discord refuses it."""

    async def login() -> None:
        try:
            await attempt()
        except Exception:
            # Each login opens an HTTP session, so the next login needs a new one.
            await dpy_internals.reset_http(client)
            raise

    await retry(login, endless(longest_delay=LONGEST_WAIT), _verdict, clock, on_wait=_log_wait)


def _verdict(error: Exception) -> TryAgain | None:
    """Return how a failed login is retried, as ``rest_retry.verdict`` does.

    No retry (None) helps against a bad address, or a server that is not Discord's.
    """
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
            "only mentions and direct messages."
        ) from None
    except discord.ConnectionClosed as error:
        raise LoginError(
            _CLOSED.get(
                error.code,
                f"Discord ended the connection for good ({error.code}). Start the bot again; if "
                "that does not help, look at the application in the developer portal.",
            )
        ) from error
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
