"""Reads the components of messages and modals, checks them, and numbers them as Discord does."""

from collections.abc import Callable
from typing import Final

from bot.sandbox.backend.messages.content import modal_fields
from bot.sandbox.backend.messages.content.component_kinds import (
    ACTION_ROW,
    BUTTON,
    CHANNEL_SELECT,
    CHECKBOX,
    CHECKBOX_GROUP,
    CONTAINER,
    FIELDS,
    FILE,
    FILE_UPLOAD,
    LABEL,
    LAST_KIND,
    LINK_STYLE,
    MEDIA_GALLERY,
    PREMIUM_STYLE,
    RADIO_GROUP,
    SECTION,
    SELECTS,
    SEPARATOR,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    THUMBNAIL,
)
from bot.sandbox.backend.messages.content.embeds import URL
from bot.sandbox.backend.messages.content.media import REFERENCE
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.errors import Unsupported
from bot.sandbox.forms import Form

# Nested components count, and so does each text display wherever it stands:
# https://discord.com/developers/docs/components/reference
MAX_IN_A_V2_MESSAGE: Final = 40
MAX_V2_TEXT: Final = 4000
_IN_A_V2_MESSAGE: Final = frozenset(
    {ACTION_ROW, SECTION, TEXT_DISPLAY, MEDIA_GALLERY, FILE, SEPARATOR, CONTAINER}
)
_IN_A_MODAL: Final = frozenset({ACTION_ROW, LABEL, TEXT_DISPLAY})


class ComponentReader:
    """Reads one tree of components of a message, or of a modal if ``modal`` is set.

    ``v2`` allows the kinds that only a message of Components V2 has.
    """

    def __init__(self, *, modal: bool = False, v2: bool = False) -> None:
        self._modal = modal
        self._v2 = v2
        self._number = 0
        self._count = 0
        self._text = 0
        self._custom_ids: set[str] = set()
        self._kinds: dict[int, Callable[[Form, Payload], None]] = {
            ACTION_ROW: self._row,
            BUTTON: self._button,
            TEXT_INPUT: self._field(modal_fields.read_text_input),
            FILE_UPLOAD: self._field(modal_fields.read_file_upload),
            RADIO_GROUP: self._field(modal_fields.read_radio_group),
            CHECKBOX_GROUP: self._field(modal_fields.read_checkbox_group),
            CHECKBOX: self._field(modal_fields.read_checkbox),
            SECTION: self._section,
            TEXT_DISPLAY: self._text_display,
            THUMBNAIL: self._thumbnail,
            MEDIA_GALLERY: self._gallery,
            FILE: self._file,
            SEPARATOR: self._separator,
            CONTAINER: self._container,
            LABEL: self._label,
            **dict.fromkeys(SELECTS, self._select),
        }

    def read(self, form: Form, key: str = "components") -> list[Payload] | None:
        """Return the components in a field, or None where it is not given.

        Errors are noted on the form.
        """
        most = MAX_IN_A_V2_MESSAGE if self._v2 else 5
        forms = form.forms(key, most=most)
        if forms is None:
            return None
        top = _IN_A_V2_MESSAGE if self._v2 else frozenset({ACTION_ROW})
        if self._modal:
            top = _IN_A_MODAL
        found = [self._read(child, top) for child in forms]
        if self._v2 and self._count > MAX_IN_A_V2_MESSAGE:
            message = f"Must have {MAX_IN_A_V2_MESSAGE} or fewer components."
            form.problem("COMPONENT_MAX_TOTAL_EXCEEDED", message, key)
        if self._v2 and self._text > MAX_V2_TEXT:
            message = f"The total text of all components must not exceed {MAX_V2_TEXT}."
            form.problem("COMPONENT_MAX_TEXT_EXCEEDED", message, key)
        return found

    def _read(self, form: Form, allowed: frozenset[int]) -> Payload:
        form.required("type")
        kind = form.integer("type") or 0
        self._number += 1
        self._count += 1
        number = form.integer("id", least=0, most=(1 << 31) - 1) or self._number
        payload: Payload = {"type": kind, "id": number}
        if kind not in self._kinds and LABEL < kind < LAST_KIND:
            raise Unsupported(f"{form.where}: component type {kind} is not in the sandbox")
        if kind not in allowed:
            choices = ", ".join(str(choice) for choice in sorted(allowed))
            # Discord names the parent's union here, not the field itself.
            message = f'Value of field "type" must be one of ({choices},).'
            form.problem("UNION_TYPE_CHOICES", message)
            form.ignore(*form.names)
            return payload
        self._kinds[kind](form, payload)
        return payload

    def _children(self, form: Form, payload: Payload, allowed: frozenset[int], most: int) -> None:
        form.required("components")
        children = form.forms("components", most=most) or []
        if form.given("components") and not children:
            message = f"Must be between 1 and {most} in length."
            form.problem("BASE_TYPE_BAD_LENGTH", message, "components")
        payload["components"] = [self._read(child, allowed) for child in children]

    def _custom_id(self, form: Form, payload: Payload) -> None:
        form.required("custom_id")
        custom_id = form.text("custom_id", least=1, most=100)
        if custom_id is None:
            return
        if custom_id in self._custom_ids:
            message = "Component custom id cannot be duplicated"
            form.problem("COMPONENT_CUSTOM_ID_DUPLICATED", message, "custom_id")
        self._custom_ids.add(custom_id)
        payload["custom_id"] = custom_id

    def _row(self, form: Form, payload: Payload) -> None:
        inside = frozenset({TEXT_INPUT}) if self._modal else SELECTS | {BUTTON}
        self._children(form, payload, inside, 5)
        kinds = [child["type"] for child in payload["components"]]
        if len(kinds) > 1 and any(kind != BUTTON for kind in kinds):
            message = "The specified component exceeds the maximum width"
            form.problem("COMPONENT_LAYOUT_WIDTH_EXCEEDED", message, "components")

    def _button(self, form: Form, payload: Payload) -> None:
        form.required("style")
        style = form.integer("style", one_of={1, 2, 3, 4, LINK_STYLE, PREMIUM_STYLE}) or 2
        payload["style"] = style
        if style == PREMIUM_STYLE:
            raise Unsupported(f"{form.where}: premium buttons are not in the sandbox")
        if style == LINK_STYLE:
            form.required("url")
            url = form.text("url", most=512)
            payload["url"] = url
            if url and not URL.match(url):
                form.problem("URL_TYPE_INVALID_URL", "Not a well formed URL.", "url")
            if form.raw("custom_id") is not None:
                message = "A custom id and url cannot both be specified"
                form.problem(
                    "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message, "custom_id"
                )
        else:
            self._custom_id(form, payload)
        label = form.text("label", most=80)
        if label:
            payload["label"] = label
        emoji = modal_fields.read_emoji(form)
        if emoji is not None:
            payload["emoji"] = emoji
        if not label and emoji is None:
            form.problem("BUTTON_COMPONENT_INVALID", "A button needs a label or an emoji.", "label")
        if form.boolean("disabled", False):
            payload["disabled"] = True

    def _select(self, form: Form, payload: Payload) -> None:
        self._custom_id(form, payload)
        placeholder = form.text("placeholder", most=150)
        if placeholder:
            payload["placeholder"] = placeholder
        least = form.integer("min_values", 1, least=0, most=25)
        most = form.integer("max_values", 1, least=1, most=25)
        payload.update(min_values=least, max_values=most)
        if form.boolean("disabled", False):
            payload["disabled"] = True
        if self._modal:
            payload["required"] = bool(form.boolean("required", True))
        elif form.raw("required") is not None:
            form.ignore("required")
        if payload["type"] == STRING_SELECT:
            payload["options"] = modal_fields.read_options(form, least=1, most=25, emojis=True)
        else:
            if payload["type"] == CHANNEL_SELECT:
                kinds = form.integers("channel_types", set(range(17)))
                if kinds:
                    payload["channel_types"] = kinds
            defaults = form.forms("default_values", most=25)
            if defaults:
                payload["default_values"] = [self._default(one) for one in defaults]

    def _default(self, form: Form) -> Payload:
        form.required("id")
        form.required("type")
        return {"id": str(form.snowflake("id") or 0), "type": form.text("type")}

    def _field(self, read: Callable[[Form, Payload], None]) -> Callable[[Form, Payload], None]:
        def read_field(form: Form, payload: Payload) -> None:
            self._custom_id(form, payload)
            read(form, payload)

        return read_field

    def _label(self, form: Form, payload: Payload) -> None:
        form.required("label")
        payload["label"] = form.text("label", least=1, most=45)
        description = form.text("description", most=100)
        if description:
            payload["description"] = description
        self._one(form, payload, "component", FIELDS)

    def _one(self, form: Form, payload: Payload, key: str, allowed: frozenset[int]) -> None:
        form.required(key)
        child = form.form(key)
        if child is not None:
            payload[key] = self._read(child, allowed)

    def _section(self, form: Form, payload: Payload) -> None:
        self._children(form, payload, frozenset({TEXT_DISPLAY}), 3)
        self._one(form, payload, "accessory", frozenset({BUTTON, THUMBNAIL}))

    def _text_display(self, form: Form, payload: Payload) -> None:
        form.required("content")
        payload["content"] = form.text("content", most=4000) or ""
        self._text += len(payload["content"])

    def _media(self, form: Form, payload: Payload, key: str) -> None:
        form.required(key)
        media = form.form(key)
        if media is not None:
            media.required("url")
            url = media.text("url", most=2048)
            media.ignore(*media.names)
            payload[key] = {"url": url}
            if url and not URL.match(url):
                media.problem("URL_TYPE_INVALID_URL", "Not a well formed URL.", "url")

    def _described(self, form: Form, payload: Payload) -> None:
        payload["description"] = form.text("description", most=1024) or None
        payload["spoiler"] = bool(form.boolean("spoiler", False))

    def _thumbnail(self, form: Form, payload: Payload) -> None:
        self._media(form, payload, "media")
        self._described(form, payload)

    def _gallery(self, form: Form, payload: Payload) -> None:
        form.required("items")
        payload["items"] = []
        for item in form.forms("items", most=10) or []:
            entry: Payload = {}
            self._media(item, entry, "media")
            self._described(item, entry)
            payload["items"].append(entry)

    def _file(self, form: Form, payload: Payload) -> None:
        self._media(form, payload, "file")
        # A file component shows an upload of this message and no address elsewhere:
        # https://discord.com/developers/docs/components/reference#file
        url = payload.get("file", {}).get("url") or REFERENCE
        if not url.startswith(REFERENCE):
            message = "Scheme must be one of ('attachment')."
            form.problem("URL_TYPE_INVALID_SCHEME", message, "file", "url")
        payload["spoiler"] = bool(form.boolean("spoiler", False))
        payload.update(name=None, size=None)
        form.ignore("name", "size")

    def _separator(self, form: Form, payload: Payload) -> None:
        payload["divider"] = bool(form.boolean("divider", True))
        payload["spacing"] = form.integer("spacing", 1, one_of={1, 2})

    def _container(self, form: Form, payload: Payload) -> None:
        self._children(form, payload, _IN_A_V2_MESSAGE - {CONTAINER}, MAX_IN_A_V2_MESSAGE)
        payload["accent_color"] = form.integer("accent_color", least=0, most=0xFFFFFF)
        payload["spoiler"] = bool(form.boolean("spoiler", False))
