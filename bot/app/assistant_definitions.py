"""Creates the assistants of config.toml, and updates them when their section changes."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import msgspec
from msgspec import Struct

from bot.app.knowledge import synchronized_store
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.requests import CreateAssistant, ModifyAssistant, Page
from bot.assistants.validation import from_raw
from bot.chat.threads.api_errors import may_pass
from bot.chat.turns.place_instructions import PlaceSwitch
from bot.config import AssistantSettings, AssistantsSettings, Config, ConfigError
from bot.store.ledger import Ledger

_FALLBACK_MODEL: Final = "default"

_log: Final = logging.getLogger(__name__)

DEFAULT_ASSISTANT: Final = AssistantSettings(
    name="Assistant",
    instructions=(
        "You are a helpful assistant in a Discord community. Answer in the language of the "
        "question, as briefly as it allows. Say so when you do not know something."
    ),
)
"""The assistant that answers if config.toml defines none."""


class ConfiguredAssistants(Struct, frozen=True):
    """The id of the assistant that answers, and the ids of all configured assistants by name."""

    default_id: str
    by_name: dict[str, str]


FunctionDefiner = Callable[[Sequence[str]], list[dict[str, Any]]]
"""Returns the functions whose names fit the patterns, as tools of the Assistants API."""


async def configured_assistants(
    api: AssistantsAPI,
    ledger: Ledger,
    config: Config,
    *,
    functions: FunctionDefiner,
) -> ConfiguredAssistants:
    """Create or update the defined assistants; return all configured assistants.

    ``functions`` defines the functions that a section names. Raises ``ConfigError`` for a
    definition that the API refuses and for a missing ``assistant``, ``APIError`` if the API does
    not answer.
    """
    url, wanted = config.assistants.url, config.assistants.assistant
    ids: dict[str, str] = {}
    for section in _sections(config.assistants):
        if section.functions:
            tools = (*section.tools, *functions(section.functions))
            section = msgspec.structs.replace(section, tools=tools)
        ids[section.name] = await _defined(api, ledger, url, section, config.models.model)
    if wanted and wanted not in ids:
        existing = await existing_assistant(api, wanted)
        ids[existing.name or existing.id] = existing.id
        return ConfiguredAssistants(existing.id, ids)
    return ConfiguredAssistants(ids[wanted] if wanted else next(iter(ids.values())), ids)


def _sections(settings: AssistantsSettings) -> tuple[AssistantSettings, ...]:
    """Return the sections of the assistants that the start creates or updates."""
    return settings.define or (() if settings.assistant else (DEFAULT_ASSISTANT,))


def place_switch(settings: AssistantsSettings, configured: ConfiguredAssistants) -> PlaceSwitch:
    """Return which assistants are told where they answer; a section overrides ``[assistants]``."""
    by_id = {configured.by_name[each.name]: each.place for each in settings.define}
    return PlaceSwitch(settings.place, by_id)


async def existing_assistant(api: AssistantsAPI, wanted: str) -> Assistant:
    """Find an existing assistant by its id or its name.

    Raises ``ConfigError`` if there is none, ``APIError`` if the API does not answer.
    """
    page = Page(limit=100)
    while True:
        assistants = await api.list_assistants(page)
        for assistant in assistants.data:
            if wanted in (assistant.id, assistant.name):
                return assistant
        if not assistants.has_more or not assistants.data:
            raise no_such_assistant(wanted)
        page = Page(limit=100, after=assistants.data[-1].id)


def no_such_assistant(wanted: str) -> ConfigError:
    """Return the error for a configured assistant that does not exist."""
    return ConfigError(
        f'[assistants] assistant = "{wanted}" does not exist. Use the id or name of an '
        "existing assistant, or define one with [[assistants.define]]."
    )


def checked_definitions(config: Config) -> frozenset[str]:
    """Return the names of the assistants that the start creates or updates.

    Raises ``ConfigError`` for a definition that the API would refuse.
    """
    sections = _sections(config.assistants)
    for section in sections:
        with _config_errors(section):
            from_raw(CreateAssistant, _fields(section, config.models.model))
    return frozenset(section.name for section in sections)


@contextmanager
def _config_errors(section: AssistantSettings) -> Iterator[None]:
    """Turn the API's refusal (400) into a ``ConfigError`` that names the section."""
    try:
        yield
    except APIError as error:
        if error.status != 400:
            raise
        where = f'[[assistants.define]] "{section.name}"'
        if section is DEFAULT_ASSISTANT:
            where = "The API refuses the default assistant; set [models] model"
        raise ConfigError(f"{where}: {error.message}") from error


async def _defined(
    api: AssistantsAPI, ledger: Ledger, url: str, section: AssistantSettings, default_model: str
) -> str:
    """Create or update the assistant of a section and return its id."""
    store_id = await synchronized_store(api, ledger, url, section)
    fields = _fields(section, default_model, store_id)
    digest = hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).hexdigest()
    key = f"assistant:{url}:{section.name}"
    stored_digest, _, stored_id = (await ledger.fact(key) or "").partition(" ")
    with _config_errors(section):
        request = from_raw(CreateAssistant, fields)
        if stored_id:
            try:
                if stored_digest == digest:
                    return (await api.retrieve_assistant(stored_id)).id
                await api.modify_assistant(stored_id, from_raw(ModifyAssistant, fields))
            except APIError as error:
                if stored_digest == digest and may_pass(error):
                    # The bot starts anyway: members get an error until the API answers again.
                    _log.warning(
                        "The Assistants API at %s does not answer; the bot starts without it: %s",
                        url,
                        error,
                    )
                    return stored_id
                if error.status != 404:
                    raise
                stored_id = ""  # the assistant was deleted: create it again
        if not stored_id:
            stored_id = (await api.create_assistant(request)).id
    await ledger.set_fact(key, f"{digest} {stored_id}")
    return stored_id


def _fields(
    section: AssistantSettings, default_model: str, store_id: str | None = None
) -> dict[str, Any]:
    """Return a section as fields of the API; an empty key becomes null, which clears the field.

    ``store_id`` is the vector store with the section's knowledge.
    """
    tools = list(section.tools)
    if store_id is not None and all(tool.get("type") != "file_search" for tool in tools):
        tools.append({"type": "file_search"})
    fields = {
        "name": section.name,
        "model": section.model or default_model or _FALLBACK_MODEL,
        "description": section.description or None,
        "instructions": section.instructions or None,
        "tools": tools,
        "temperature": section.temperature,
        "top_p": section.top_p,
        "response_format": section.response_format,
        "metadata": section.metadata,
        "reasoning_effort": section.reasoning_effort or None,
    }
    if store_id is not None:
        fields["tool_resources"] = {"file_search": {"vector_store_ids": [store_id]}}
    return fields
