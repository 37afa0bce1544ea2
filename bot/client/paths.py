"""Paths and query parameters of the API."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from bot.assistants.errors import Noun, not_found
from bot.assistants.operations import Operation, declared_by
from bot.assistants.schema.requests import FIRST_PAGE
from bot.client.transport import Query

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")

_NOUNS: Final[Mapping[str, Noun]] = {
    "assistant_id": "assistant",
    "thread_id": "thread",
    "message_id": "message",
    "run_id": "run",
    "step_id": "run step",
    "file_id": "file",
    "store_id": "vector store",
    "batch_id": "file batch",
}


def request_of(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Operation:
    """Return the HTTP request of an operation that is called with these arguments."""
    return next(
        each
        for each in declared_by(function)
        if all(arguments.get(name) is not None for name in each.ids)
    )


def path_of(operation: Operation, arguments: Mapping[str, Any]) -> str:
    """Return an operation's path with its ids; raises ``APIError`` 404 for an impossible id."""
    return operation.path.format(**{name: _quoted(name, arguments[name]) for name in operation.ids})


def query_of(operation: Operation, arguments: Mapping[str, Any]) -> Query:
    """Return an operation's query parameters, without those that have the API's default."""
    query: Query = ()
    page = arguments.get("page", FIRST_PAGE)
    if operation.page is not None and page is not FIRST_PAGE:
        query += tuple((name, str(value)) for name, value in msgspec.to_builtins(page).items())
    for name in operation.options:
        if name == "include":
            query += included(arguments.get(name, ()))
        elif (value := arguments.get(name)) is not None:
            query += ((name, value),)
    return query


def included(include: tuple[str, ...]) -> Query:
    """Return the query parameters for ``include``."""
    return tuple(("include[]", value) for value in include)


def _quoted(name: str, id_: str) -> str:
    """Return an id quoted for a path; refuse an id that would change the path."""
    if _PLAIN.match(id_):
        return id_
    if id_ in ("", ".", ".."):
        raise not_found(_NOUNS[name], id_)
    return quote(id_, safe="")
