"""Reads the embeds of a message and checks Discord's limits.

Limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits.
"""

import re
from typing import Final

from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.forms import Form

MAX_TOTAL: Final = 6000
URL: Final = re.compile(r"(?:https?|attachment)://\S+\Z")


def read_embeds(form: Form) -> list[Payload] | None:
    """Return the form's embeds, None if it has no such field; notes errors on the form."""
    embeds = form.forms("embeds", most=10)
    if embeds is None:
        return None
    total = 0
    found = []
    for embed in embeds:
        payload, size = _read_embed(embed)
        # The limit of 6000 characters is for all embeds of a message together.
        total += size
        if total > MAX_TOTAL:
            message = f"Embed size exceeds maximum size of {MAX_TOTAL}"
            embed.problem("MAX_EMBED_SIZE_EXCEEDED", message)
        found.append(payload)
    return found


def _read_embed(form: Form) -> tuple[Payload, int]:
    payload: Payload = {"type": form.text("type") or "rich"}
    size = 0
    for key, most in (("title", 256), ("description", 4096)):
        text = form.text(key, most=most)
        if text:
            payload[key] = text.strip()
            size += len(text)
    _urls(form, payload, "url")
    color = form.integer("color", least=0, most=0xFFFFFF)
    if color is not None:
        payload["color"] = color
    timestamp = form.text("timestamp")
    if timestamp:
        payload["timestamp"] = timestamp
    # Discord accepts these fields from clients that send a fetched embed back, and ignores them.
    form.ignore("flags", "provider", "video")
    for key, named in (("author", "name"), ("footer", "text")):
        part = form.form(key)
        if part is not None:
            payload[key], length = _read_named(part, named)
            size += length
    for key in ("image", "thumbnail"):
        part = form.form(key)
        if part is not None:
            picture: Payload = {}
            part.required("url")
            _urls(part, picture, "url")
            part.ignore(
                "proxy_url",
                "width",
                "height",
                "description",
                "content_type",
                "placeholder",
                "placeholder_version",
                "flags",
            )
            if picture:
                payload[key] = picture
    fields = form.forms("fields", most=25)
    if fields:
        payload["fields"] = []
        for entry in fields:
            entry.required("name")
            entry.required("value")
            name = entry.text("name", most=256) or ""
            value = entry.text("value", most=1024) or ""
            inline = bool(entry.boolean("inline", False))
            payload["fields"].append({"name": name, "value": value, "inline": inline})
            size += len(name) + len(value)
    return payload, size


def _read_named(form: Form, named: str) -> tuple[Payload, int]:
    text = form.text(named, most=2048 if named == "text" else 256) or ""
    payload: Payload = {named: text}
    _urls(form, payload, "url", "icon_url")
    form.ignore("proxy_icon_url")
    return payload, len(text)


def _urls(form: Form, payload: Payload, *keys: str) -> None:
    for key in keys:
        url = form.text(key, most=2048)
        if not url:
            continue
        if not URL.match(url):
            scheme = url.split(":", 1)[0] if ":" in url else ""
            message = (
                f"Scheme \"{scheme}\" is not supported. Scheme must be one of ('http', 'https')."
                if scheme
                else "Not a well formed URL."
            )
            form.problem(
                "URL_TYPE_INVALID_SCHEME" if scheme else "URL_TYPE_INVALID_URL", message, key
            )
        payload[key] = url
