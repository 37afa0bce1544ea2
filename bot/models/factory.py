"""The choice of the model endpoint: made once at start, and logged with its reason."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct, structs

from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.local.model import LocalModel
from bot.models.local.process import LocalSettings
from bot.models.local.weights import SMOLLM2, Show, fetch_weights, weights_path
from bot.models.local.weights_by_pip import WeightsError
from bot.models.responses.model import Responses
from bot.models.types import Model, ModelError
from bot.runtime.retry import RetryPolicy

_log: Final = logging.getLogger(__name__)

OPENAI_URL: Final = "https://api.openai.com/v1"
OLLAMA_URL: Final = "http://127.0.0.1:11434/v1"


class ModelSettings(Struct, frozen=True, kw_only=True):
    """Settings of the choice; keys are the secrets themselves, not names of variables.

    ``model`` replaces the model that a request names. ``gguf`` is the local model's file; without
    one the small model is downloaded into ``directory``. ``ollama_url`` is where "auto" looks for a
    model server. With ``background`` OpenAI continues an answer while the bot is stopped.
    """

    directory: Path
    endpoint: Literal["auto", "openai", "chat", "local"] = "auto"
    url: str = ""
    model: str = ""
    api_key: str = ""
    openai_key: str = ""
    gguf: Path | None = None
    ollama_url: str = OLLAMA_URL
    timeouts: EndpointTimeouts = EndpointTimeouts()
    retries: RetryPolicy = RetryPolicy()
    local: LocalSettings = LocalSettings()
    background: bool = False


class ChoiceError(Exception):
    """No endpoint fits the settings; the message says what to set."""


async def choose(
    settings: ModelSettings, *, say: Callable[[str], None] = _log.info, show: Show | None = None
) -> Model:
    """Return the chosen model; ``say`` gets the reason, ``show`` shows a download.

    Raises ``ChoiceError``. ``LocalModel.start`` downloads and loads, not this function.
    """
    if settings.endpoint == "openai":
        key = settings.api_key or settings.openai_key
        if not key:
            raise ChoiceError(
                '[models] endpoint is "openai", but OPENAI_API_KEY is not set; set it in the'
                " environment."
            )
        return _openai(settings, key, "because [models] endpoint says so", say)
    if settings.endpoint == "chat":
        return _chat(settings, "because [models] endpoint says so", say)
    if settings.endpoint == "local":
        return _local(settings, "because [models] endpoint says so", say, show)
    if settings.url:
        # OPENAI_API_KEY is never sent to another host than OpenAI's.
        return _chat(settings, "because [models] url is set", say)
    if settings.openai_key:
        return _openai(settings, settings.openai_key, "because OPENAI_API_KEY is set", say)
    found = await _ask_ollama(settings)
    if isinstance(found, str):
        return _local(settings, f"because OPENAI_API_KEY is not set and {found}", say, show)
    say(f"Model: {found.name}, because it answers there and OPENAI_API_KEY is not set.")
    return found


def _openai(settings: ModelSettings, key: str, why: str, say: Callable[[str], None]) -> Responses:
    model = settings.model
    name = "OpenAI" + (f", model {model}" if model else ", each assistant's model")
    say(f"Model: {name}, {why}.")
    try:
        return Responses(
            settings.url or OPENAI_URL,
            model=model or None,
            api_key=key,
            background=settings.background,
            timeouts=settings.timeouts,
            retries=settings.retries,
            name=name,
        )
    except ValueError as error:
        raise ChoiceError(f"[models]: {error}.") from error


def _chat(settings: ModelSettings, why: str, say: Callable[[str], None]) -> ChatCompletions:
    if not settings.url:
        raise ChoiceError(
            '[models] endpoint is "chat", but [models] url is not set; set it to what stands'
            " before /chat/completions, as in http://127.0.0.1:8000/v1."
        )
    chat = _connect(settings, settings.url, settings.model, settings.api_key)
    say(f"Model: {chat.name}, {why}.")
    return chat


def _connect(settings: ModelSettings, url: str, model: str, key: str) -> ChatCompletions:
    try:
        return ChatCompletions(
            url,
            model=model or None,
            api_key=key or None,
            timeouts=settings.timeouts,
            retries=settings.retries,
        )
    except ValueError as error:
        raise ChoiceError(f"[models]: {error}.") from error


async def _ask_ollama(settings: ModelSettings) -> ChatCompletions | str:
    """Return the model server at Ollama's address, or the reason against it."""
    url = settings.ollama_url
    probe = ChatCompletions(url)
    try:
        status = await probe.check(seconds=1.0)
    finally:
        await probe.close()
    if not status.answered:
        return f"no model server answers at {url}"
    if not status.models:
        return f"the model server at {url} has no model"
    # The first model that can chat: the list holds embedding models, too.
    chatting = [model for model in status.models if "embed" not in model]
    model = settings.model or (chatting or list(status.models))[0]
    return _connect(settings, url, model, "")


def _local(
    settings: ModelSettings, why: str, say: Callable[[str], None], show: Show | None
) -> LocalModel:
    gguf = settings.gguf
    if gguf is not None:
        say(f"Model: the local file {gguf}, {why}.")
        return LocalModel(gguf, label=gguf.stem, settings=settings.local)
    small = SMOLLM2
    directory = settings.directory / "models"
    there = weights_path(directory) is not None
    size = "" if there else f" It is downloaded once, {small.size / 1e6:.0f} MB."
    say(
        f"Model: the small local model SmolLM2-135M, {why}. It chats, often wrongly, and calls no"
        f" tools; a key, Ollama or a larger GGUF file does better.{size}"
    )

    async def fetch() -> Path:
        try:
            return await fetch_weights(directory, small, show=show)
        except WeightsError as error:
            raise ModelError("unreachable", str(error)) from error

    local = settings.local
    if local.temperature is None:
        # Its authors recommend 0.2 for so small a model. Without a penalty it repeats itself.
        local = structs.replace(local, temperature=0.2, repeat_penalty=1.1, longest_answer=1024)
    return LocalModel(fetch, label="SmolLM2-135M-Instruct", settings=local)
