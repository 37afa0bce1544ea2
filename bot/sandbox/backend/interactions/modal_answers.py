"""Builds the data of a submitted modal from a person's entries."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.backend.interactions.invocations import Invocation, NotPossible
from bot.sandbox.backend.messages.content import component_kinds as kinds
from bot.sandbox.backend.state.model import Channel, Role, User
from bot.sandbox.backend.state.parts import Payload


class ModalAnswers:
    """The answers to one modal; ``invocation`` resolves users, roles, channels and files."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation

    def data(self, modal: Payload, values: Mapping[str, Any]) -> Payload:
        """Return the data of the submitted modal; ``values`` maps custom_id or label to an entry.

        A text input takes a string; a select or checkbox group one value or a list; a radio group
        one value; a checkbox a bool; a file upload a list of files. Raises ``NotPossible`` where
        Discord's app would not submit the modal.
        """
        left = dict(values)
        rows: list[Payload] = []
        for row in modal["components"]:
            # A text display comes back without its content.
            if row["type"] == kinds.TEXT_DISPLAY:
                rows.append({"type": row["type"], "id": row["id"]})
                continue
            labelled = row["type"] == kinds.LABEL
            field = row["component"] if labelled else row["components"][0]
            label = row.get("label") if labelled else field.get("label")
            value = left.pop(field["custom_id"], left.pop(label, None))
            answer = self._answer(field, value, str(label))
            row_payload: Payload = {"type": row["type"], "id": row["id"]}
            row_payload.update({"component": answer} if labelled else {"components": [answer]})
            rows.append(row_payload)
        if left:
            raise NotPossible(f"the modal has no field {min(left)!r}")
        payload: Payload = {"custom_id": modal["custom_id"], "components": rows}
        if self._invocation.resolved:
            payload["resolved"] = self._invocation.resolved
        return payload

    def _answer(self, field: Payload, value: Any, label: str) -> Payload:
        kind = field["type"]
        answer: Payload = {"type": kind, "id": field["id"], "custom_id": field["custom_id"]}
        if kind in kinds.SELECTS or kind == kinds.CHECKBOX_GROUP:
            return {**answer, "values": self._choices(field, _listed(value), label)}
        if kind == kinds.FILE_UPLOAD:
            files = list(value or [])
            _check_count(field, len(files), label)
            return {**answer, "values": [self._invocation.resolve_file(one) for one in files]}
        if kind == kinds.RADIO_GROUP:
            return {**answer, "value": self._choice_of_one(field, value, label)}
        if kind == kinds.CHECKBOX:
            return {**answer, "value": field["default"] if value is None else bool(value)}
        return {**answer, "value": _text(field, value, label)}

    def _choices(self, field: Payload, values: list[Any], label: str) -> list[str]:
        # What the person leaves alone keeps the default of the modal.
        if not values:
            values = [one["value"] for one in field.get("options", []) if one.get("default")]
        _check_count(field, len(values), label)
        return [self.choice(field, value, label) for value in values]

    def _choice_of_one(self, field: Payload, value: Any, label: str) -> str | None:
        if value is None:
            chosen = next((one["value"] for one in field["options"] if one.get("default")), None)
            if chosen is None and field["required"]:
                raise NotPossible(f"field {label!r} is required")
            return chosen
        return self.choice(field, value, label)

    def choice(self, field: Payload, value: Any, label: str) -> str:
        """Return the value of one choice: an option's value, or the id of a resolved object.

        ``label`` names the field in errors.
        """
        if isinstance(value, User):
            return self._invocation.resolve_user(value)
        if isinstance(value, Role):
            return self._invocation.resolve_role(value)
        if isinstance(value, Channel):
            return self._invocation.resolve_channel(value)
        for option in field.get("options", []):
            if value in (option["value"], option["label"]):
                return str(option["value"])
        raise NotPossible(f"{label} does not offer {value!r}")


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _check_count(field: Payload, count: int, label: str) -> None:
    if count == 0 and not field.get("required", True):
        return
    least, most = field.get("min_values", 1), field.get("max_values", 1)
    if count == 0 and least > 0:
        raise NotPossible(f"field {label!r} is required")
    if not least <= count <= most:
        raise NotPossible(f"field {label!r} takes {least} to {most} values, not {count}")


def _text(field: Payload, value: Any, label: str) -> str:
    text = str(field.get("value", "")) if value is None else str(value)
    if field.get("required", True) and not text:
        raise NotPossible(f"field {label!r} is required")
    if text and len(text) < field.get("min_length", 0):
        raise NotPossible(f"field {label!r} wants at least {field['min_length']} characters")
    if len(text) > field.get("max_length", 4000):
        raise NotPossible(f"field {label!r} wants at most {field['max_length']} characters")
    return text
