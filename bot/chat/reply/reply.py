"""A turn's reply: the placeholder "thinking…", edited until the reply shows the whole answer.

Only one edit is under way at a time. The ledger stores the id of each message of the reply before
the next step uses the message.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Final

import aiohttp
import discord

from bot.chat.reply import buttons
from bot.chat.reply.content.composition import MOST_MESSAGES, compose, newest_part_with_note
from bot.chat.reply.content.illustration import FormulaDrawer, draw_formulas
from bot.chat.reply.content.link_previews import suppress_previews
from bot.chat.reply.content.message_content import Block, Content, RichContent
from bot.chat.reply.content.split import split
from bot.chat.reply.delivery.channel_writer import ChannelWriter, MessageFrozenError
from bot.chat.reply.delivery.closing_note import close_messages
from bot.chat.reply.delivery.edit_throttle import EditThrottle
from bot.chat.reply.delivery.message_routes import ReplyFullError, UndeliverableError
from bot.chat.reply.delivery.reply_finder import ReplyFinder
from bot.chat.reply.delivery.response_deadline import ResponseDeadline
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.transport.rate_limiter import RequestPriority
from bot.chat.transport.rest_retry import is_passing
from bot.runtime.tasks import cancelling
from bot.store.ledger import Ledger, LedgerError, Turn

PROGRESS_GRACE: Final = 3.0
"""How long the final edit waits for a progress edit under way, in seconds."""

_PAUSE_SECONDS: Final = 2.0
"""How long the edit of a pause may take, in seconds."""

_URGENT: Final = RequestPriority.URGENT
_FAILURES: Final = (discord.DiscordException, aiohttp.ClientError, OSError, LedgerError)

_log: Final = logging.getLogger(__name__)


class Reply:
    """The Discord messages of one turn's attempt.

    ``unsure`` is True where Discord may have messages that the ledger lacks. ``channel_lost`` is
    called once an edit shows that the bot may not write in the channel any more. Without ``drawer``
    formulas are text.
    """

    def __init__(
        self,
        turn: Turn,
        channel_writer: ChannelWriter,
        ledger: Ledger,
        throttle: EditThrottle,
        *,
        unsure: bool,
        channel_lost: Callable[[], None],
        progress_grace: float = PROGRESS_GRACE,
        drawer: FormulaDrawer | None = None,
    ) -> None:
        self._turn = turn
        self._channel_writer = channel_writer
        self._ledger = ledger
        self._throttle = throttle
        self._unsure = unsure
        self._ids = list(turn.parts)
        self._drawer = drawer
        self._shown: list[Content | None] = [None] * len(self._ids)
        self._resent = 0
        self._text: Callable[[], str] = str
        self._changed = asyncio.Event()
        self._progress: asyncio.Task[None] | None = None
        self._progress_over = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._channel_lost = channel_lost
        self._progress_grace = progress_grace
        self._finder = ReplyFinder(turn, channel_writer, ledger)
        self._deadline = ResponseDeadline(channel_writer.response, turn.id, self.pause)

    @property
    def is_detached(self) -> bool:
        """Whether a part of the reply does not belong to the interaction that it answers."""
        response = self._channel_writer.response
        return response is not None and response.is_detached

    async def send_placeholder(
        self, *, in_reply: bool, note: str = "", notifies: int | None = None
    ) -> int:
        """Show the placeholder "thinking…" with a Cancel button; return the id of its message.

        The message of an earlier try is used again. With ``in_reply`` the placeholder is a Discord
        reply to the question. ``note`` follows the text, and notifies the member ``notifies``.
        Raises ``UndeliverableError`` and ``MessageDeletedError``.
        """
        text = "\n".join(filter(None, (localized("thinking"), note)))
        self._deadline.begin()
        view = buttons.view(self._button("cancel"))
        if self._ids and self._channel_writer.is_old(self._ids[0]):
            # Discord would soon refuse edits, and nobody scrolls that far up for an answer.
            await self._resend_from(0)
        if self._ids:
            try:
                await self._channel_writer.edit(self._ids[0], text, view, priority=_URGENT)
                self._shown[0] = text
            except MessageFrozenError:
                await self._resend_from(0)
            else:
                await self._delete_from(1)
        response = self._channel_writer.response
        # The original response of an interaction is filled again: no search is needed.
        if not self._ids and self._unsure and not (response and response.seconds_left()):
            found = await self._finder.placeholder()
            self._ids, self._shown = ([found], [None]) if found else ([], [])
        if not self._ids:
            with self._throttle.urgent():
                message_id = await self._channel_writer.send(
                    text,
                    self._nonce(0),
                    find=self._finder.placeholder,
                    priority=_URGENT,
                    view=view,
                    reply_to=self._turn.reply_to if in_reply else None,
                    notifies=notifies,
                )
            self._ids, self._shown = [message_id], [text]
        return self._ids[0]

    def show(self, text: Callable[[], str]) -> None:
        """Show a text in the reply soon; ``text`` is called when the edit is made."""
        self._text = text
        self._deadline.begin()
        self._changed.set()
        if self._progress is None:
            self._progress = asyncio.create_task(self._show_progress())

    def end_progress(self) -> None:
        """Begin no more progress edits, for which the final edit would wait."""
        self._progress_over = True
        if self._progress is not None and self._idle.is_set():
            self._progress.cancel()

    async def finish(
        self,
        text: str,
        notes: Sequence[str],
        last_buttons: Sequence[buttons.Item],
        uploads: Sequence[Block] = (),
    ) -> bool:
        """Edit the reply to its rendered final text, with uploads, small notes and buttons below.

        Returns False where Discord refused a part: a sentence that says so and a Retry button
        replace the part. Raises ``UndeliverableError`` where Discord refuses the sentence, too; the
        reply's messages are then deleted, as far as Discord allows. Raises ``MessageDeletedError``
        where somebody else deleted a part.
        """
        await self._stop_progress(self._progress_grace)
        await self._deadline.stop()
        if self._deadline.is_over:
            return True
        blocks = await draw_formulas(text, self._drawer)
        contents = compose(blocks, uploads, notes, text)
        with self._throttle.urgent():
            try:
                return await self._write_parts(contents, last_buttons)
            except ReplyFullError:
                if not self._ids:
                    raise
                contents = compose(blocks, uploads, notes, text, most=len(self._ids))
                return await self._write_parts(contents, last_buttons)
            except UndeliverableError:
                if not self._ids:
                    raise
            # Discord may refuse edits, but accept deletions and new messages.
            await self._resend_from(0)
            refused = sentences.failure("undeliverable")
            await self._write_parts([refused], [self._button("retry")])
            return False

    async def _write_parts(
        self, contents: Sequence[Content], last_buttons: Sequence[buttons.Item]
    ) -> bool:
        """Write every part; return False where a sentence replaced a refused part."""
        contents, complete, number = list(contents), True, 0
        while number < len(contents):
            is_last = number == len(contents) - 1
            view = buttons.view(*last_buttons) if is_last and last_buttons else None
            try:
                await self._write_part(number, contents[number], view)
            except MessageFrozenError as error:
                _log.info(
                    "Part %d of turn %d's reply is sent again: %s", number, self._turn.id, error
                )
                await self._resend_from(number)
                continue
            except ReplyFullError:
                raise
            except UndeliverableError as error:
                content, refused = contents[number], sentences.failure("undeliverable")
                if isinstance(content, RichContent):
                    _log.warning("Discord refuses files of turn %d: %s", self._turn.id, error)
                    contents[number : number + 1] = content.instead
                    continue
                if refused in content:
                    raise
                _log.warning("Discord refuses part %d of turn %d: %s", number, self._turn.id, error)
                contents[number] = refused
                last_buttons = [self._button("retry")]
                complete = False
                continue
            number += 1
        await self._delete_from(len(contents))
        return complete

    async def _write_part(
        self, number: int, content: Content, view: discord.ui.View | None
    ) -> None:
        if number == len(self._ids):
            await self._add_part(number, content, view)
        elif number == 0 or view is not None or self._shown[number] != content:
            await self._channel_writer.edit(self._ids[number], content, view, priority=_URGENT)
            self._shown[number] = content

    async def close(self, note: str) -> None:
        """Add a note below the reply as it is, and remove its buttons; send no message.

        A message that can't be edited is left alone.
        """
        await self._stop_progress(self._progress_grace)
        if not self._ids and self._unsure and (found := await self._finder.placeholder()):
            # A restart recognizes the message by its button, which is removed now.
            await self._record_part(0, found, None)
        await close_messages(self._channel_writer, self._ids, note)

    async def pause(self, note: str, *, last: bool = False) -> bool:
        """Add a note below the text so far; try once, for two seconds.

        After the ``last`` note only an answer that is ready in time is written: so the note is
        tried until Discord answers, and removes the buttons. Returns whether Discord accepted it.
        """
        self._progress_over |= last
        await self._stop_progress(_PAUSE_SECONDS / 2)
        if not self._ids:
            return False
        number, content = newest_part_with_note(
            self._text() or localized("thinking"), note, len(self._ids)
        )
        writer, message_id = self._channel_writer, self._ids[number]
        try:
            if last:
                await writer.edit(message_id, content, None, priority=_URGENT)
            else:
                async with asyncio.timeout(_PAUSE_SECONDS):
                    await writer.try_edit(message_id, content, priority=_URGENT)
        except _FAILURES as error:
            _log.info("Turn %d: the reply can't be paused: %s", self._turn.id, error)
            return False
        return True

    async def stop(self) -> None:
        """Stop showing progress, without a final edit."""
        await self._stop_progress(0.0)
        await self._deadline.stop()

    async def _show_progress(self) -> None:
        channel_id = self._turn.channel_id
        failures = 0
        shown = localized("thinking")
        while not self._progress_over:
            await self._changed.wait()
            if self._text() == shown:
                # Only white space or an unfinished citation was added.
                self._changed.clear()
                continue
            priority = await self._throttle.wait_for_edit(channel_id)
            if self._throttle.is_stopped(channel_id):
                _log.info("Turn %d shows no more progress: three 429s", self._turn.id)
                return
            self._changed.clear()
            self._idle.clear()
            try:
                text = self._text()
                parts = split(suppress_previews(text))[:MOST_MESSAGES]
                if await self._edit_one_part(parts, priority):
                    self._changed.set()
                else:
                    shown = text
                failures = 0
                continue
            except UndeliverableError as error:
                _log.info("Turn %d shows no more progress: %s", self._turn.id, error)
                return
            except _FAILURES as error:
                self._unsure = True
                if isinstance(error, discord.HTTPException) and not is_passing(error):
                    # If a member deleted the message, ``finish`` raises ``MessageDeletedError``.
                    _log.info("Turn %d shows no more progress: %s", self._turn.id, error)
                    if await self._channel_writer.is_lost(error, self._ids[:1], priority):
                        self._channel_lost()
                    return
                _log.debug("A progress edit of turn %d failed: %s", self._turn.id, error)
            finally:
                self._idle.set()
            failures += 1
            await self._channel_writer.back_off(failures)
            self._changed.set()

    async def _edit_one_part(self, parts: Sequence[str], priority: RequestPriority) -> bool:
        """Edit or send the first outdated part; return whether later parts may be outdated."""
        for number, content in enumerate(parts):
            if number < len(self._ids) and self._shown[number] == content:
                continue
            if number < len(self._ids):
                await self._channel_writer.try_edit(self._ids[number], content, priority=priority)
                self._shown[number] = content
            elif self._unsure and (found := await self._find(number, priority=priority)):
                await self._record_part(number, found, None)
                return True
            else:
                message_id = await self._channel_writer.try_send(
                    content, self._nonce(number), priority=priority
                )
                await self._record_part(number, message_id, content)
            return number < len(parts) - 1
        return False

    async def _stop_progress(self, grace: float) -> None:
        """Stop progress; wait ``grace`` seconds for an edit under way."""
        task, self._progress = self._progress, None
        if task is None:
            return
        async with cancelling(task):
            if not self._idle.is_set():
                # Two concurrent edits of a message could arrive in either order.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(grace):  # ``wait_for`` can lose a cancellation
                        await self._idle.wait()
                self._unsure = self._unsure or not self._idle.is_set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("Turn %d could not show its progress", self._turn.id, exc_info=error)
            self._unsure = True

    async def _add_part(self, number: int, content: Content, view: discord.ui.View | None) -> None:
        """Add the next part: use the message that an earlier try sent, or send one."""
        if self._unsure and (found := await self._find(number)):
            await self._record_part(number, found, None)
            with contextlib.suppress(MessageFrozenError):
                await self._channel_writer.edit(found, content, view, priority=_URGENT)
                self._shown[number] = content
                return
            await self._resend_from(number)
        message_id = await self._channel_writer.send(
            content,
            self._nonce(number),
            find=lambda: self._find(number, content),
            priority=_URGENT,
            view=view,
            reply_to=None if number else self._turn.reply_to,
        )
        await self._record_part(number, message_id, content)

    async def _find(
        self, number: int, content: Content | None = None, priority: RequestPriority = _URGENT
    ) -> int | None:
        """Find a part that the ledger lacks; ``content`` is that of a first part sent again."""
        finder = self._finder
        if number:
            return await finder.part(self._ids[number - 1], priority)
        return await (finder.placeholder() if content is None else finder.first(content))

    async def _record_part(self, number: int, message_id: int, content: Content | None) -> None:
        await self._ledger.turns.set_part(self._turn.id, number, message_id)
        self._ids.append(message_id)
        self._shown.append(content)

    async def _resend_from(self, number: int) -> None:
        """Delete the parts from ``number`` on, so that they are sent again in order."""
        self._resent += 1
        await self._delete_from(number)

    async def _delete_from(self, count: int) -> None:
        if len(self._ids) <= count:
            return
        self._ids, self._shown = self._ids[:count], self._shown[:count]
        for chore in await self._ledger.turns.drop_parts(self._turn, count):
            await self._channel_writer.delete(int(chore.target), priority=_URGENT)
            await self._ledger.chores.done(chore)

    def _button(self, action: buttons.Action) -> buttons.Item:
        return buttons.ReplyButton(action, self._turn.id, self._turn.attempt)

    def _nonce(self, number: int) -> str:
        nonce = f"{self._turn.id}.{self._turn.attempt}.{number}"
        return f"{nonce}.{self._resent}" if self._resent else nonce
