"""Known model endpoints: their addresses and keys, and which of them answer on this machine."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from bot.config import LocalName, RemoteName
from bot.models.chat_completions.model import ChatCompletions

_NO_CHAT: Final = (
    *("embed", "whisper", "transcri", "-tts", "orpheus", "moderation", "guard", "safeguard"),
    *("ocr", "imagen", "-image", "veo", "rerank", "bge-", "aqa", "realtime", "live"),
)
"""Parts of the names of models that do not chat."""


class Preset(Struct, frozen=True, kw_only=True):
    """An endpoint of chat completions with a known address.

    ``key_env`` names the environment variable of its key, and ``keys_page`` the page that makes
    keys; both are empty for servers on this machine. ``preferred`` are models in order, best first.
    """

    name: RemoteName | LocalName
    label: str
    url: str
    key_env: str = ""
    keys_page: str = ""
    preferred: tuple[str, ...] = ()

    def key_in(self, environment: Mapping[str, str]) -> str:
        """Return the endpoint's key, empty if it is not set."""
        return environment.get(self.key_env, "").strip()

    def best_of(self, listed: Sequence[str]) -> str:
        """Return the model to use if none is configured; empty if nothing suits.

        For an empty list it is the most preferred model, which the endpoint may have all the same.
        """
        names = [name.removeprefix("models/") for name in listed]
        for wanted in self.preferred:
            if wanted in names or not names:
                return wanted
        return first_that_chats(names)


REMOTE: Final = (
    Preset(
        name="openrouter",
        label="OpenRouter",
        url="https://openrouter.ai/api/v1",
        key_env="OPENROUTER_API_KEY",
        keys_page="https://openrouter.ai/settings/keys",
        preferred=("openrouter/auto",),
    ),
    Preset(
        name="gemini",
        label="Gemini",
        url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_env="GEMINI_API_KEY",
        keys_page="https://aistudio.google.com/apikey",
        preferred=("gemini-flash-latest", "gemini-3.5-flash", "gemini-2.5-flash"),
    ),
    Preset(
        name="groq",
        label="Groq",
        url="https://api.groq.com/openai/v1",
        key_env="GROQ_API_KEY",
        keys_page="https://console.groq.com/keys",
        preferred=("openai/gpt-oss-120b", "llama-3.3-70b-versatile"),
    ),
    Preset(
        name="mistral",
        label="Mistral",
        url="https://api.mistral.ai/v1",
        key_env="MISTRAL_API_KEY",
        keys_page="https://console.mistral.ai/api-keys",
        preferred=("mistral-medium-latest", "mistral-large-latest", "mistral-small-latest"),
    ),
)
"""Endpoints elsewhere, in the order in which "auto" prefers them."""

LOCAL: Final = (
    Preset(name="ollama", label="Ollama", url="http://127.0.0.1:11434/v1"),
    Preset(name="lmstudio", label="LM Studio", url="http://127.0.0.1:1234/v1"),
    Preset(name="llamacpp", label="llama.cpp", url="http://127.0.0.1:8080/v1"),
    Preset(name="vllm", label="vLLM", url="http://127.0.0.1:8000/v1"),
)
"""Servers on this machine at their default ports, in the order in which "auto" prefers them."""


class FoundServer(Struct, frozen=True):
    """A model server that answers on this machine, with the models it lists."""

    preset: Preset
    models: tuple[str, ...]

    def __str__(self) -> str:
        """Return the name and the address."""
        return f"{self.preset.label} at {self.preset.url}"


def first_that_chats(names: Sequence[str]) -> str:
    """Return the first name that looks like a chat model's, else the first; empty for none."""
    for name in names:
        if not any(part in name.lower() for part in _NO_CHAT):
            return name
    return names[0] if names else ""


def keyed(environment: Mapping[str, str], remote: Sequence[Preset] = REMOTE) -> list[Preset]:
    """Return the endpoints elsewhere whose keys are set."""
    return [each for each in remote if each.key_in(environment)]


async def running_servers(
    presets: Sequence[Preset] = LOCAL, seconds: float = 1.0
) -> list[FoundServer]:
    """Return the servers of ``presets`` that list a model within so many ``seconds``."""
    asked = await asyncio.gather(*(_probe(preset, seconds) for preset in presets))
    return [found for found in asked if found is not None]


async def _probe(preset: Preset, seconds: float) -> FoundServer | None:
    endpoint = ChatCompletions(preset.url)
    try:
        status = await endpoint.check(seconds=seconds)
    finally:
        await endpoint.close()
    # Other programs use these ports, too: only a list of models identifies a model server.
    return FoundServer(preset, status.models) if status.models else None
