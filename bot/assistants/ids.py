"""Ids of the Assistants API: a prefix that names the kind, and 24 random letters and digits."""

import secrets
import string
from typing import Final, Literal

Prefix = Literal["asst", "thread", "msg", "run", "step", "call", "file", "vs", "vsfb"]

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 24


def new_id(prefix: Prefix) -> str:
    """Return a fresh id such as ``run_…``; 142 bits of chance, so two never meet."""
    # One draw for the whole id: a draw a letter costs ten times as much, on every run.
    number = int.from_bytes(secrets.token_bytes(20))
    letters = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        letters.append(_ALPHABET[digit])
    # Of all the API's kinds, files alone are spelled with a hyphen.
    return f"{prefix}{'-' if prefix == 'file' else '_'}{''.join(letters)}"
