"""What the model answers in a world, and the functions that it calls before some answers."""

import itertools
import re

from tests.support.model_endpoint import Asked, Turn, turns

_NUMBER = re.compile(r"q(\d+)\b")


def answer_to(text: str) -> str:
    """What the model says to a question, by its number: every tenth takes two Discord messages."""
    # A question may quote an older one.
    number = max(map(int, _NUMBER.findall(text)), default=0)
    words = 330 if number and number % 10 == 0 else 4 + number % 25
    return " ".join(f"a{number}.{word}" for word in range(words))


_SERIALS = itertools.count(1)

NOTES = '''
from pathlib import Path


async def note(serial: int) -> str:
    """Write a serial number down."""
    with Path({path!r}).open("a") as file:
        file.write(f"{{serial}}\\n")
    return "written"


async def careful_note(serial: int) -> str:
    """Write a serial number down, if a person allows it."""
    return await note(serial)
'''
"""The functions that the bot runs; no call of them may be made twice."""

_FUNCTIONS = {1: "note", 2: "remind_me", 3: "careful_note"}
"""The function that is called before an answer, by its number of words modulo 4."""

REMINDER = "reminder {}."
"""The text of a reminder, by the serial number of its call."""


def says_next(asked: Asked) -> Turn:
    text = answer_to(asked.question)
    function = _FUNCTIONS.get(len(text.split()) % 4)
    if function is not None and asked.messages[-1]["role"] != "tool":
        # Each answer of the model has a serial number of its own: a call is made once.
        serial = next(_SERIALS)
        if function == "remind_me":
            when = f"{1 + serial % 5} seconds"
            return turns.call_tools((function, {"text": REMINDER.format(serial), "when": when}))
        return turns.call_tools((function, {"serial": serial}))
    return turns.say(text, per_second=max(40.0, len(text.split()) * 0.7))
