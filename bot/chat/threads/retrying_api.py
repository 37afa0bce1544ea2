"""The AssistantsAPI as the bot uses it: each operation is retried while the server may recover."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Final, TypeVar, cast

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Run
from bot.chat.texts.sentences import FailureKind
from bot.chat.threads.api_errors import LONGEST_WAIT, TurnError, may_pass
from bot.runtime.clock import Clock
from bot.runtime.quoted_text import without_quotes
from bot.runtime.retry import TryAgain, endless, retry
from bot.runtime.tasks import cancelling

T = TypeVar("T")

PATIENCE_SECONDS: Final = 120.0
"""How long an operation is retried, in seconds."""

_MAKING: Final = ("create_", "stream_", "submit_", "upload_")
_HARMLESS: Final = frozenset({"create_thread"})
"""The operations that may take effect twice: a second, unused thread does no harm."""


def may_double(operation: str) -> bool:
    """Return whether an operation may take effect twice if it is repeated without a look-up.

    Tool outputs that are submitted twice may answer the next call: some models reuse call ids.
    """
    return operation.startswith(_MAKING) and operation not in _HARMLESS


class RetryingAPI:
    """Retries the operations of an ``AssistantsAPI``.

    ``operations`` is the API with retries. An operation raises ``APIError`` if the server refuses
    it, and ``TurnError`` after ``patience`` seconds without an answer. Operations that
    ``may_double`` are tried once only; ``create_once`` retries them safely.
    """

    def __init__(self, api: AssistantsAPI, clock: Clock, patience: float) -> None:
        self.operations: Final = cast("AssistantsAPI", _RetriedOperations(api, self._retry))
        self._clock = clock
        self._policy = endless(longest_delay=LONGEST_WAIT, patience=patience)

    async def create_once(
        self,
        create: Callable[[], Awaitable[T]],
        find: Callable[[], Awaitable[T | None]],
        *,
        may_exist: bool = False,
    ) -> T:
        """Create an object once; raises ``APIError`` and ``TurnError`` as ``operations`` do.

        If a failure leaves open whether the object was created, the next try calls ``find`` before
        ``create``. So does the first try if the object ``may_exist``, as after a restart.
        """
        unsure = may_exist

        async def attempt() -> T:
            nonlocal unsure
            if unsure and (found := await find()) is not None:
                return found
            try:
                return await create()
            except APIError as error:
                unsure = may_pass(error)
                raise

        return await self._retry(attempt)

    async def wait_for_run(self, run: Run, within: float) -> Run:
        """Follow a run by its events; return the run once it ended or waits for tool outputs.

        Raises ``TimeoutError`` after ``within`` seconds, and otherwise as ``operations`` do.
        """

        async def follow() -> Run:
            last = run
            async with aclosing(await self.operations.follow_run(run.thread_id, run.id)) as events:
                async for event in events:
                    last = event.data if isinstance(event.data, Run) else last
            return last

        following = asyncio.create_task(self._retry(follow))
        overdue = asyncio.create_task(self._clock.sleep(within))
        async with cancelling(following, overdue):
            await asyncio.wait({following, overdue}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                return following.result()
            raise TimeoutError(f"run {run.id} did not end within {within:g} s")

    async def _retry(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await retry(call, self._policy, _verdict, self._clock)
        except APIError as error:
            # Logs show ``str(error)``; a server elsewhere may quote the words of members.
            error.args = (without_quotes(error.message),)
            if not may_pass(error):
                raise
            kind: FailureKind = "rate_limited" if error.status == 429 else "unreachable"
            raise TurnError(kind, str(error)) from error


class _RetriedOperations:
    """Wraps an operation of an API when it is looked up; all operations are coroutine functions."""

    def __init__(
        self, api: AssistantsAPI, retried: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]
    ) -> None:
        self._api = api
        self._retried = retried

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        operation: Callable[..., Awaitable[Any]] = getattr(self._api, name)
        if may_double(name):
            return operation

        def retried(*args: Any, **options: Any) -> Awaitable[Any]:
            return self._retried(partial(operation, *args, **options))

        return retried


def _verdict(error: Exception) -> TryAgain | None:
    if isinstance(error, APIError) and may_pass(error):
        return TryAgain(retry_after=error.retry_after or 0.0)
    return None
