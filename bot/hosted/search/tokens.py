"""Estimates the tokens of a text from its characters, without a vocabulary."""

import re
from typing import Final

# Scripts that are written without spaces, or (Hangul) with particles joined to the words.
UNSPACED: Final = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u0f00-\u0fff"  # Tibetan
    "\u1000-\u109f"  # Myanmar
    "\u1100-\u11ff"  # Hangul letters
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf"  # CJK radicals
    "\u3005-\u3007\u3021-\u3029\u3031-\u303c"  # ideographic marks and numerals
    "\u3041-\u3096\u3099-\u309a\u309d-\u309f"  # Hiragana
    "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # Katakana
    "\u3105-\u312f\u3131-\u318e"  # Bopomofo, Hangul letters
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\ua960-\ua97f\uac00-\ud7ff"  # Hangul syllables
    "\uff66-\uff9d"  # Katakana, half width
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # Kana and Han beyond the first plane
)

_RUNS: Final = re.compile(
    rf"(?P<latin>[A-Za-z]+)|(?P<digits>[0-9]+)|(?P<unspaced>[{UNSPACED}]+)|(?P<letters>[^\W\d_A-Za-z{UNSPACED}]+)"
    r"|(?P<spaces>\s+)|(?P<signs>(?P<sign>.)(?P=sign)*)",
    re.DOTALL,
)
_CHARACTERS_PER_TOKEN: Final = {
    "latin": 6,  # a common word is one token, a long one two or three
    "digits": 3,
    "unspaced": 1,
    "letters": 3,  # Cyrillic, Greek, Arabic, letters with an accent
    "spaces": 16,  # one space belongs to the word after it
    "signs": 4,  # in a row, of one kind
}


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of ``text``, rather too many than too few. Linear time."""
    total = 0
    for run in _RUNS.finditer(text):
        kind = run.lastgroup
        assert kind is not None  # every branch is named
        length = run.end() - run.start()
        per_token = _CHARACTERS_PER_TOKEN["signs" if kind == "sign" else kind]
        total += length // per_token if kind == "spaces" else -(-length // per_token)
    return total
