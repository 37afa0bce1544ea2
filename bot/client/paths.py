"""Paths and query parameters of the API."""

import re
from typing import Final
from urllib.parse import quote

import msgspec

from bot.assistants.errors import Noun, not_found
from bot.assistants.schema.requests import FIRST_PAGE, Request
from bot.client.transport import Query

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]+\Z")


def assistant_path(assistant_id: str) -> str:
    """Return an assistant's path."""
    return f"/assistants/{quoted('assistant', assistant_id)}"


def thread_path(thread_id: str) -> str:
    """Return a thread's path."""
    return f"/threads/{quoted('thread', thread_id)}"


def message_path(thread_id: str, message_id: str) -> str:
    """Return a message's path."""
    return f"{thread_path(thread_id)}/messages/{quoted('message', message_id)}"


def run_path(thread_id: str, run_id: str) -> str:
    """Return a run's path."""
    return f"{thread_path(thread_id)}/runs/{quoted('run', run_id)}"


def file_path(file_id: str) -> str:
    """Return a file's path."""
    return f"/files/{quoted('file', file_id)}"


def store_path(store_id: str) -> str:
    """Return a vector store's path."""
    return f"/vector_stores/{quoted('vector store', store_id)}"


def store_file_path(store_id: str, file_id: str) -> str:
    """Return the path of a file in a vector store."""
    return f"{store_path(store_id)}/files/{quoted('file', file_id)}"


def batch_path(store_id: str, batch_id: str) -> str:
    """Return the path of a file batch."""
    return f"{store_path(store_id)}/file_batches/{quoted('file batch', batch_id)}"


def quoted(noun: Noun, id_: str) -> str:
    """Return an id quoted for a path; refuse an id that would change the path."""
    if _PLAIN.match(id_):
        return id_
    if id_ in ("", ".", ".."):
        raise not_found(noun, id_)
    return quote(id_, safe="")


def page_query(page: Request) -> Query:
    """Return the query parameters of a page, without those that have the API's default."""
    if page is FIRST_PAGE:
        return ()
    return tuple((name, str(value)) for name, value in msgspec.to_builtins(page).items())


def included(include: tuple[str, ...]) -> Query:
    """Return the query parameters for ``include``."""
    return tuple(("include[]", value) for value in include)
