"""The report of ``check``: one line for each requirement."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_SUBJECT_WIDTH: Final = 11


class CheckReport:
    """Prints the result of each check and remembers whether one failed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.passed = True

    def ok(self, subject: str, finding: str) -> None:
        """Report a check that passed."""
        self._say(f"ok  {subject:<{_SUBJECT_WIDTH}} {finding}")

    def failed(self, subject: str, remedy: str) -> None:
        """Report a check that failed, with the fix."""
        self.passed = False
        self._say(f"!!  {subject:<{_SUBJECT_WIDTH}} {remedy}")

    @contextmanager
    def failing(self, subject: str, *errors: type[Exception]) -> Iterator[None]:
        """Report an error of these types, raised in the ``with`` block, as a failed check."""
        try:
            yield
        except errors as error:
            self.failed(subject, str(error))

    def warn(self, subject: str, finding: str) -> None:
        """Report a check that passed with a drawback."""
        self._say(f"??  {subject:<{_SUBJECT_WIDTH}} {finding}")

    def note(self, subject: str, text: str) -> None:
        """Add information to the line before."""
        self._say(f"    {subject:<{_SUBJECT_WIDTH}} {text}")
