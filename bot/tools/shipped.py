"""The functions that come with the bot and need nothing: time, dice, messages, reminders, people.

Those that set reminders or call people count as read-only, so that nobody has to approve a call:
they change nothing that the member could not change by a command.
"""

import ast
import math
import operator
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from msgspec import Meta

from bot.tools.context import Context, FoundMessage
from bot.tools.python_functions import tool
from bot.tools.tool import ToolError

_MOST_DICE: Final = 100
_MOST_SIDES: Final = 10_000
_DICE: Final = re.compile(
    r"(?P<count>\d{0,3})[dwDW](?P<sides>\d{1,5})(?P<kept>[khKH]{1,2}\d{1,3})?"
)
_LARGEST: Final = 10**4_000


@tool(read_only=True)
async def current_time(context: Context, time_zone: str = "") -> str:  # noqa: D417 - not the model's
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
    try:
        return str(_value(ast.parse(expression.strip().replace("^", "**"), mode="eval").body))
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolError("This is no arithmetic expression.") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ToolError(f"It can't be calculated: {error}.") from None


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
    return _listed(await context.channels.recent(channel, count))


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
    return _listed(await context.channels.search(text, channel, count))


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
async def delete_reminder(context: Context, number: int) -> str:  # noqa: D417 - not the model's
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


def _moment(context: Context, moment: float) -> str:
    zone = ZoneInfo(context.place.time_zone)
    return f"{datetime.fromtimestamp(moment, zone):%A, %Y-%m-%d %H:%M} ({zone.key})"


def _listed(messages: Sequence[FoundMessage]) -> str:
    return (
        "\n\n".join(
            f"[{each.sent_at}, #{each.channel}, {each.author}: {each.link}]\n{each.text}"
            for each in messages
        )
        or "There are no such messages."
    )


_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: Final[dict[type[ast.unaryop], Callable[[Any], Any]]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_CONSTANTS: Final = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    name: getattr(math, name)
    for name in (
        "sqrt", "cbrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
        "atan2", "sinh", "cosh", "tanh", "degrees", "radians", "floor", "ceil", "trunc", "hypot",
        "gcd", "lcm",
    )
} | {"abs": abs, "round": round, "min": min, "max": max}  # fmt: skip


def _value(node: ast.expr) -> int | float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _bounded(_UNARY[type(sign)](_value(operand)))
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value(left), _value(right))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            return _bounded(_BINARY[type(sign)](_value(left), _value(right)))
        case ast.Call(func=ast.Name(id="factorial"), args=[argument], keywords=[]):
            number = _value(argument)
            if not isinstance(number, int) or not 0 <= number <= 1_000:
                raise ToolError("factorial takes a whole number from 0 to 1000.")
            return math.factorial(number)
        case ast.Call(func=ast.Name(id="pow"), args=[base, exponent], keywords=[]):
            return _power(_value(base), _value(exponent))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*map(_value, arguments)))
    raise ToolError(
        "This is no arithmetic expression: only numbers, operators and functions count."
    )


def _power(base: float, exponent: float) -> int | float:
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and int(base).bit_length() * int(exponent) > _LARGEST.bit_length():
        raise ToolError("The number is too large.")
    return _bounded(base**exponent)


def _bounded(value: Any) -> int | float:
    if isinstance(value, complex):
        raise ToolError("The result is not a real number.")
    if not math.isfinite(value) if isinstance(value, float) else abs(value) > _LARGEST:
        raise ToolError("The number is too large.")
    result: int | float = value
    return result
