"""The keys in the environment: of model endpoints, of callers of the server, of the metrics."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bot.app import StartError

BOT_PROJECT: Final = "default"
"""The bot's project; without API keys, ``serve`` offers this project."""

_SHORTEST_KEY: Final = 16


def secret(environment: Mapping[str, str], section: str, variable: str) -> str | None:
    """Return the key in the environment variable of ``api_key_env``; None for an empty name.

    Raises ``StartError`` if the variable is not set.
    """
    if not variable:
        return None
    key = environment.get(variable, "").strip()
    if not key:
        raise StartError(
            f"[{section}] api_key_env names {variable}, which is not set. Set the variable to the "
            "key, or remove api_key_env."
        )
    return key


def metrics_key(environment: Mapping[str, str]) -> str:
    """Return the key of the metrics, empty without one; raises ``StartError`` for a short one."""
    key = environment.get("METRICS_KEY", "").strip()
    if key and len(key) < _SHORTEST_KEY:
        raise StartError(
            f"METRICS_KEY has fewer than {_SHORTEST_KEY} characters, which can be guessed. Make "
            "one with: openssl rand -hex 24"
        )
    return key


def server_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the server's API keys, each with its project.

    ``ASSISTANTS_API_KEYS`` holds ``project=key`` entries with commas between them. The file of
    ``ASSISTANTS_API_KEYS_FILE`` holds one entry per line; ``#`` begins a comment. Both add up. A
    project may have several keys. A single key without a project belongs to the bot's project.
    Raises ``StartError``, which names an entry by its position, because the entry is secret.
    """
    listed = environment.get("ASSISTANTS_API_KEYS", "").split(",")
    entries = [
        (f"Entry {number} of ASSISTANTS_API_KEYS", entry.strip())
        for number, entry in enumerate(listed, 1)
        if entry.strip()
    ]
    file = environment.get("ASSISTANTS_API_KEYS_FILE", "").strip()
    if file:
        entries += _entries_of(Path(file))
    keys: dict[str, str] = {}
    for where, entry in entries:
        first, equals, rest = entry.partition("=")
        project, key = (first.strip(), rest.strip()) if equals else ("", entry)
        if not project and (equals or len(entries) > 1):
            raise StartError(
                f"{where} names no project. Write project=key. A key that contains a comma must be "
                "in the file that ASSISTANTS_API_KEYS_FILE names."
            )
        if len(key) < _SHORTEST_KEY:
            raise StartError(
                f"{where} has a key of fewer than {_SHORTEST_KEY} characters, which can be "
                "guessed. Make one with: openssl rand -hex 24"
            )
        if key in keys:
            raise StartError(
                f"{where} repeats the key of another entry. Give each entry its own key."
            )
        keys[key] = project or BOT_PROJECT
    return keys


def _entries_of(path: Path) -> list[tuple[str, str]]:
    """Return the position and text of each entry of a key file; raises ``StartError``."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StartError(
            f"ASSISTANTS_API_KEYS_FILE names {path}, which can't be read: {reason}."
        ) from None
    entries = [
        (f"Line {number} of {path}", line.strip())
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not entries:
        raise StartError(
            f"ASSISTANTS_API_KEYS_FILE names {path}, which holds no key. Write a line project=key "
            "for each key, or unset the variable."
        )
    return entries
