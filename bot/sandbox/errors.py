"""Discord's errors: each function pairs an HTTP status with Discord's code and message.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

BLOCKED_BY_AUTOMOD: Final = 200_000
"""Discord's error code for a message with a word that AutoMod blocks."""


class DiscordError(Exception):
    """A request that Discord refuses: HTTP status, code, message and nested form errors."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        errors: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{status} ({code}) {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.extra = extra or {}
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        """Return the JSON object for the client."""
        body: dict[str, Any] = {"message": self.message, "code": self.code, **self.extra}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class Unsupported(Exception):  # noqa: N818 - it says what the sandbox is to a request, as 501 does
    """The request needs a part of Discord that the sandbox does not have; answered by 501."""


class RateLimited(DiscordError):  # noqa: N818 - Discord's word for it
    """A 429: ``scope`` is "user", "shared" or "global"; ``retry_after`` is in seconds."""

    def __init__(
        self,
        retry_after: float,
        *,
        scope: str = "user",
        code: int = 0,
        message: str = "You are being rate limited.",
    ) -> None:
        # Rounded up: who waits that long is not refused again.
        retry_after = math.ceil(max(retry_after, 0.001) * 1000) / 1000
        extra = {"retry_after": retry_after, "global": scope == "global"}
        headers = {"Retry-After": str(math.ceil(retry_after)), "X-RateLimit-Scope": scope}
        if scope == "global":
            headers["X-RateLimit-Global"] = "true"
        super().__init__(429, code, message, extra=extra, headers=headers)
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """Return the JSON object for the client; Discord omits a code of 0."""
        body = super().body()
        if self.code == 0:
            del body["code"]
        return body


def unauthorized() -> DiscordError:
    """The token is missing or wrong."""
    return DiscordError(401, 0, "401: Unauthorized")


def not_found() -> DiscordError:
    """There is nothing at this path."""
    return DiscordError(404, 0, "404: Not Found")


def server_error(status: int = 500) -> DiscordError:
    """Discord has an error of its own."""
    messages = {
        500: "500: Internal Server Error",
        502: "502: Bad Gateway",
        503: "503: Service Unavailable",
        504: "504: Gateway Timeout",
    }
    return DiscordError(status, 0, messages.get(status, f"{status}: Server Error"))


def bad_json() -> DiscordError:
    """The body is not JSON."""
    return DiscordError(400, 50109, "The request body contains invalid JSON.")


def invalid_form(errors: Mapping[str, Any]) -> DiscordError:
    """Fields are wrong; ``errors`` nests as the body does, with ``_errors`` at its leaves."""
    return DiscordError(400, 50035, "Invalid Form Body", errors=errors)


def unknown_channel() -> DiscordError:
    """No such channel."""
    return DiscordError(404, 10003, "Unknown Channel")


def unknown_guild() -> DiscordError:
    """No such guild."""
    return DiscordError(404, 10004, "Unknown Guild")


def unknown_member() -> DiscordError:
    """The user is not a member of the guild."""
    return DiscordError(404, 10007, "Unknown Member")


def unknown_message() -> DiscordError:
    """No such message in this channel."""
    return DiscordError(404, 10008, "Unknown Message")


def unknown_role() -> DiscordError:
    """No such role."""
    return DiscordError(404, 10011, "Unknown Role")


def unknown_user() -> DiscordError:
    """No such user."""
    return DiscordError(404, 10013, "Unknown User")


def unknown_emoji() -> DiscordError:
    """No such emoji."""
    return DiscordError(400, 10014, "Unknown Emoji")


def unknown_webhook() -> DiscordError:
    """The interaction's webhook is used before the interaction was answered."""
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_application() -> DiscordError:
    """The path names another application than the token's."""
    return DiscordError(404, 10002, "Unknown Application")


def unknown_interaction() -> DiscordError:
    """There is no such interaction, or its three seconds are over."""
    return DiscordError(404, 10062, "Unknown interaction")


def unknown_command() -> DiscordError:
    """No such application command."""
    return DiscordError(404, 10063, "Unknown application command")


def old_message_edits(retry_after: float) -> RateLimited:
    """A message older than an hour was edited too often."""
    message = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    return RateLimited(retry_after, code=30046, message=message)


def too_many_command_creates(retry_after: float) -> RateLimited:
    """More than 200 application commands were created in a day."""
    message = "Max number of daily application command creates has been reached (200)"
    return RateLimited(retry_after, code=30034, message=message)


def slowmode(retry_after: float) -> RateLimited:
    """The author posts faster than the channel's slowmode allows."""
    message = "This action cannot be performed due to slowmode rate limit."
    return RateLimited(retry_after, code=20016, message=message)


def too_many_reactions() -> DiscordError:
    """A message has 20 different reactions already."""
    return DiscordError(400, 30010, "Maximum number of reactions reached (20)")


def entity_too_large() -> DiscordError:
    """A file is larger than the guild allows."""
    return DiscordError(413, 40005, "Request entity too large")


def already_acknowledged() -> DiscordError:
    """An interaction was answered twice."""
    return DiscordError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> DiscordError:
    """The channel cannot be seen."""
    return DiscordError(403, 50001, "Missing Access")


def not_in_dm() -> DiscordError:
    """The action does not work in a DM."""
    return DiscordError(403, 50003, "Cannot execute action on a DM channel")


def not_the_author() -> DiscordError:
    """Another user's message cannot be edited."""
    return DiscordError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> DiscordError:
    """The message has neither text nor any other part."""
    return DiscordError(400, 50006, "Cannot send an empty message")


def cannot_message_user() -> DiscordError:
    """The user takes no DMs from this bot."""
    return DiscordError(403, 50007, "Cannot send messages to this user")


def missing_permissions() -> DiscordError:
    """The channel can be seen, but the action needs a permission that is missing."""
    return DiscordError(403, 50013, "Missing Permissions")


def system_message() -> DiscordError:
    """The action does not work on a system message."""
    return DiscordError(403, 50021, "Cannot execute action on a system message")


def invalid_webhook_token() -> DiscordError:
    """The interaction's token is used after its fifteen minutes."""
    return DiscordError(401, 50027, "Invalid Webhook Token")


def thread_archived() -> DiscordError:
    """The thread is archived."""
    return DiscordError(400, 50083, "Thread is archived")


def cannot_reply_without_history() -> DiscordError:
    """A reply needs the permission to read the message history."""
    message = "Cannot reply without permission to read message history"
    return DiscordError(400, 160002, message)


def thread_exists() -> DiscordError:
    """The message has a thread already."""
    return DiscordError(400, 160004, "A thread has already been created for this message")


def thread_locked() -> DiscordError:
    """The thread is locked."""
    return DiscordError(400, 160005, "Thread is locked")


def bad_reference(code: str, message: str) -> DiscordError:
    """A reply or forward points to a message that it may not point to."""
    return invalid_form({"message_reference": {"_errors": [{"code": code, "message": message}]}})


def cannot_reference_without_history() -> DiscordError:
    """A forward needs the permission to read the history of the source channel."""
    message = "Cannot reference a message without permission to read message history"
    return DiscordError(400, 160009, message)


def cannot_forward_unread() -> DiscordError:
    """The bot has no access to the content of the message it forwards."""
    message = "You cannot forward a message whose content you cannot read"
    return DiscordError(400, 160014, message)


def forum_holds_posts() -> DiscordError:
    """A forum holds posts; a message goes into one of them."""
    return DiscordError(400, 40058, "Cannot send a message in a forum channel")


def tag_required() -> DiscordError:
    """The forum takes no post without a tag."""
    message = "A tag is required to create a forum post in this channel"
    return DiscordError(400, 40067, message)


def too_old_to_bulk_delete() -> DiscordError:
    """Bulk deletion takes messages of the last 14 days."""
    message = "You can only bulk delete messages that are under 14 days old."
    return DiscordError(400, 50034, message)


def invalid_sticker() -> DiscordError:
    """No such sticker, or one of another guild."""
    return DiscordError(400, 50081, "Invalid sticker sent")


def unknown_sticker() -> DiscordError:
    """No such sticker."""
    return DiscordError(404, 10060, "Unknown sticker")


def voice_message_with_content() -> DiscordError:
    """A voice message has no parts beside its recording."""
    return DiscordError(400, 50159, "Voice messages do not support additional content.")


def voice_message_without_audio() -> DiscordError:
    """A voice message has exactly one file, which is a recording."""
    return DiscordError(400, 50160, "Voice messages must have a single audio attachment.")


def voice_message_without_metadata() -> DiscordError:
    """A voice message tells its duration and its waveform."""
    return DiscordError(400, 50161, "Voice messages must have supporting metadata.")


def voice_message_edit() -> DiscordError:
    """A voice message cannot be edited."""
    return DiscordError(400, 50162, "Voice messages cannot be edited.")


def too_many_follow_ups() -> DiscordError:
    """An application that is not in the guild may send five follow-ups to an interaction."""
    message = "This interaction has hit the maximum number of follow up messages"
    return DiscordError(400, 40094, message)


def poll_over() -> DiscordError:
    """The poll takes no more votes."""
    return DiscordError(400, 520001, "Poll expired")


def poll_message_edit() -> DiscordError:
    """A message with a poll cannot be edited."""
    return DiscordError(400, 520003, "Cannot edit a poll message")


def not_a_poll() -> DiscordError:
    """The message has no poll that could be ended."""
    return DiscordError(400, 520006, "Cannot expire a non-poll message")
