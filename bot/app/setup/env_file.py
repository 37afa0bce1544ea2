"""Reads and writes ``.env``, the file of secrets beside config.toml.

One form suits this program, systemd's ``EnvironmentFile`` and a container's ``env_file``: a line
``NAME=value`` for each secret, without quotes.
"""

import io
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv.parser import Binding, parse_stream

from bot.app import StartError

ENV_FILE: Final = ".env"

_log: Final = logging.getLogger(__name__)

_MODE: Final = 0o600  # nobody else on the machine may read a secret
_PLAIN: Final = re.compile(r"[!-~]+")
_QUOTING: Final = re.compile(r"[\s\"'#$\\`]")


def with_env_file(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with the variables of ``folder``'s file; the environment wins.

    Raises ``StartError`` for a file that can't be read, and warns of one that others can read.
    """
    path = folder / ENV_FILE
    variables = read_env_file(path)
    if variables and path.stat().st_mode & 0o077:
        _log.warning("Other users of this machine can read the secrets in %s: chmod 600 it", path)
    return {**variables, **environment}


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables of a file, none if it does not exist; raises ``StartError``."""
    return {each.key: each.value for each in _bindings(path) if each.key and each.value is not None}


def is_storable(value: str) -> bool:
    """Return whether a value needs no quotes, so that all programs read it alike."""
    return bool(_PLAIN.fullmatch(value)) and not _QUOTING.search(value)


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """Set variables in a file and keep its other lines; raises ``StartError``.

    The file is replaced as a whole, so that a crash leaves the old or the new one. Its mode is 600.
    """
    path = path.resolve()
    missing = dict(variables)
    lines: list[str] = []
    for binding in _bindings(path):
        if binding.key in variables:
            if binding.key in missing:
                lines.append(f"{binding.key}={missing.pop(binding.key)}\n")
        else:
            lines.append(binding.original.string)
    if lines and not lines[-1].endswith("\n"):
        lines.append("\n")
    lines += [f"{name}={value}\n" for name, value in missing.items()]
    replace_file(path, "".join(lines), mode=_MODE)


def replace_file(path: Path, text: str, *, mode: int) -> None:
    """Write a file so that a crash leaves the old or the new one; raises ``StartError``."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), mode)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StartError(f"{path} can't be written ({error.strerror}).") from error


def _bindings(path: Path) -> list[Binding]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise StartError(f"{path} can't be read: {reason}.") from None
    bindings = list(parse_stream(io.StringIO(text)))
    if wrong := next((each for each in bindings if each.error), None):
        # The line may be a secret, so the error does not quote it.
        raise StartError(
            f"Line {wrong.original.line} of {path} can't be read. Write NAME=value, one a line."
        )
    return bindings
