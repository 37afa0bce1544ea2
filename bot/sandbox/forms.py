"""Reads and checks a request's fields; a field that nobody reads raises ``Unsupported``.

So a field that the sandbox does not know is never ignored by accident.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.errors import Unsupported, invalid_form

Tree = dict[str, Any]


class Form:
    """One JSON object of a request body (or a query string).

    Each reading method checks one field and notes an error if its value is wrong; ``finish`` raises
    all noted errors together. None stands for a missing field.
    """

    def __init__(
        self,
        data: Any,
        where: str,
        *,
        at: tuple[str, ...] = (),
        problems: Tree | None = None,
    ) -> None:
        self._data: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
        self._left = set(self._data)
        self._children: list[Form] = []
        self.where = where
        self.at = at
        self.problems: Tree = {} if problems is None else problems
        if not isinstance(data, Mapping):
            self.problem("DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")

    def problem(self, code: str, message: str, *path: str) -> None:
        """Note an error at the field ``path``, relative to this object."""
        node = self.problems
        for key in (*self.at, *path):
            node = node.setdefault(key, {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def finish(self) -> None:
        """Raise the errors that were noted, as Discord's error 50035 (invalid form).

        Raises ``Unsupported`` first if a field was never read.
        """
        for form in (self, *self.children()):
            for name in form.left():
                path = ".".join((*form.at, name))
                raise Unsupported(f"{form.where}: field {path!r} is not known to the sandbox")
        if self.problems:
            raise invalid_form(_pruned(self.problems))

    def left(self) -> list[str]:
        """Return the names of the fields that nobody has read."""
        return sorted(self._left)

    def children(self) -> "list[Form]":
        """Return the forms inside this one that were read, and the forms inside those."""
        found: list[Form] = []
        for child in self._children:
            found += [child, *child.children()]
        return found

    def __contains__(self, key: str) -> bool:
        return key in self._data

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields."""
        return tuple(self._data)

    def given(self, key: str) -> bool:
        """Return whether the field is present and not null."""
        return self._data.get(key) is not None

    def raw(self, key: str, default: Any = None) -> Any:
        """Return the field's value unchecked."""
        self._left.discard(key)
        value = self._data.get(key)
        return default if value is None else value

    def ignore(self, *keys: str) -> None:
        """Read fields that Discord accepts and that change nothing in the sandbox."""
        self._left.difference_update(keys)

    def required(self, key: str) -> bool:
        """Return whether the field is given; notes an error where it is not."""
        if not self.given(key):
            self._left.discard(key)
            self.problem("BASE_TYPE_REQUIRED", "This field is required", key)
            return False
        return True

    def text(self, key: str, *, least: int = 0, most: int | None = None) -> str | None:
        """Return a string of ``least`` to ``most`` code points, or None."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, str):
            if isinstance(value, bool) or not isinstance(value, int | float):
                message = f'Could not interpret "{value}" as string.'
                self.problem("STRING_TYPE_CONVERT", message, key)
                return None
            value = str(value)
        if least and most is not None and not least <= len(value) <= most:
            message = f"Must be between {least} and {most} in length."
            self.problem("BASE_TYPE_BAD_LENGTH", message, key)
        elif most is not None and len(value) > most:
            self.problem("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.", key)
        elif len(value) < least:
            self.problem("BASE_TYPE_MIN_LENGTH", f"Must be {least} or more in length.", key)
        return value

    def integer(
        self,
        key: str,
        default: int | None = None,
        *,
        least: int | None = None,
        most: int | None = None,
        one_of: Collection[int] | None = None,
    ) -> int | None:
        """Return a whole number within bounds, or the default."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, str) and value.lstrip("-").isdigit():
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # discord.py sends the hours of a poll as 2.0, and Discord takes it
        if isinstance(value, bool) or not isinstance(value, int):
            self.problem("NUMBER_TYPE_COERCE", f'Value "{value}" is not int.', key)
            return default
        if least is not None and value < least:
            message = f"int value should be greater than or equal to {least}."
            self.problem("NUMBER_TYPE_MIN", message, key)
        elif most is not None and value > most:
            message = f"int value should be less than or equal to {most}."
            self.problem("NUMBER_TYPE_MAX", message, key)
        elif one_of is not None and value not in one_of:
            choices = ", ".join(str(choice) for choice in sorted(one_of))
            self.problem("BASE_TYPE_CHOICES", f"Value must be one of {{{choices}}}.", key)
        return value

    def boolean(self, key: str, default: bool | None = False) -> bool | None:
        """Return true or false, or the default."""
        value = self.raw(key)
        if value is None:
            return default
        if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
            return value.lower() in {"true", "1"}
        if value in (0, 1):
            return bool(value)
        self.problem("BOOLEAN_TYPE_CONVERT", "Must be either true or false.", key)
        return default

    def snowflake(self, key: str) -> int | None:
        """Return an id, or None."""
        value = self.raw(key)
        return None if value is None else self._snowflake(value, key)

    def time(self, key: str) -> float | None:
        """Return an ISO 8601 time as Unix seconds, or None."""
        value = self.raw(key)
        if value is None:
            return None
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            message = f'"{value}" is not a valid ISO8601 timestamp.'
            self.problem("DATE_TIME_TYPE_PARSE", message, key)
            return None
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()

    def snowflakes(self, key: str, *, most: int) -> list[int] | None:
        """Return a list of ids, or None."""
        return self.items(key, most, self._snowflake)

    def _snowflake(self, value: Any, *path: str) -> int | None:
        if isinstance(value, bool) or not str(value).isdecimal() or int(value) >= 1 << 63:
            self.problem("NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.', *path)
            return None
        return int(value)

    def integers(self, key: str, one_of: Collection[int]) -> list[int] | None:
        """Return a list of whole numbers out of ``one_of``, or None."""
        choices = ", ".join(str(choice) for choice in sorted(one_of))

        def convert(value: Any, *path: str) -> int:
            if isinstance(value, bool) or not isinstance(value, int) or value not in one_of:
                message = f"Value must be one of {{{choices}}}."
                self.problem("BASE_TYPE_CHOICES", message, *path)
            return value if isinstance(value, int) else 0

        return self.items(key, len(one_of), convert)

    def number(self, key: str) -> float | None:
        """Return a number, or None."""
        value = self.raw(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.problem("NUMBER_TYPE_COERCE", f'Value "{value}" is not number.', key)
            return None
        return value

    def words(self, key: str, *, most: int) -> dict[str, str] | None:
        """Return an object of strings of up to ``most`` characters, such as localizations."""
        value = self.raw(key)
        if value is None:
            return None
        fits = isinstance(value, dict) and all(
            isinstance(one, str) and 1 <= len(one) <= most for one in value.values()
        )
        if not fits:
            message = f"Must be an object of strings between 1 and {most} in length."
            self.problem("DICT_TYPE_CONVERT", message, key)
            return None
        return dict(value)

    def items(self, key: str, most: int, convert: Any) -> list[Any] | None:
        """Return a list's values, at most ``most``, each as ``convert(value, key, index)``."""
        value = self.raw(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self.problem("LIST_TYPE_CONVERT", "Only iterables may be used in a ListType", key)
            return None
        if len(value) > most:
            self.problem("BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.", key)
        return [convert(item, key, str(index)) for index, item in enumerate(value)]

    def form(self, key: str) -> "Form | None":
        """Return the object in a field, or None."""
        value = self.raw(key)
        return None if value is None else self._child(value, key)

    def forms(self, key: str, *, most: int) -> "list[Form] | None":
        """Return the objects in a list, or None."""
        return self.items(key, most, self._child)

    def _child(self, value: Any, *path: str) -> "Form":
        child = Form(value, self.where, at=(*self.at, *path), problems=self.problems)
        self._children.append(child)
        return child


def _pruned(tree: Tree) -> Tree:
    """Return the tree of errors; where a field has an error, errors inside it are left out."""
    if "_errors" in tree:
        return {"_errors": tree["_errors"]}
    return {key: _pruned(node) for key, node in tree.items()}
