"""The part of ``init`` that chooses the model, checks it with a question, and saves it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, Protocol, TypeVar

from msgspec import Struct, structs

from bot.app.setup.config_file import set_in_config
from bot.app.setup.dialogue import Dialogue
from bot.app.setup.env_file import is_storable, write_env_file
from bot.config import EndpointName
from bot.models.factory import (
    OPENAI_KEY,
    OPENAI_MODEL,
    OPENAI_URL,
    ChoiceError,
    ModelSettings,
    choose,
    endpoint_model,
)
from bot.models.http.check import ask_once
from bot.models.presets import REMOTE, Preset, first_that_chats, running_servers
from bot.models.types import ModelStatus

T = TypeVar("T")

_OTHER_KEY: Final = "MODEL_API_KEY"
_SHOWN_MODELS: Final = 12
_CHECK_SECONDS: Final = 60.0


class _Awaits(Protocol):
    """Runs the event loop until an awaitable is done, and returns its result."""

    def __call__(self, work: Awaitable[T]) -> T: ...


class _Option(Struct, frozen=True):
    """An endpoint to choose; ``key_env`` is empty for one that needs no key."""

    endpoint: EndpointName
    label: str
    url: str = ""
    key_env: str = ""
    keys_page: str = ""
    preset: Preset | None = None
    optional_key: bool = False


class ModelStep:
    """Asks for a model until one answers; ``secrets`` returns the environment and ``.env``."""

    def __init__(
        self,
        path: Path,
        env_file: Path,
        secrets: Callable[[], Mapping[str, str]],
        dialogue: Dialogue,
        await_: _Awaits,
    ) -> None:
        self._path = path
        self._env_file = env_file
        self._secrets = secrets
        self._dialogue = dialogue
        self._await = await_
        self._say = dialogue.say

    def run(self) -> None:
        """Choose, check and save; raises ``ConfigError`` and ``StartError``."""
        self._say("")
        self._say("Part 2 of 3: the model")
        options = self._options()
        while True:
            chosen = options[self._dialogue.choose("Model", [each.label for each in options])]
            if chosen.endpoint == "local":
                if self._local_is_usable():
                    self._save(chosen, "", {})
                    return
                continue
            if chosen.endpoint == "chat":
                url = self._dialogue.ask("Base URL, without /chat/completions")
                chosen = _Option("chat", url, url, _OTHER_KEY, "", None, optional_key=True)
            if self._checked(chosen):
                return

    def _local_is_usable(self) -> bool:
        """Return whether the small local model can run here; say what is missing."""

        async def asked() -> ModelStatus:
            settings = ModelSettings(directory=self._path.resolve().parent, endpoint="local")
            model = await choose(settings, say=self._say)
            try:
                return await model.check()
            finally:
                await model.close()

        status = self._await(asked())
        if not status.ok:
            self._say(status.sentence)
        return status.ok

    def _options(self) -> list[_Option]:
        """Return the endpoints to choose: first those that are ready to use."""
        secrets = self._secrets()
        running = self._await(running_servers())
        local = [
            _Option(
                found.preset.name,
                f"{found}, which runs on this machine",
                found.preset.url,
                preset=found.preset,
            )
            for found in running
        ]
        openai = _Option(
            "openai", "OpenAI", OPENAI_URL, OPENAI_KEY, "https://platform.openai.com/api-keys"
        )
        elsewhere = [openai] + [
            _Option(each.name, each.label, each.url, each.key_env, each.keys_page, each)
            for each in REMOTE
        ]
        ready = [each for each in elsewhere if secrets.get(each.key_env, "").strip()]
        others = [each for each in elsewhere if each not in ready]
        return [
            *(
                structs.replace(each, label=f"{each.label} ({each.key_env} is set)")
                for each in ready
            ),
            *local,
            *others,
            _Option("chat", "another endpoint of chat completions"),
            _Option("local", "the small local model: for a trial only, it is often wrong"),
        ]

    def _checked(self, option: _Option) -> bool:
        """Ask for the key and the model, check the model with a question, and save.

        Returns whether the model answered.
        """
        key = self._secrets().get(option.key_env, "").strip() if option.key_env else ""
        new_key = ""
        if option.key_env and not key:
            if option.keys_page:
                self._dialogue.steps(
                    f"Open {option.keys_page} and log in.", "Make a key, and copy it."
                )
            question = "API key, if the endpoint needs one" if option.optional_key else "API key"
            key = new_key = self._dialogue.secret(question)
            if not key and not option.optional_key:
                self._say("Without a key this endpoint does not answer.")
                return False
            if key and not is_storable(key):
                self._say("That is no key. Copy it again, without spaces or quotes.")
                return False
        listed = self._status(option, "", key)
        if listed is None:
            return False
        if option.endpoint == "openai":
            best = OPENAI_MODEL
        elif option.preset is not None:
            best = option.preset.best_of(listed.models)
        else:
            best = first_that_chats(listed.models)
        if listed.models:
            shown = ", ".join(listed.models[:_SHOWN_MODELS])
            more = len(listed.models) - _SHOWN_MODELS
            self._say(f"It has {shown}{f' and {more} more' if more > 0 else ''}.")
        model = self._dialogue.ask("Name of the model", best)
        status = self._status(option, model, key, question=True)
        if status is None:
            return False
        self._save(option, model, {option.key_env: new_key} if new_key else {}, uses_key=bool(key))
        return True

    def _status(
        self, option: _Option, model: str, key: str, *, question: bool = False
    ) -> ModelStatus | None:
        """Ask the endpoint for its models, or the model a question; say why a check fails.

        Returns None for a check that failed.
        """

        async def asked() -> ModelStatus:
            endpoint = endpoint_model(option.endpoint, option.url, model, key)
            try:
                if question:
                    return await ask_once(endpoint, f"the endpoint {option.url}", model)
                return await endpoint.check(seconds=_CHECK_SECONDS)
            finally:
                await endpoint.close()

        try:
            status = self._await(asked())
        except ChoiceError as error:
            self._say(str(error))
            return None
        if question or not status.ok:
            self._say(status.sentence[:1].upper() + status.sentence[1:])
        # Known endpoints list their models; about another one that does not, the question decides.
        listless = option.endpoint == "chat" and not question and status.answered
        return status if status.ok or listless else None

    def _save(
        self, option: _Option, model: str, keys: Mapping[str, str], *, uses_key: bool = False
    ) -> None:
        if keys:
            write_env_file(self._env_file, keys)
        own_url = option.endpoint == "chat"
        values = {
            "endpoint": option.endpoint,
            "url": option.url if own_url else "",
            "model": model,
            "api_key_env": option.key_env if own_url and uses_key else "",
        }
        set_in_config(self._path, "models", values)
        self._say(f"Saved in {self._path}.")
