"""Prepares a message's payload for discord.py, which raises an error for an undocumented value.

Discord documents the fields below as present and typed. Where a field is null, missing or of
another type, a neutral value takes its place. A field that an answer needs stays as it is: then
parsing fails, and the author is told.
"""

import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")

_SPARE: Final = frozenset(
    {"activity", "application", "call", "components", "edited_timestamp", "interaction",
     "interaction_metadata", "member", "position", "purchase_notification", "reactions",
     "referenced_message", "role_subscription_data", "thread"}
)  # fmt: skip
"""Fields of a member's message that the question can do without."""

_EMPTY: Final = {"type": 0, "content": "", "mentions": [], "mention_roles": []}

_AUTHOR: Final = {"username": "unknown", "discriminator": "0"}
_SNAPSHOT: Final = {
    "type": 0, "content": "", "embeds": [], "attachments": [], "edited_timestamp": None,
    "flags": 0, "mentions": [], "mention_roles": [], "sticker_items": [], "components": [],
}  # fmt: skip
_EMBED: Final[dict[str, type]] = {
    "title": str, "description": str, "url": str, "timestamp": str, "type": str, "color": int,
    "footer": dict, "author": dict, "provider": dict, "image": dict, "thumbnail": dict,
    "video": dict, "fields": list,
}  # fmt: skip

_log: Final = logging.getLogger(__name__)


def parse_message(parse: Callable[[Any], T], data: Any) -> T:
    """Parse a message; where that fails, parse a person's message without its spare fields.

    Raises what the parser raises. Spare fields are ``_SPARE``, fields that are null and, in a
    message with text, link previews.
    """
    data = filled(data)
    try:
        return parse(data)
    except Exception as error:
        if not is_of_person(data):
            raise
        spare = _SPARE | {"embeds"} if data.get("content") else _SPARE
        kept = {key: value for key, value in data.items() if value is not None and key not in spare}
        parsed = parse(_EMPTY | kept)
        _log.info("A message is read without its spare fields: %s", describe_unparsed(error, data))
        return parsed


def is_of_person(data: Any) -> bool:
    """Return whether a message's payload names an author that is no bot."""
    author = data.get("author") if isinstance(data, dict) else None
    return isinstance(author, dict) and not author.get("bot")


def describe_unparsed(error: Exception, data: Any) -> str:
    """Describe for the log a payload that can't be parsed, without any text of a member.

    The error's message may quote the payload, so the log has the error's type and place instead.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {frames[-1].name}, line {frames[-1].lineno}" if frames else ""
    fields = data if isinstance(data, dict) else {}
    ids = " ".join(
        f"{key} {fields[key]}"
        for key in ("id", "channel_id", "guild_id")
        if str(fields.get(key, "")).isdecimal()
    )
    return f"{type(error).__name__}{where} ({ids or 'no ids'})"


def filled(data: Any) -> Any:
    """Return a message's payload with its gaps filled.

    Raises ``TypeError`` for a file without a name or an address: a question needs both.
    """
    if not isinstance(data, dict):
        return data
    kind = data.get("type")
    made = {**data, "type": 0 if kind is None else _number(kind), **_text_fields(data)}
    if "author" in data:
        made["author"] = _author(data["author"])
    made["mentions"] = [each for each in _dicts(data.get("mentions")) if each.get("id")]
    poll = data.get("poll")
    if isinstance(poll, dict):
        made["poll"] = _poll(poll, data.get("timestamp"))
    if not str(data.get("application_id", 0)).isdecimal():
        del made["application_id"]
    reference = data.get("message_reference")
    if reference is None:
        made.pop("message_reference", None)
    elif not _has_channel(reference):
        made["message_reference"] = _lost_reference(reference, data.get("channel_id"))
    snapshots = data.get("message_snapshots")
    if snapshots is None:
        made.pop("message_snapshots", None)
    elif isinstance(snapshots, list):
        made["message_snapshots"] = [_snapshot(each, data.get("timestamp")) for each in snapshots]
    return made


def _text_fields(data: dict[str, Any]) -> dict[str, Any]:
    """Return the fields for text, files and embeds, which forwarded messages have, too."""
    content = data.get("content")
    return {
        "content": content if isinstance(content, str) else "",
        "attachments": [_attachment(each) for each in data.get("attachments") or ()],
        "embeds": [_embed(each) for each in _dicts(data.get("embeds"))],
    }


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _number(value: Any) -> Any:
    """Return a whole number that came as text; other values unchanged."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    return value


def _author(author: Any) -> Any:
    if not isinstance(author, dict):
        return author
    made = {**author, **{key: text for key, text in _AUTHOR.items()
                         if not isinstance(author.get(key), str)}}  # fmt: skip
    for key in ("global_name", "avatar"):
        made[key] = author[key] if isinstance(author.get(key), str) else None
    return made


def _attachment(attachment: Any) -> dict[str, Any]:
    if not isinstance(attachment, dict) or not all(
        isinstance(attachment.get(key), str) for key in ("filename", "url")
    ):
        msg = "a file has no name or no address"
        raise TypeError(msg)
    size = _number(attachment.get("size"))
    proxy = attachment.get("proxy_url")
    return {
        **attachment,
        "size": size if isinstance(size, int) and 0 <= size < 2**63 else 0,
        "proxy_url": proxy if isinstance(proxy, str) else attachment["url"],
    }


def _embed(embed: dict[str, Any]) -> dict[str, Any]:
    made = {key: each for key, each in embed.items() if isinstance(each, _EMBED.get(key, object))}
    made["fields"] = [
        {"inline": False, **each, "value": str(each.get("value") or "")}
        for each in _dicts(embed.get("fields"))
        if isinstance(each.get("name"), str)
    ]
    return made


def _poll(poll: dict[str, Any], sent_at: Any) -> dict[str, Any]:
    """Fill a poll that has a question and answers; the end and the votes are not needed."""
    question = poll.get("question")
    made = {key: each for key, each in poll.items() if key != "results" or isinstance(each, dict)}
    if isinstance(question, dict) and not isinstance(question.get("text"), str):
        made["question"] = {**question, "text": ""}
    if not isinstance(poll.get("expiry"), str):
        made["expiry"] = sent_at
    return made


def _has_channel(reference: Any) -> bool:
    return isinstance(reference, dict) and str(reference.get("channel_id")).isdecimal()


def _lost_reference(reference: Any, channel_id: Any) -> dict[str, Any]:
    """Return a reference to no message: the member is told that the message can't be read."""
    kind = reference.get("type") if isinstance(reference, dict) else None
    return {"type": kind or 0, "channel_id": channel_id, "message_id": None}


def _snapshot(snapshot: Any, sent_at: Any) -> Any:
    message = snapshot.get("message") if isinstance(snapshot, dict) else None
    if not isinstance(message, dict):
        return snapshot
    known = {key: value for key, value in message.items() if value is not None}
    filled_message = {"timestamp": sent_at, **_SNAPSHOT, **known, **_text_fields(message)}
    return {**snapshot, "message": filled_message}
