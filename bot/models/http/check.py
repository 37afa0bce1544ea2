"""Check of an endpoint: whether it would answer, and which models it lists."""

import asyncio
from contextlib import aclosing
from typing import Any, Final

from msgspec import Struct

from bot.models.http.endpoint import Endpoint, FailedError, RefusedError
from bot.models.types import Model, ModelError, ModelRequest, ModelStatus, Text, UserMessage
from bot.wire.bodies import BodyError, decode_json

_LIST_BYTES: Final = 8 * 1024 * 1024  # routers list hundreds of models with a page of text each
_UNANSWERED: Final = frozenset({"unreachable", "timeout", "cut"})
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
    model: Model, endpoint: Endpoint, wanted: str | None, *, seconds: float
) -> ModelStatus:
    """GET the list of models; without a list, ask ``model`` for an answer.

    ``wanted`` is the name of the configured model, if one is.
    """
    shown = endpoint.shown
    try:
        async with asyncio.timeout(seconds):
            body = await endpoint.fetch(
                "GET", endpoint.path("models"), model=wanted or "any", most_bytes=_LIST_BYTES
            )
        listed = decode_json(body, _List).data or []
    except FailedError as failed:
        if isinstance(failed, RefusedError) and failed.status in (404, 405, 501):
            return await ask_once(model, shown, wanted)
        answered = failed.error.kind not in _UNANSWERED
        return ModelStatus(False, failed.error.message, answered=answered)
    except TimeoutError:
        return ModelStatus(
            False, f"{shown} did not answer within {seconds:g} s; is it overloaded?", answered=False
        )
    except BodyError as error:
        return ModelStatus(
            False, f"{shown} sent what is no list of models: {error}; check the URL."
        )
    names = tuple(str(entry["id"]) for entry in listed if entry.get("id"))
    return _judge(listed, names, shown, wanted)


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
