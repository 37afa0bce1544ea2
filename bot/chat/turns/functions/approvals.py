"""Asks people whether a function call may be made, and takes their decisions.

A call waits for its decision for a short time. Then its run goes on with "waiting for approval", so
that the conversation is not locked. A call that is allowed later is made without its run.
"""

import asyncio
import io
import json
import logging
from typing import Final

import discord

from bot.chat.reply.approval_buttons import approval_view, decided_view
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized, using
from bot.chat.texts.locales import Locales
from bot.chat.texts.plain_text import readable_json
from bot.chat.transport.rest_retry import RestRetry
from bot.config.tools import ToolsSettings
from bot.runtime.clock import Clock
from bot.runtime.tasks import BackgroundTasks, cancelling
from bot.store.ledger import Approval, CallOutcome, Ledger, NewApproval, NewQuestion

WAITING: Final = (
    "The call was not made yet: it is waiting for approval. Say so, and end your answer. A person "
    "may still allow the call later; its result will then come to you in a new message."
)
NOT_ASKED: Final = (
    "Error: this call needs a person's approval, and nobody can be asked here. It was not made. "
    "Say so."
)
WITHDRAWN: Final = "Error: this call was withdrawn. It was not made."

_DAY: Final = 86_400.0
_LONGEST_SHOWN: Final = 900
"""The most characters of arguments in a message; longer arguments are attached as a file."""

_LONGEST_TOLD: Final = 500
"""The most characters of arguments that the model reads again behind a late call."""

_log: Final = logging.getLogger(__name__)


class Approvals:
    """Asks for approval of the function calls of all turns, and stores the decisions."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        clock: Clock,
        locales: Locales,
        settings: ToolsSettings,
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._clock = clock
        self._locales = locales
        self._settings = settings
        self._waiting: dict[int, asyncio.Event] = {}
        self._tasks = BackgroundTasks()

    async def stop(self) -> None:
        """Stop changing messages."""
        await self._tasks.stop()

    async def verdict(self, new: NewApproval) -> tuple[CallOutcome, str] | None:
        """Ask about a call of a run; return None if it may be made, else its outcome and output.

        Raises ``LedgerError``.
        """
        if await self._ledger.approvals.is_allowed_in(new.thread_id, new.name):
            await self._ledger.approvals.note(new, new.name, "allowed_before")
            return None
        approval: Approval | None = await self._ledger.approvals.ask(new)
        assert approval is not None
        if approval.state == "asked":
            approval = await self._decided(approval)
        if approval is None or approval.state == "withdrawn":
            return "denied", WITHDRAWN
        if approval.state == "allowed":
            return None
        if approval.state == "denied":
            return "denied", denial(approval)
        return ("waiting", WAITING) if approval.message_id is not None else ("denied", NOT_ASKED)

    async def decide(
        self,
        approval: Approval,
        *,
        allow: bool,
        for_conversation: bool,
        decider_id: int,
        decider_name: str,
        reason: str | None,
    ) -> Approval | None:
        """Store a person's decision and show it; None if the call was decided before.

        Raises ``LedgerError``.
        """
        event = self._waiting.get(approval.id)
        decided = await self._ledger.approvals.decide(
            approval.id,
            allow=allow,
            for_conversation=for_conversation,
            run_waits=event is not None,
            decider_id=decider_id,
            decider_name=decider_name,
            reason=reason,
            denial=question_about(approval, _late_denial(approval, reason)),
        )
        if event is not None:
            event.set()
        if decided is not None:
            kind = "conversation" if for_conversation else "once"
            self._show_end_soon(decided, kind if allow else "denied")
        return decided

    async def withdraw(self, run_id: str) -> None:
        """Withdraw the approvals that a cancelled run asked for; raises ``LedgerError``."""
        for approval in await self._ledger.approvals.withdraw(run_id):
            self._show_end_soon(approval, "withdrawn")

    def is_too_old(self, approval: Approval) -> bool:
        """Return whether an approval is too old to be decided."""
        return self._clock.now() - approval.asked_at > self._settings.approval_days * _DAY

    async def _decided(self, approval: Approval) -> Approval | None:
        """Wait for a decision; return the approval in its state after the wait."""
        event = self._waiting[approval.id] = asyncio.Event()
        try:
            if approval.message_id is None and not await self._sent(approval):
                return await self._ledger.approvals.give_up(approval.id)
            seconds = self._settings.approval_seconds
            left = min(max(approval.asked_at + seconds - self._clock.now(), 0.0), seconds)
            deciding = asyncio.create_task(event.wait())
            overdue = asyncio.ensure_future(self._clock.sleep(left))
            async with cancelling(deciding, overdue):
                await asyncio.wait({deciding, overdue}, return_when=asyncio.FIRST_COMPLETED)
            return await self._ledger.approvals.give_up(approval.id)
        finally:
            del self._waiting[approval.id]

    async def _sent(self, approval: Approval) -> bool:
        """Show a call with its buttons; return whether Discord took the message."""
        channel = self._client.get_partial_messageable(
            approval.channel_id, guild_id=approval.guild_id
        )
        content, file = _shown(approval)

        async def send() -> discord.Message:
            # Made anew for each try: discord.py closes a file that it has sent.
            files = [] if file is None else [discord.File(io.BytesIO(file), "arguments.json")]
            return await channel.send(
                content,
                view=approval_view(approval.id),
                files=files,
                nonce=f"ap.{approval.id}",
            )

        try:
            message = await self._rest.call(send)
        except discord.HTTPException as error:
            _log.warning("Nobody can be asked about call %d: %s", approval.id, error)
            return False
        await self._ledger.approvals.shown(approval.id, message.id)
        return True

    def _show_end_soon(self, approval: Approval, end: str) -> None:
        self._tasks.start(
            self._show_end(approval, end), f"The end of approval {approval.id} is not shown"
        )

    async def _show_end(self, approval: Approval, end: str) -> None:
        if approval.message_id is None:
            return
        channel = self._client.get_partial_messageable(
            approval.channel_id, guild_id=approval.guild_id
        )
        message = channel.get_partial_message(approval.message_id)
        with using(await self._locales.of_place(approval.guild_id, approval.asker_id)):
            content, _ = _shown(approval)
            ended = localized(
                f"approval-ended.{end}",
                name=sentences.plain(approval.decider_name or ""),
                reason=sentences.plain(sentences.shortened(approval.reason or "", 300)),
            )
            view = decided_view(approval.id)
        try:
            await self._rest.call(lambda: message.edit(content=f"{content}\n{ended}", view=view))
        except discord.HTTPException as error:
            _log.info("The end of approval %d can't be shown: %s", approval.id, error)


def denial(approval: Approval) -> str:
    """Return the output that the model reads for a denied call."""
    text = f"Error: a person denied the call of {approval.name}. It was not made."
    return text + _told(approval.reason)


def call_of(approval: Approval) -> str:
    """Return the words by which the model recognizes a call that it asked for long ago."""
    arguments = sentences.shortened(approval.arguments, _LONGEST_TOLD)
    return f"The call of {approval.name} that waited for approval, with {arguments},"


def question_about(approval: Approval, content: str) -> NewQuestion:
    """Return the question that brings the result of a late call to the assistant.

    The ledger gives the question its id.
    """
    return NewQuestion(
        id=0,
        channel_id=approval.channel_id,
        guild_id=approval.guild_id,
        author_id=approval.asker_id,
        author_name=approval.asker_name,
        content=content,
        cause=approval.cause,
    )


def _late_denial(approval: Approval, reason: str | None) -> str:
    return f"[{call_of(approval)} was denied by a person. It was not made.{_told(reason)}]"


def _told(reason: str | None) -> str:
    if not reason:
        return ""
    return f" The reason that they gave: {json.dumps(reason, ensure_ascii=False)}"


def _shown(approval: Approval) -> tuple[str, bytes | None]:
    """Return the message that shows a call; long arguments are returned as a file beside it."""
    asks = localized(
        "approval-asks",
        name=sentences.plain(approval.name),
        asker=sentences.plain(approval.asker_name),
    )
    arguments = readable_json(approval.arguments, indent=1)
    if len(arguments) > _LONGEST_SHOWN or "```" in arguments:
        return f"{asks}\n{localized('approval-in-file')}", arguments.encode()
    return f"{asks}\n```json\n{arguments}\n```", None
