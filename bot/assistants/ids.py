"""Ids of the Assistants API: a prefix for the kind of object, then 24 letters and digits."""

import secrets
import string
from typing import Final, Literal

Prefix = Literal["asst", "thread", "msg", "run", "step", "call", "file", "vs", "vsfb"]

_ALPHABET: Final = string.ascii_letters + string.digits
_LENGTH: Final = 24


def new_id(prefix: Prefix) -> str:
    """Return a new random id such as ``run_…``, with 142 bits of entropy."""
    # One random number for the whole id: one for each letter would take ten times as long.
    number = int.from_bytes(secrets.token_bytes(20))
    letters = []
    for _ in range(_LENGTH):
        number, digit = divmod(number, 62)
        letters.append(_ALPHABET[digit])
    # Only the ids of files have a hyphen.
    return f"{prefix}{'-' if prefix == 'file' else '_'}{''.join(letters)}"
