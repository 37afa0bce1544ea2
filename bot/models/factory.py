"""Chooses the model endpoint, once at the start; logs the choice with its reason."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
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
from bot.models.presets import LOCAL, REMOTE, Preset, keyed, running_servers
from bot.models.responses.model import Responses
from bot.models.types import Model, ModelError
from bot.runtime.retry import RetryPolicy

_log: Final = logging.getLogger(__name__)

OPENAI_URL: Final = "https://api.openai.com/v1"
OPENAI_KEY: Final = "OPENAI_API_KEY"
OPENAI_MODEL: Final = "gpt-5.4-mini"
"""OpenAI's model for assistants whose model nobody chose."""


class ModelSettings(Struct, frozen=True, kw_only=True):
    """Settings for the choice; keys are the secrets themselves, not names of variables.

    ``model`` replaces the model that a request names. ``environment`` has the keys of endpoints by
    the usual names of their variables; ``api_key`` is a key from another variable. ``gguf`` is the
    local model's file; without one the small model is downloaded into ``directory``. "auto" takes
    the first endpoint of ``remote`` whose key is set, else the first server of ``servers`` that
    answers within ``probe_seconds``. With ``background`` OpenAI continues an answer while the bot
    is stopped.
    """

    directory: Path
    endpoint: EndpointName = "auto"
    url: str = ""
    model: str = ""
    api_key: str = ""
    environment: Mapping[str, str] = {}
    gguf: Path | None = None
    remote: tuple[Preset, ...] = REMOTE
    servers: tuple[Preset, ...] = LOCAL
    probe_seconds: float = 1.0
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
    chooser = _Chooser(settings, say)
    configured = "because [models] endpoint says so"
    openai_key = settings.environment.get(OPENAI_KEY, "").strip()
    if settings.endpoint == "openai":
        key = settings.api_key or openai_key
        if not key:
            raise ChoiceError(
                '[models] endpoint is "openai", but OPENAI_API_KEY is not set; set it in the'
                " environment."
            )
        return chooser.openai(key, configured)
    if settings.endpoint == "chat":
        return chooser.chat(configured)
    if settings.endpoint == "local":
        return chooser.local(configured, show)
    if settings.endpoint != "auto":
        presets = (*settings.remote, *settings.servers)
        preset = next(preset for preset in presets if preset.name == settings.endpoint)
        key = settings.api_key or preset.key_in(settings.environment)
        if preset.key_env and not key:
            raise ChoiceError(
                f'[models] endpoint is "{preset.name}", but {preset.key_env} is not set; set it in'
                f" the environment. {preset.keys_page} makes keys."
            )
        return await chooser.known(preset, key, configured, url=settings.url)
    if settings.url:
        # The keys of known endpoints are never sent to another host.
        return chooser.chat("because [models] url is set")
    if openai_key:
        return chooser.openai(openai_key, f"because {OPENAI_KEY} is set")
    for preset in keyed(settings.environment, settings.remote):
        key = preset.key_in(settings.environment)
        return await chooser.known(preset, key, f"because {preset.key_env} is set")
    for found in await running_servers(settings.servers, settings.probe_seconds):
        why = "because it answers there and no endpoint's key is set"
        return await chooser.known(found.preset, "", why)
    looked = ", ".join(preset.label for preset in settings.servers)
    why = f"because no endpoint's key is set and none of {looked} answers on this machine"
    return chooser.local(why, show)


def endpoint_model(
    endpoint: EndpointName, url: str, model: str, key: str
) -> Responses | ChatCompletions:
    """Return the model at an endpoint, to check it; raises ``ChoiceError``."""
    settings = ModelSettings(directory=Path(), url=url, model=model)
    chooser = _Chooser(settings, lambda line: None)
    return chooser.openai(key, "") if endpoint == "openai" else chooser.connect(url, model, key)


async def alternatives(settings: ModelSettings) -> list[str]:
    """Return the endpoints that could be used beside the chosen one.

    A key in the environment or a server on this machine makes an endpoint usable.
    """
    found: list[tuple[str, str]] = []
    if settings.environment.get(OPENAI_KEY, "").strip():
        found.append(("openai", f"OpenAI ({OPENAI_KEY} is set)"))
    found += [
        (preset.name, f"{preset.label} ({preset.key_env} is set)")
        for preset in keyed(settings.environment, settings.remote)
    ]
    running = await running_servers(settings.servers, settings.probe_seconds)
    found += [(each.preset.name, str(each)) for each in running]
    chosen: str = settings.endpoint
    if chosen == "auto" and not settings.url and found:
        chosen = found[0][0]
    return [described for name, described in found if name != chosen]


class _Chooser:
    """Builds the model that was chosen, and says why it was."""

    def __init__(self, settings: ModelSettings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say

    async def known(self, preset: Preset, key: str, why: str, *, url: str = "") -> ChatCompletions:
        """Return the model at a known endpoint; ``url`` replaces the endpoint's usual address.

        If no model is configured, the best one of the endpoint's list of models is used.
        """
        url, model = url or preset.url, self._settings.model
        if not model:
            probe = self.connect(url, "", key)
            try:
                model = preset.best_of((await probe.check()).models)
            finally:
                await probe.close()
        chat = self.connect(url, model, key)
        self._say(f"Model: {preset.label}, {chat.name}, {why}.")
        return chat

    def openai(self, key: str, why: str) -> Responses:
        """Return the model at OpenAI, or at another server of the Responses API."""
        settings, model = self._settings, self._settings.model
        name = "OpenAI" + (f", model {model}" if model else ", each assistant's model")
        self._say(f"Model: {name}, {why}.")
        with _choice_errors():
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

    def chat(self, why: str) -> ChatCompletions:
        """Return the model at the configured URL."""
        settings = self._settings
        if not settings.url:
            raise ChoiceError(
                '[models] endpoint is "chat", but [models] url is not set; set it to the part'
                " before /chat/completions, as in http://127.0.0.1:8000/v1."
            )
        chat = self.connect(settings.url, settings.model, settings.api_key)
        self._say(f"Model: {chat.name}, {why}.")
        return chat

    def connect(self, url: str, model: str, key: str) -> ChatCompletions:
        """Return the model at an endpoint of chat completions."""
        settings = self._settings
        with _choice_errors():
            return ChatCompletions(
                url,
                model=model or None,
                api_key=key or None,
                timeouts=settings.timeouts,
                retries=settings.retries,
            )

    def local(self, why: str, show: Show | None) -> LocalModel:
        """Return the model in the configured file, else the small one, which may be downloaded."""
        settings = self._settings
        gguf, local = settings.gguf, settings.local
        if gguf is not None:
            self._say(f"Model: the local file {gguf}, {why}.")
            return LocalModel(gguf, label=gguf.stem, settings=local)
        directory = settings.directory / "models"
        size = f" It is downloaded once, {SMOLLM2.size / 1e6:.0f} MB."
        self._say(
            f"Model: the small local model SmolLM2-135M, {why}. It chats, often wrongly, and calls"
            " no tools; a key, Ollama or a larger GGUF file does better."
            + ("" if weights_path(directory) else size)
        )

        async def fetch() -> Path:
            try:
                return await fetch_weights(directory, SMOLLM2, show=show)
            except WeightsError as error:
                raise ModelError("unreachable", str(error)) from error

        if local.temperature is None:
            # Its authors recommend 0.2 for so small a model. Without a penalty it repeats itself.
            local = structs.replace(local, temperature=0.2, repeat_penalty=1.1, longest_answer=1024)
        return LocalModel(fetch, label="SmolLM2-135M-Instruct", settings=local)


@contextmanager
def _choice_errors() -> Iterator[None]:
    """Turn the ValueError for an unusable URL or key into a ``ChoiceError``."""
    try:
        yield
    except ValueError as error:
        raise ChoiceError(f"[models]: {error}.") from error
