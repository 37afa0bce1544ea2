"""The functions that come with the bot: time, dice, arithmetic, messages, reminders, pictures.

Functions that set reminders or call people count as read-only, so that nobody must approve a call:
a member could do the same by a command. A picture changes nothing but the reply.
"""

import random
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from msgspec import Meta

from bot.tools import calculator
from bot.tools.context import Context, FoundMessage
from bot.tools.python_functions import tool, tool_of
from bot.tools.tool import FunctionResult, Tool, ToolError, ToolFile

PictureMaker = Callable[[str], Awaitable[bytes]]
"""Returns the picture of a description as a file's bytes; raises ``ToolError``."""

_MOST_DICE: Final = 100
_MOST_SIDES: Final = 10_000
_DICE: Final = re.compile(
    r"(?P<count>\d{0,3})[dwDW](?P<sides>\d{1,5})(?P<kept>[khKH]{1,2}\d{1,3})?"
)


@tool(read_only=True)
async def current_time(context: Context, time_zone: str = "") -> str:  # noqa: D417 - the model gives no context
    """Return the date and the time now, with the day of the week.

    Args:
        time_zone: An IANA name such as Europe/Berlin; empty for the server's time zone.

    """
    name = time_zone or context.place.time_zone
    try:
        zone = ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ToolError(
            f"There is no time zone {name!r}. Write a name such as Asia/Tokyo."
        ) from None
    now = datetime.now(UTC).astimezone(zone)
    return f"{now:%A}, {now:%Y-%m-%d %H:%M:%S} ({zone.key}, UTC{now:%z})"


@tool(read_only=True)
async def roll_dice(dice: Annotated[str, Meta(max_length=100)]) -> str:
    """Roll dice at random, and return each throw and the sum.

    Args:
        dice: Dice and numbers joined by + or -, such as 2d6+3, d20 or 4d6k3 (keep the highest 3).

    """
    terms = re.findall(r"([+-]?)\s*([^+\-\s]+)", dice)
    unsigned = any(not sign for sign, _ in terms[1:])
    if (
        not terms
        or unsigned
        or "".join(sign + term for sign, term in terms) != re.sub(r"\s", "", dice)
    ):
        raise ToolError("These are no dice. Write them such as 2d6+3.")
    total, shown, thrown = 0, [], 0
    for sign, term in terms:
        factor = -1 if sign == "-" else 1
        if term.isascii() and term.isdigit() and len(term) <= 9:
            total += factor * int(term)
            shown.append(f"{sign or '+'}{term}")
            continue
        found = _DICE.fullmatch(term)
        count, sides = (int(found["count"] or 1), int(found["sides"])) if found else (0, 0)
        thrown += count
        if not (found and count >= 1 and thrown <= _MOST_DICE and 1 <= sides <= _MOST_SIDES):
            raise ToolError(
                f"{term!r} are no dice. Write them such as 2d6, with at most {_MOST_DICE} dice and "
                f"{_MOST_SIDES} sides."
            )
        throws = [random.SystemRandom().randint(1, sides) for _ in range(count)]
        kept = throws
        if found["kept"]:
            number = int(re.sub(r"\D", "", found["kept"]))
            kept = sorted(throws, reverse=True)[:number]
        total += factor * sum(kept)
        note = f", kept {sorted(kept, reverse=True)}" if kept is not throws else ""
        shown.append(f"{sign or '+'}{term}: {throws}{note}")
    return f"{' '.join(shown)} = {total}"


@tool(read_only=True)
async def calculate(expression: Annotated[str, Meta(max_length=1_000)]) -> str:
    """Calculate exactly, such as (17.5 * 3 - 2**10) / sqrt(2). Python's operators and math's names.

    Args:
        expression: Numbers, + - * / // % **, parentheses, and functions such as sqrt, sin, log,
            round, min, max, factorial, gcd, and the constants pi and e.

    """
    return str(calculator.calculate(expression))


@tool(read_only=True)
async def recent_messages(  # noqa: D417 - the model gives no context
    context: Context,
    channel: Annotated[str, Meta(max_length=120)] = "",
    count: Annotated[int, Meta(ge=1, le=25)] = 15,
) -> str:
    """Return what was written last in a channel of this Discord server, oldest first.

    Args:
        channel: The channel's name; empty for the channel of this conversation.
        count: How many messages to return.

    """
    return _messages_as_text(await context.channels.recent(channel, count))


@tool(read_only=True)
async def search_messages(  # noqa: D417 - the model gives no context
    context: Context,
    text: Annotated[str, Meta(min_length=1, max_length=1_000)],
    channel: Annotated[str, Meta(max_length=120)] = "",
    count: Annotated[int, Meta(ge=1, le=25)] = 10,
) -> str:
    """Search the messages of this Discord server, newest first.

    Args:
        text: Words that the messages contain.
        channel: The name of one channel to search; empty for all.
        count: How many messages to return.

    """
    return _messages_as_text(await context.channels.search(text, channel, count))


@tool(read_only=True, idempotent=False)
async def remind_me(  # noqa: D417 - the model gives no context
    context: Context,
    text: Annotated[str, Meta(min_length=1, max_length=1_500)],
    when: Annotated[str, Meta(min_length=1, max_length=100)],
) -> str:
    """Remind the member of something once: at that time you get the text, and answer here.

    Args:
        text: What to remind the member of, or what you are to do then.
        when: A duration such as "2 hours" or "1 day 30 minutes", or a date and time of this
            server's time zone such as "2026-12-24 18:00".

    """
    added = await context.reminders.add(text, when)
    return (
        f"Reminder {added.number} is set for {_moment(context, added.due_at)}. In Discord "
        f"<t:{int(added.due_at)}:f> shows that time to each reader in their own time zone."
    )


@tool(read_only=True)
async def list_reminders(context: Context) -> str:
    """Return the member's reminders in this server, with their numbers."""
    return (
        "\n".join(
            f"{each.number}, {_moment(context, each.due_at)}: {each.text}"
            for each in await context.reminders.all()
        )
        or "There are none."
    )


@tool(read_only=True)
async def delete_reminder(context: Context, number: int) -> str:  # noqa: D417 - the model gives no context
    """Delete a reminder of the member.

    Args:
        number: The reminder's number.

    """
    if not await context.reminders.delete(number):
        raise ToolError(f"The member has no reminder {number}.")
    return f"Reminder {number} is deleted."


@tool(read_only=True)
async def ask_a_person(context: Context) -> str:
    """Hand this conversation over to the people in charge, when you can't help or are asked to.

    They are called, and answer here instead of you from then on.
    """
    return await context.people.call()


SHIPPED: Final = tuple(
    tool_of(function)
    for function in (
        current_time,
        roll_dice,
        calculate,
        recent_messages,
        search_messages,
        remind_me,
        list_reminders,
        delete_reminder,
        ask_a_person,
    )
)
"""The functions that need no configured service."""


def picture_tool(make: PictureMaker) -> Tool:
    """Return the function that draws a picture at a configured endpoint."""

    @tool(read_only=True, seconds=300)
    async def make_image(
        description: Annotated[str, Meta(min_length=1, max_length=4_000)],
    ) -> FunctionResult:
        """Draw a picture; the picture is shown below your answer.

        Args:
            description: What the picture shows, in detail, with its style.

        """
        picture = await make(description)
        return FunctionResult(
            "The picture is shown below your answer.", (ToolFile(_file_name(picture), picture),)
        )

    return tool_of(make_image)


def _file_name(picture: bytes) -> str:
    if picture.startswith(b"\xff\xd8"):
        return "picture.jpg"
    return "picture.webp" if picture[8:12] == b"WEBP" else "picture.png"


def _moment(context: Context, moment: float) -> str:
    zone = ZoneInfo(context.place.time_zone)
    return f"{datetime.fromtimestamp(moment, zone):%A, %Y-%m-%d %H:%M} ({zone.key})"


def _messages_as_text(messages: Sequence[FoundMessage]) -> str:
    return (
        "\n\n".join(
            f"[{each.sent_at}, #{each.channel}, {each.author}: {each.link}]\n{each.text}"
            for each in messages
        )
        or "There are no such messages."
    )
