"""Discord's errors: HTTP status, code and message of each.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

import math
from collections.abc import Callable, Mapping
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


class Unsupported(Exception):  # noqa: N818 - named as the 501 that answers it
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


def _error(status: int, code: int, message: str) -> Callable[[], DiscordError]:
    return lambda: DiscordError(status, code, message)


unauthorized: Final = _error(401, 0, "401: Unauthorized")
# The path names another application than the token's.
unknown_application: Final = _error(404, 10002, "Unknown Application")
unknown_channel: Final = _error(404, 10003, "Unknown Channel")
unknown_guild: Final = _error(404, 10004, "Unknown Guild")
unknown_member: Final = _error(404, 10007, "Unknown Member")
unknown_message: Final = _error(404, 10008, "Unknown Message")
unknown_overwrite: Final = _error(404, 10009, "Unknown Overwrite")
unknown_role: Final = _error(404, 10011, "Unknown Role")
unknown_user: Final = _error(404, 10013, "Unknown User")
unknown_emoji: Final = _error(400, 10014, "Unknown Emoji")
# An interaction has its webhook once it was answered for the first time.
unknown_webhook: Final = _error(404, 10015, "Unknown Webhook")
unknown_sticker: Final = _error(404, 10060, "Unknown sticker")
# There is no such interaction, or its three seconds are over.
unknown_interaction: Final = _error(404, 10062, "Unknown interaction")
unknown_command: Final = _error(404, 10063, "Unknown application command")
unknown_poll_answer: Final = _error(404, 10090, "Unknown poll answer")
# The limit is for different emojis on one message.
too_many_reactions: Final = _error(400, 30010, "Maximum number of reactions reached (20)")
# A file is larger than the guild allows.
entity_too_large: Final = _error(413, 40005, "Request entity too large")
forum_holds_posts: Final = _error(400, 40058, "Cannot send a message in a forum channel")
already_acknowledged: Final = _error(400, 40060, "Interaction has already been acknowledged.")
tag_names_not_unique: Final = _error(400, 40061, "Tag names must be unique")
tag_required: Final = _error(400, 40067, "A tag is required to create a forum post in this channel")
# The limit holds for an application that is not installed in the guild.
too_many_follow_ups: Final = _error(
    400, 40094, "This interaction has hit the maximum number of follow up messages"
)
# The caller does not see the channel.
missing_access: Final = _error(403, 50001, "Missing Access")
not_in_dm: Final = _error(403, 50003, "Cannot execute action on a DM channel")
not_the_author: Final = _error(403, 50005, "Cannot edit a message authored by another user")
empty_message: Final = _error(400, 50006, "Cannot send an empty message")
# The user takes no direct messages from this bot.
cannot_message_user: Final = _error(403, 50007, "Cannot send messages to this user")
not_a_text_channel: Final = _error(400, 50008, "Cannot send messages in a non-text channel")
# The caller sees the channel, but lacks a permission for the action.
missing_permissions: Final = _error(403, 50013, "Missing Permissions")
system_message: Final = _error(403, 50021, "Cannot execute action on a system message")
wrong_channel_type: Final = _error(400, 50024, "Cannot execute action on this channel type")
# An interaction's token is valid for fifteen minutes.
invalid_webhook_token: Final = _error(401, 50027, "Invalid Webhook Token")
too_old_to_bulk_delete: Final = _error(
    400, 50034, "You can only bulk delete messages that are under 14 days old."
)
# The sticker does not exist, or belongs to another guild.
invalid_sticker: Final = _error(400, 50081, "Invalid sticker sent")
thread_archived: Final = _error(400, 50083, "Thread is archived")
bad_json: Final = _error(400, 50109, "The request body contains invalid JSON.")
voice_message_with_content: Final = _error(
    400, 50159, "Voice messages do not support additional content."
)
voice_message_without_audio: Final = _error(
    400, 50160, "Voice messages must have a single audio attachment."
)
voice_message_without_metadata: Final = _error(
    400, 50161, "Voice messages must have supporting metadata."
)
voice_message_edit: Final = _error(400, 50162, "Voice messages cannot be edited.")
cannot_reply_without_history: Final = _error(
    400, 160002, "Cannot reply without permission to read message history"
)
thread_exists: Final = _error(400, 160004, "A thread has already been created for this message")
thread_locked: Final = _error(400, 160005, "Thread is locked")
cannot_reference_without_history: Final = _error(
    400, 160009, "Cannot reference a message without permission to read message history"
)
cannot_forward_unread: Final = _error(
    400, 160014, "You cannot forward a message whose content you cannot read"
)
poll_over: Final = _error(400, 520001, "Poll expired")
poll_message_edit: Final = _error(400, 520003, "Cannot edit a poll message")
not_a_poll: Final = _error(400, 520006, "Cannot expire a non-poll message")


def server_error(status: int = 500) -> DiscordError:
    """Return the error for a fault of Discord itself."""
    messages = {
        500: "500: Internal Server Error",
        502: "502: Bad Gateway",
        503: "503: Service Unavailable",
        504: "504: Gateway Timeout",
    }
    return DiscordError(status, 0, messages.get(status, f"{status}: Server Error"))


def invalid_form(errors: Mapping[str, Any]) -> DiscordError:
    """Return the error for wrong fields.

    ``errors`` nests as the request's body does; the lists ``_errors`` at its leaves say what is
    wrong.
    """
    return DiscordError(400, 50035, "Invalid Form Body", errors=errors)


def old_message_edits(retry_after: float) -> RateLimited:
    """Return the error for too many edits of a message older than an hour."""
    message = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    return RateLimited(retry_after, code=30046, message=message)


def too_many_command_creates(retry_after: float) -> RateLimited:
    """Return the error for more than 200 application commands created in a day."""
    message = "Max number of daily application command creates has been reached (200)"
    return RateLimited(retry_after, code=30034, message=message)


def slowmode(retry_after: float) -> RateLimited:
    """Return the error for an author who posts faster than the channel's slowmode allows."""
    message = "This action cannot be performed due to slowmode rate limit."
    return RateLimited(retry_after, code=20016, message=message)


def bad_reference(code: str, message: str) -> DiscordError:
    """Return the error for a reply to, or a forward of, a message that does not allow it."""
    return invalid_form({"message_reference": {"_errors": [{"code": code, "message": message}]}})
