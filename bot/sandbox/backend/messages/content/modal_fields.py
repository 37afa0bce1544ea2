"""Reads the components that only a modal has: text inputs, uploads, radio buttons, checkboxes.

Each function checks a component's fields and copies them from ``form`` to ``payload``.
"""

from typing import Final

from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.forms import Form

MAX_CHOICES: Final = 10


def read_text_input(form: Form, payload: Payload) -> None:
    """Read a text input: style 1 is a line, style 2 a paragraph."""
    form.required("style")
    payload["style"] = form.integer("style", one_of={1, 2})
    label = form.text("label", most=45)
    if label is not None:
        payload["label"] = label
    payload["required"] = bool(form.boolean("required", True))
    for key, low in (("min_length", 0), ("max_length", 1)):
        length = form.integer(key, least=low, most=4000)
        if length is not None:
            payload[key] = length
    for key, most in (("placeholder", 100), ("value", 4000)):
        text = form.text(key, most=most)
        if text:
            payload[key] = text


def read_file_upload(form: Form, payload: Payload) -> None:
    """Read a field for up to ten files."""
    _read_count(form, payload, MAX_CHOICES)
    payload["required"] = bool(form.boolean("required", True))


def read_radio_group(form: Form, payload: Payload) -> None:
    """Read a group of two to ten options of which one is chosen."""
    payload["required"] = bool(form.boolean("required", True))
    payload["options"] = read_options(form, least=2)
    if sum(1 for option in payload["options"] if option.get("default")) > 1:
        message = "Only one option can be the default"
        form.problem("RADIO_GROUP_TOO_MANY_DEFAULT_OPTIONS", message, "options")


def read_checkbox_group(form: Form, payload: Payload) -> None:
    """Read a group of up to ten options of which several may be chosen."""
    payload["required"] = bool(form.boolean("required", True))
    payload["options"] = read_options(form, least=1)
    _read_count(form, payload, len(payload["options"]) or 1)


def read_checkbox(form: Form, payload: Payload) -> None:
    """Read a single checkbox, which has no ``required``: an unchecked box is an answer, too."""
    payload["default"] = bool(form.boolean("default", False))


def _read_count(form: Form, payload: Payload, most: int) -> None:
    least = form.integer("min_values", 1, least=0, most=MAX_CHOICES)
    payload["min_values"] = least
    payload["max_values"] = form.integer("max_values", most, least=1, most=MAX_CHOICES)


def read_emoji(form: Form) -> Payload | None:
    """Return the emoji of a button or of an option, or None."""
    emoji = form.form("emoji")
    if emoji is None:
        return None
    animated = emoji.boolean("animated", False)
    payload: Payload = {"name": emoji.text("name") or ""}
    custom = emoji.snowflake("id")
    if custom is not None:
        payload.update(id=str(custom), animated=bool(animated))
    return payload


def read_options(
    form: Form, *, least: int, most: int = MAX_CHOICES, emojis: bool = False
) -> list[Payload]:
    """Return the options of a select, radio group or checkbox group.

    ``emojis``: an option may have one.
    """
    form.required("options")
    options = form.forms("options", most=most) or []
    if form.given("options") and len(options) < least:
        message = f"Must be between {least} and {most} in length."
        form.problem("BASE_TYPE_BAD_LENGTH", message, "options")
    found: list[Payload] = []
    for option in options:
        option.required("label")
        option.required("value")
        entry: Payload = {
            "label": option.text("label", least=1, most=100) or "",
            "value": option.text("value", least=1, most=100) or "",
        }
        if description := option.text("description", most=100):
            entry["description"] = description
        if emojis and (emoji := read_emoji(option)) is not None:
            entry["emoji"] = emoji
        if option.boolean("default", False):
            entry["default"] = True
        if any(entry["value"] == other["value"] for other in found):
            message = "The specified option value is already used"
            option.problem("SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message, "value")
        found.append(entry)
    return found
