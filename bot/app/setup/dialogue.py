"""Asks the operator questions on the terminal, or reads the answers from a pipe."""

import getpass
import sys
from collections.abc import Callable, Sequence
from typing import Final

import click

from bot.app import StartError

_NO_MORE_INPUT: Final = (
    "The input ended before the last question. What was checked is saved: run the same command "
    "again to go on."
)


class Dialogue:
    """Prints lines, asks questions and reads the answers."""

    def say(self, line: str) -> None:
        """Print a line."""
        click.echo(line)

    def steps(self, *lines: str) -> None:
        """Print numbered steps, a line each."""
        for number, line in enumerate(lines, 1):
            self.say(f"  {number}. {line}")

    def ask(self, question: str, default: str = "") -> str:
        """Return the answer, stripped; an empty one means ``default``.

        Raises ``StartError`` at the end of the input.
        """
        shown = f"{question} [{default}]: " if default else f"{question}: "
        return self._read(lambda: input(shown)).strip() or default

    def secret(self, question: str) -> str:
        """Return an answer that a terminal does not show."""
        hidden = sys.stdin is not None and sys.stdin.isatty()
        shown = f"{question} (not shown): "
        return self._read(lambda: (getpass.getpass if hidden else input)(shown)).strip()

    def pause(self, question: str) -> None:
        """Wait for Enter."""
        self._read(lambda: input(f"{question} "))

    def choose(self, question: str, choices: Sequence[str], default: int = 1) -> int:
        """Print numbered choices and return the index of the chosen one."""
        for number, choice in enumerate(choices, 1):
            self.say(f"  {number:>2}  {choice}")
        while True:
            answer = self.ask(question, str(default))
            if answer.isascii() and answer.isdecimal() and 1 <= int(answer) <= len(choices):
                return int(answer) - 1
            self.say(f"Write a number from 1 to {len(choices)}.")

    def _read(self, read: Callable[[], str]) -> str:
        try:
            return read()
        except (EOFError, UnicodeDecodeError, RuntimeError):  # RuntimeError: no standard input
            self.say("")
            raise StartError(_NO_MORE_INPUT) from None
