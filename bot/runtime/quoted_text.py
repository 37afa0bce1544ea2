"""Removes members' words from servers' error texts before they are logged."""

import re
from typing import Final

_VOCABULARY: Final = """
a above access account active add again all allow allowed already an and another answer answered
any api arguments array as asked assistant assistants at audio auth authentication authorization
available bad balance balancer be because before beginning begins below between billing body
both broke bytes call called calling calls can can't cannot carried check choices chunk code
completion completions connection content context conversation create created credit credits
current data deployment deprecated detail disabled do does doesn't don't during each eight
either empty encoding encountered encrypted_content end endpoint endpoint's engine error errors
event events exceed exceeded exceeds exist exists expected expired extra failed fault few field
fields file files filter five flagged for forbidden format found four free from function
functions gateway greater handle has have header http id if image images in incorrect inference
input inputs insufficient integer internal invalid is isn't it its json key keys lacks language
larger later least left length less limit limits list load loaded loading log long longer
malformed many max_completion_tokens max_output_tokens max_tokens maximum memory message
messages method minimum missing model model's models moderation more most must n name need
needed needs new no non-empty none not nothing null number object of off on one only openai or
organization out output outputs over overloaded own page parameter parameters parse parsing
payment per permission permitted plan please policy project prompt properties property provided
provider quota range rate rate_limit reached read reading reasoning reasoning_effort received
refuse refused request requested requests required requires reset resource response
response_format responses retry right role roles rules run running runs safety schema sent
server service set should size slow small so some specified status steps stop store stream
streaming strict string such support supported supports system taken takes tells temperature
temporarily than that the their then there these this thread three timed timeout times to token
tokens too took tool tool_choice tools top_p total tried truncated truncation try two type
unable unauthorized unavailable unexpected unknown unrecognized unsupported until upstream url
usage used user valid value values version wait was web were what when which while will window
with without wrong you your
"""
"""The terms of the APIs, and the words that their errors are made of."""

_WORDS: Final = frozenset(_VOCABULARY.split())

_QUOTED: Final = re.compile(
    r"(?<!\w)(['\"`])\S*\s.*?\1(?!\w)|“[^”\s]*\s.*?”|‘[^’\s]*\s.*?’|«[^»\s]*\s.*?»", re.DOTALL
)
"""Two words or more in quotation marks."""

_KNOWN: Final = re.compile(
    r"[1-5]\d\d|(?:asst|thread|msg|run|step|file|vs|vsfb|call)[_-]\w{20,}", re.ASCII
)
"""An HTTP status, or an id of the API."""

_FIELD: Final = re.compile(r"[a-z_'-]+(?:(?:\[\d{1,3}\]|\.\d{1,3}|\.)[a-z_'-]*)*")
"""A word, or a field of a request such as ``messages[3].content``."""

_NO_LETTERS: Final = re.compile(r"[^a-z_'-]+")
_MARKS: Final = ".,:;!?()[]{}<>'\"`“”‘’"
_LEFT_OUT: Final = re.compile(r"…(?:\s*…)+")
_MOST: Final = 500


def without_quotes(text: str) -> str:
    """Return at most 500 characters of a server's text, for the log: no words of members.

    Words stay that belong to the language of errors. Others become "…", and so do two words or
    more in quotation marks.
    """
    plain = _QUOTED.sub("…", text[: 4 * _MOST])
    return _LEFT_OUT.sub("…", " ".join(map(_shown, plain.split())))[:_MOST]


def _shown(word: str) -> str:
    bare = word.strip(_MARKS).replace("’", "'")
    if _KNOWN.fullmatch(bare):
        return word
    is_field = _FIELD.fullmatch(bare.lower()) is not None
    parts = [part for part in _NO_LETTERS.split(bare.lower()) if part]
    return word if is_field and all(part in _WORDS for part in parts) else "…"
