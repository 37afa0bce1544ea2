"""The assistants that config.toml defines: made once, changed only when their section was."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Assistant
from bot.assistants.schema.requests import CreateAssistant, ModifyAssistant, Page
from bot.assistants.validation import from_raw
from bot.chat.threads.api_errors import passing
from bot.config import AssistantSettings, AssistantsSettings, ConfigError
from bot.store.ledger import Ledger

_FALLBACK_MODEL: Final = "default"

_log: Final = logging.getLogger(__name__)

DEFAULT_ASSISTANT: Final = AssistantSettings(
    name="Assistant",
    instructions=(
        "You are a helpful assistant in a Discord community. Answer in the language of the "
        "question, as briefly as it allows. Write Discord's Markdown: **bold**, lists, `code` and "
        "fenced code blocks. Say so when you do not know something."
    ),
)
"""Who answers where config.toml defines nobody."""


async def answering_assistant(
    api: AssistantsAPI, ledger: Ledger, settings: AssistantsSettings, *, default_model: str
) -> str:
    """Bring the defined assistants up to date and return the id of the one that answers.

    ``default_model`` is for sections that name none. Raises ``ConfigError`` for a definition that
    the API refuses, or an ``assistant`` that is not there; ``APIError`` where it does not answer.
    """
    wanted = settings.assistant
    if wanted and not settings.define:
        return (await existing_assistant(api, wanted)).id
    ids: dict[str, str] = {}
    for section in settings.define or (DEFAULT_ASSISTANT,):
        ids[section.name] = await _defined(api, ledger, settings.url, section, default_model)
    if wanted in ids:
        return ids[wanted]
    return (await existing_assistant(api, wanted)).id if wanted else next(iter(ids.values()))


async def existing_assistant(api: AssistantsAPI, wanted: str) -> Assistant:
    """Return an assistant that was made elsewhere, by its id or its name.

    Raises ``ConfigError`` where there is none, ``APIError`` where the API does not answer.
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
    """Say that the configured assistant does not exist."""
    return ConfigError(
        f'[assistants] assistant = "{wanted}" is not there. Use the id or the name of one '
        "that exists, or define it with [[assistants.define]]."
    )


def checked_definitions(settings: AssistantsSettings, *, default_model: str) -> frozenset[str]:
    """Return the names of the assistants that are made at the start.

    Raises ``ConfigError`` for a definition that the API refuses.
    """
    made = settings.define or (() if settings.assistant else (DEFAULT_ASSISTANT,))
    for section in made:
        with _refusals_of(section):
            from_raw(CreateAssistant, _fields(section, default_model))
    return frozenset(section.name for section in made)


@contextmanager
def _refusals_of(section: AssistantSettings) -> Iterator[None]:
    """Raise ``ConfigError`` with the section's name where the API refuses it."""
    try:
        yield
    except APIError as error:
        if error.status != 400:
            raise
        where = f'[[assistants.define]] "{section.name}"'
        if section is DEFAULT_ASSISTANT:
            where = "The default assistant is refused; name its model in [models] model"
        raise ConfigError(f"{where}: {error.message}") from error


async def _defined(
    api: AssistantsAPI, ledger: Ledger, url: str, section: AssistantSettings, default_model: str
) -> str:
    """Return the id of the assistant that a section defines, as the section is now."""
    fields = _fields(section, default_model)
    digest = hashlib.sha256(msgspec.json.encode(fields, order="deterministic")).hexdigest()
    key = f"assistant:{url}:{section.name}"
    kept_digest, _, kept_id = (await ledger.fact(key) or "").partition(" ")
    with _refusals_of(section):
        request = from_raw(CreateAssistant, fields)
        if kept_id:
            try:
                if kept_digest == digest:
                    return (await api.retrieve_assistant(kept_id)).id
                await api.modify_assistant(kept_id, from_raw(ModifyAssistant, fields))
            except APIError as error:
                if kept_digest == digest and passing(error):
                    # Who asks meanwhile is told, and answered when it is there again.
                    _log.warning("%s can't be asked for its assistants now: %s", url, error)
                    return kept_id
                if error.status != 404:
                    raise
                kept_id = ""  # deleted meanwhile: it is made again
        if not kept_id:
            kept_id = (await api.create_assistant(request)).id
    await ledger.set_fact(key, f"{digest} {kept_id}")
    return kept_id


def _fields(section: AssistantSettings, default_model: str) -> dict[str, Any]:
    """Return a section as the API's own fields; what is empty there is cleared here."""
    return {
        "name": section.name,
        "model": section.model or default_model or _FALLBACK_MODEL,
        "description": section.description or None,
        "instructions": section.instructions or None,
        "tools": list(section.tools),
        "temperature": section.temperature,
        "top_p": section.top_p,
        "response_format": section.response_format,
        "metadata": section.metadata,
        "reasoning_effort": section.reasoning_effort or None,
    }
