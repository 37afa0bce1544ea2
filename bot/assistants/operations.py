"""The HTTP request of each operation, declared beside the operation's signature."""

import inspect
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar, get_type_hints

from msgspec import Struct

F = TypeVar("F", bound=Callable[..., Any])

_DECLARED: Final = "http_requests"
"""The attribute of a method that holds its operations."""


class Operation(Struct, frozen=True, kw_only=True):
    """An operation of the API and its HTTP request.

    ``ids`` are the parameters that stand in the path. ``request`` is the type of the body, ``page``
    that of the paging parameters; None where the operation has none. ``options`` are the names of
    other query parameters. ``result`` is the type of the response's object. ``deleted`` is the
    field ``object`` in the response to a deletion. ``extension`` says that only this project's
    server has the operation, not OpenAI's.
    """

    name: str
    method: Literal["GET", "POST", "DELETE"]
    path: str
    ids: tuple[str, ...]
    request: Any
    page: Any
    options: tuple[str, ...]
    result: Any
    deleted: Any
    extension: bool


def operation(
    method: Literal["GET", "POST", "DELETE"],
    path: str,
    *,
    narrowed: str = "",
    deleted: str = "",
    extension: bool = False,
) -> Callable[[F], F]:
    """Declare the HTTP request of a method; ``path`` is the part after ``/v1``.

    The method's parameters tell the rest: ids of the path, then ``request`` or ``page``, then
    keywords for other query parameters. ``narrowed`` is the path of a call with an
    optional id, such as for the files of one batch instead of all.
    """

    def declare(function: F) -> F:
        hints = get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        options = tuple(
            each.name
            for each in parameters
            if each.kind is each.KEYWORD_ONLY and f"{{{each.name}}}" not in narrowed
        )
        function.__dict__[_DECLARED] = tuple(
            Operation(
                name=function.__name__,
                method=method,
                path=each_path,
                ids=tuple(each.name for each in parameters if f"{{{each.name}}}" in each_path),
                request=hints.get("request"),
                page=None if "page" in options else hints.get("page"),
                options=options,
                result=hints["return"],
                deleted=deleted,
                extension=extension,
            )
            for each_path in filter(None, (narrowed, path))
        )
        return function

    return declare


def declared_by(function: Callable[..., Any]) -> tuple[Operation, ...]:
    """Return the HTTP requests that were declared for a method, the most specific first."""
    found: tuple[Operation, ...] = function.__dict__.get(_DECLARED, ())
    return found


def operations_of(api: type) -> tuple[Operation, ...]:
    """Return the HTTP requests of all methods of a class and its bases."""
    return tuple(
        each
        for base in api.__mro__
        for function in vars(base).values()
        if inspect.isfunction(function)
        for each in declared_by(function)
    )
