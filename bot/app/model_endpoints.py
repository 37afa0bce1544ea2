"""Chooses and configures the endpoints of ``[models]``: answers, audio, pictures."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from bot.app import StartError
from bot.app.keys import secret
from bot.config import Config
from bot.models.factory import ChoiceError, ModelSettings, choose
from bot.models.images import ImagesEndpoint
from bot.models.local.weights import shown_on
from bot.models.transcription import TranscriptionEndpoint
from bot.models.types import Model
from bot.runtime.clock import Clock


async def chosen_model(
    config: Config,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    terminal: TextIO,
) -> Model:
    """Return the model of ``[models]``, not loaded yet; raises ``StartError``."""
    settings = model_settings(config, environment)
    try:
        return await choose(settings, say=say, show=shown_on(terminal))
    except ChoiceError as error:
        raise StartError(str(error)) from error


def model_settings(config: Config, environment: Mapping[str, str]) -> ModelSettings:
    """Return the settings by which a model is chosen; raises ``StartError`` for a missing key."""
    models = config.models
    return ModelSettings(
        directory=Path(config.storage.directory),
        endpoint=models.endpoint,
        url=models.url,
        model=models.model,
        background=models.background,
        api_key=secret(environment, "models", models.api_key_env) or "",
        environment=environment,
        gguf=Path(models.gguf) if models.gguf else None,
    )


def transcription_endpoint(
    config: Config, environment: Mapping[str, str], clock: Clock
) -> TranscriptionEndpoint | None:
    """Return the endpoint of ``[models.transcription]``; None without a url.

    Raises ``StartError`` for a key that is not set or can't be a key.
    """
    settings, section = config.models.transcription, "models.transcription"
    if not settings.url:
        return None
    key = secret(environment, section, settings.api_key_env)
    with _start_errors(section):
        return TranscriptionEndpoint(settings.url, settings.model, api_key=key, clock=clock)


def images_endpoint(
    config: Config, environment: Mapping[str, str], clock: Clock
) -> ImagesEndpoint | None:
    """Return the endpoint of ``[models.images]``; None without a url.

    Raises ``StartError`` for a key that is not set or can't be a key.
    """
    settings, section = config.models.images, "models.images"
    if not settings.url:
        return None
    key = secret(environment, section, settings.api_key_env)
    with _start_errors(section):
        return ImagesEndpoint(
            settings.url, settings.model, size=settings.size, api_key=key, clock=clock
        )


@contextmanager
def _start_errors(section: str) -> Iterator[None]:
    """Turn a ``ValueError`` about a URL or key into a ``StartError`` that names the section."""
    try:
        yield
    except ValueError as error:
        raise StartError(f"[{section}]: {error}") from None
