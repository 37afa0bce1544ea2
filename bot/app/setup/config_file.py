"""Changes single keys of config.toml and keeps everything else, comments included."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import tomlkit
from tomlkit.items import Table

from bot.app.setup.env_file import replace_file
from bot.config import parse

_HEADER: Final = (
    "# The configuration of the bot. A setting that is not here has its default value.\n"
    "# Secrets are in .env, beside this file.\n\n"
)
_MODE: Final = 0o644


def set_in_config(path: Path, section: str, values: Mapping[str, str]) -> None:
    """Set keys of a section, and create a missing file; an empty value resets a key that is there.

    Raises ``ConfigError`` for values that do not fit together, and ``StartError`` if the file can't
    be written. Either way the file stays as it was.
    """
    path = path.resolve()
    there = path.exists()
    document = tomlkit.parse(path.read_text(encoding="utf-8") if there else _HEADER)
    if section not in document:
        document[section] = tomlkit.table()
    table = document[section]
    assert isinstance(table, Table), "the caller has loaded the file"
    for key, value in values.items():
        if value or key in table:
            table[key] = value
    text = tomlkit.dumps(document)
    parse(text, str(path))
    replace_file(path, text, mode=path.stat().st_mode & 0o777 if there else _MODE)
