"""Calculates arithmetic expressions exactly, within bounds that keep a calculation short."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any, Final

from bot.tools.tool import ToolError

_LARGEST: Final = 10**4_000
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


def calculate(expression: str) -> int | float:
    """Return the value of an expression of Python, where ``^`` also means power.

    Raises ``ToolError`` for anything but arithmetic, and for a number above 10**4000.
    """
    try:
        return _value(ast.parse(expression.strip().replace("^", "**"), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ToolError("This is no arithmetic expression.") from None
    except (ArithmeticError, ValueError, TypeError) as error:
        raise ToolError(f"It can't be calculated: {error}.") from None


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
    number: int | float = value
    return number
