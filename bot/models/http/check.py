"""Check of an endpoint: whether it would answer, and which models it lists."""

import asyncio
from contextlib import aclosing, closing
from typing import Any, Final

from msgspec import Struct
from yarl import URL

from bot.models.http.errors import error_for, read_error
from bot.models.types import Model, ModelError, ModelRequest, ModelStatus, Text, UserMessage
from bot.wire.bodies import BodyError, decode_json, read_bounded
from bot.wire.http_client import TRANSPORT_ERRORS, HttpClient, StatusError

_LIST_BYTES: Final = 8 * 1024 * 1024  # routers list hundreds of models with a page of text each
# Servers disagree on the name and the place of the context window.
_WINDOW_KEYS: Final = (
    "n_ctx",
    "loaded_context_length",
    "max_model_len",
    "context_length",
    "context_window",
    "max_context_length",
    "n_ctx_train",
)


class _List(Struct):
    data: list[dict[str, Any]] | None = None


async def check_endpoint(
    endpoint: Model,
    http: HttpClient,
    url: URL,
    *,
    shown: str,
    model: str | None,
    seconds: float,
) -> ModelStatus:
    """GET the list of models at ``url``; if there is no list, ask ``endpoint`` for an answer."""
    try:
        async with asyncio.timeout(seconds):
            with closing(await http.open("GET", url, accepted=(200,))) as response:
                body = await read_bounded(response, _LIST_BYTES)
    except StatusError as refused:
        if refused.status in (404, 405, 501):
            return await ask_once(endpoint, shown, model)
        fields = read_error(refused.body)
        return ModelStatus(
            False, error_for(shown, refused.status, fields, model=model or "any").message
        )
    except TimeoutError:
        return ModelStatus(
            False, f"{shown} did not answer within {seconds:g} s; is it overloaded?", answered=False
        )
    except TRANSPORT_ERRORS as error:
        return ModelStatus(
            False,
            f"{shown} can't be reached ({error}); is it running, is the URL right?",
            answered=False,
        )
    except BodyError as error:
        return ModelStatus(False, f"{shown} sent what can't be read as a list of models: {error}.")
    try:
        listed = decode_json(body, _List).data or []
    except BodyError as error:
        return ModelStatus(
            False, f"{shown} sent what is no list of models: {error}; check the URL."
        )
    names = tuple(str(entry["id"]) for entry in listed if entry.get("id"))
    return _judge(listed, names, shown, model)


def _judge(
    listed: list[dict[str, Any]], names: tuple[str, ...], shown: str, model: str | None
) -> ModelStatus:
    if model is None:
        if not names:
            return ModelStatus(False, f"{shown} answers, but has no model; load or pull one.")
        return ModelStatus(True, f"{shown} answers; it has {_some(names)}.", names)
    for entry in listed:
        # A server may list "name:latest" or "models/name" for "name", or "name" for "name:variant".
        spellings = (model, f"{model}:latest", f"models/{model}", model.partition(":")[0])
        if entry.get("id") in spellings:
            return ModelStatus(True, f"{shown} answers with model {model}.", names, _window(entry))
    has = f"it has {_some(names)}" if names else "it lists none"
    return ModelStatus(False, f"{shown} answers, but has no model {model}: {has}.", names)


async def ask_once(endpoint: Model, shown: str, model: str | None) -> ModelStatus:
    """Ask a model for a short answer, which also proves a key; a list of models may be public."""
    if model is None:
        return ModelStatus(
            False, f"{shown} answers, but lists no models; name one, and check the URL."
        )
    request = ModelRequest(model=model, items=(UserMessage((Text("Hi"),)),), max_tokens=16)
    try:
        async with aclosing(endpoint.stream(request)) as events:
            async for _ in events:
                break
    except ModelError as error:
        return ModelStatus(False, error.message)
    return ModelStatus(True, f"{shown} answers with model {model}.", (model,))


def _window(entry: dict[str, Any]) -> int | None:
    meta = entry.get("meta")
    for place in (entry, meta if isinstance(meta, dict) else {}):
        for key in _WINDOW_KEYS:
            if isinstance(size := place.get(key), int) and size > 0:
                return size
    return None


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
