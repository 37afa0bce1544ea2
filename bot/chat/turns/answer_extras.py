"""The parts of a finished answer beside its text: a form's question, files, small notes."""

import logging
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

from bot.assistants.errors import APIError
from bot.assistants.images import image_kind
from bot.assistants.schema.files import File
from bot.chat.reply.content.message_content import Block, Picture, Upload
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.texts.unread_files import Unread, unread_line
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.messages.answer_text import Source
from bot.chat.threads.messages.message_builder import format_size
from bot.chat.threads.messages.upload_names import original_name, question_mark
from bot.chat.threads.runs.run_end import RunEnd
from bot.chat.turns.turn_context import TurnContext
from bot.store.ledger import FORM_CAUSE, CallFile, Question, Turn

MOST_FILES: Final = 20
"""The most files that are attached to an answer; further files are only named."""

MOST_BYTES: Final = 100 * 2**20
"""The most bytes of all files of an answer, which are in memory until Discord has them."""

_MOST_SOURCES: Final = 20

_LONGEST_QUESTION: Final = 150
"""The most characters of a schedule's question below its answer."""

_log: Final = logging.getLogger(__name__)


class Extras(Struct, frozen=True):
    """The files and pictures below an answer, and all notes of the answer."""

    uploads: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()


class ExtrasReader:
    """Reads the extras of a turn's answer from the server and from the ledger."""

    def __init__(self, context: TurnContext) -> None:
        services = context.services
        self._context = context
        self._api = services.threads.api
        self._ledger = services.ledger
        self._services = services

    async def _questions(self, turn: Turn) -> tuple[Question, ...]:
        """Return the turn's questions; they are read from the ledger only after a restart."""
        return self._context.questions or await self._ledger.questions.of_turn(turn.id)

    async def questions_of_forms(self, turn: Turn) -> str:
        """Return quotes of a turn's questions that were written in forms; "" without any."""
        questions = await self._questions(turn)
        written = [each for each in questions if (each.cause or "").startswith(FORM_CAUSE)]
        return "\n\n".join(
            sentences.quoted_question(each.author_name, each.content) for each in written
        )

    async def read(
        self,
        turn: Turn,
        end: RunEnd,
        took: float,
        unread: Sequence[Unread] | None,
        *,
        is_detached: bool,
    ) -> Extras:
        """Return an answer's files and its notes; a file that can't be attached is named.

        ``took`` is the duration of the attempt in seconds, ``unread`` has the unreadable parts of
        the questions. ``is_detached``: Discord does not show which command the reply answers.
        """
        largest = (await self._services.writers.of(turn)).file_limit
        uploads: list[Block] = []
        too_large: list[str] = []
        unreadable: list[str] = []
        left = MOST_BYTES
        newest: dict[str, File] = {}
        for file_id in end.file_ids:
            try:
                file = await self._api.retrieve_file(file_id)
            except (APIError, TurnError) as error:
                _log.warning("Turn %d: file %s can't be read: %s", turn.id, file_id, error)
                unreadable.append(file_id)
            else:
                # Code that writes a file again creates a new file with the same name.
                newest[PurePosixPath(file.filename).name or file_id] = file
        for name, file in newest.items():
            if file.bytes > min(largest, left) or len(uploads) == MOST_FILES:
                too_large.append(f"{sentences.plain(name)} ({format_size(file.bytes)})")
                continue
            try:
                data = await self._content(file.id, min(largest, left))
            except (APIError, TurnError, OSError) as error:
                _log.warning("Turn %d: file %s can't be read: %s", turn.id, file.id, error)
                unreadable.append(sentences.plain(name))
                continue
            left -= len(data)
            uploads.append(_block(_unique(name, uploads), data))
        questions = await self._questions(turn)
        for made in await self._made_files(turn, questions):
            if len(made.data) > min(largest, left) or len(uploads) == MOST_FILES:
                too_large.append(f"{sentences.plain(made.name)} ({format_size(len(made.data))})")
                continue
            left -= len(made.data)
            uploads.append(_block(_unique(made.name, uploads), made.data))
        notes = [note] if (note := _cause_note(questions)) else []
        if is_detached:
            notes.append(localized("answer-to-ask", names=sentences.askers(turn)))
        if too_large:
            notes.append(localized("files-too-large", names=", ".join(too_large)))
        if unreadable:
            notes.append(localized("files-unreadable", names=", ".join(unreadable)))
        if end.sources:
            notes.append(await self._sources_note(turn, end.sources[:_MOST_SOURCES]))
        notes += await self._notes(turn, took, end.model, unread)
        return Extras(tuple(uploads), tuple(notes))

    async def _notes(
        self, turn: Turn, took: float, model: str | None, unread: Sequence[Unread] | None
    ) -> list[str]:
        """Return the notes about how the turn ended, and the footer."""
        settings = self._services.settings
        notes: list[str] = []
        if turn.outcome == "cancelled":
            notes.append(sentences.cancelled(turn.canceller))
        if turn.error == "incomplete":
            has_button = "continue" in settings.buttons
            notes.append(localized("incomplete-continue" if has_button else "incomplete"))
        if turn.fallback:
            notes.append(localized("no-channel-thread"))
        if unread:
            notes.append(unread_line(unread))
        if await self._needs_hint(turn):
            notes.append(localized("write-hint"))
        if turn.outcome == "answered":
            cost = await self._services.budgets.cost_of(turn) if "cost" in settings.footer else ""
            notes.append(
                sentences.footer(
                    settings.footer, seconds=took, tokens=turn.tokens, model=model, cost=cost
                )
            )
        return [note for note in notes if note]

    async def _needs_hint(self, turn: Turn) -> bool:
        """Return whether the answer says that the bot reads only mentions in this new thread."""
        if self._services.settings.message_content or not turn.in_channel_thread:
            return False
        return not await self._ledger.history.before(turn, limit=1)

    async def _made_files(self, turn: Turn, questions: Sequence[Question]) -> list[CallFile]:
        """Return the files of function calls: of the turn's run, and of late calls."""
        makers = [each.cause for each in questions if each.cause is not None]
        # After a restart only the ledger knows whether the run's calls made files.
        if turn.run_id and (self._context.questions is None or self._context.calls.made_files):
            makers.insert(0, turn.run_id)
        return [file for each in makers for file in await self._ledger.tool_calls.files(each)]

    async def _content(self, file_id: str, most: int) -> bytes:
        """Return a file's bytes; raises ``OSError`` if there are more than ``most``."""
        data = bytearray()
        async with await self._api.file_content(file_id) as pieces:
            async for piece in pieces:
                data += piece
                if len(data) > most:
                    raise OSError(f"it has more than {most} bytes, which the server did not say")
        return bytes(data)

    async def _sources_note(self, turn: Turn, sources: Sequence[Source]) -> str:
        """Return the note that names the cited files; files of questions link to them."""
        uploads = [source.name or await self._name(source.file_id) for source in sources]
        names = [original_name(each) for each in uploads]
        asked = await self._ledger.questions.with_files(turn.channel_id, names)
        shown = []
        for number, (upload, name) in enumerate(zip(uploads, names, strict=True), 1):
            text = sentences.plain(name)
            # Several questions may have files of the same name.
            found = [each for each in asked if each[0] == name]
            own = [each for each in found if question_mark(each[2]) in upload]
            if own or found:
                _, channel_id, question_id = (own or found)[0]
                text = f"[{text}]({sentences.jump_url(turn.guild_id, channel_id, question_id)})"
            shown.append(f"\\[{number}\\] {text}")
        return localized("sources", list=" · ".join(shown))

    async def _name(self, file_id: str) -> str:
        try:
            return (await self._api.retrieve_file(file_id)).filename
        except (APIError, TurnError) as error:
            _log.info("The name of the cited file %s can't be read: %s", file_id, error)
            return file_id


def _cause_note(questions: Sequence[Question]) -> str:
    """Return the note that says why the bot writes where no member has asked just now; else ""."""
    for question in questions:
        if question.cause_kind == "approval":
            return localized("after-approval")
        if question.cause_kind == "schedule":
            name, text = sentences.plain(question.author_name), _shortened_text(question)
            return localized("asked-on-schedule", name=name, text=text)
        if question.cause_kind == "reminder":
            return reminder_note(question)
    return ""


def reminder_note(question: Question) -> str:
    """Return the note that reminds a member; it mentions them."""
    member = str(question.author_id)
    return localized("reminder-note", member=member, text=_shortened_text(question))


def _shortened_text(question: Question) -> str:
    """Return the text of a question that no Discord message shows, shortened for a note."""
    return sentences.plain(sentences.shortened(question.content, _LONGEST_QUESTION))


def _block(name: str, data: bytes) -> Block:
    if image_kind(data) is not None:
        return Picture(name, data, description=name, text="")
    return Upload(name, data)


def _unique(name: str, uploads: Sequence[Block]) -> str:
    """Return a file name that Discord accepts and no other file of the answer has."""
    stem, dot, ending = name.rpartition(".")
    safe = "".join(each if each.isalnum() or each in "-_." else "_" for each in name)
    taken = {block.name for block in uploads if not isinstance(block, str)}
    number = 2
    while safe in taken:
        safe = f"{stem or ending}-{number}{dot}{ending if stem else ''}"
        number += 1
    return safe[-100:]
