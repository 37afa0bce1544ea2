"""Packs all stored data about a member into a zip: JSON, Markdown to read, and files."""

import io
import logging
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.messages.answer_text import answer_text, files_of
from bot.chat.threads.messages.message_builder import attached
from bot.chat.threads.messages.upload_names import original_name
from bot.chat.threads.threads import AssistantThreads
from bot.store.ledger import Question, Schedule
from bot.store.ledger.privacy.member_records import MembersTurn, StoredOfMember

_ROOM: Final = 100_000
"""Bytes at the end of the archive that no file may use; its directory needs them."""

_log: Final = logging.getLogger(__name__)


class MemberExport:
    """Builds exports; reads answers and files from the Assistants API."""

    def __init__(self, threads: AssistantThreads) -> None:
        self._threads = threads

    @property
    def _api(self) -> AssistantsAPI:
        return self._threads.api

    async def build(self, user_id: int, stored: StoredOfMember, *, now: float, most: int) -> bytes:
        """Return a zip of at most about ``most`` bytes; it names the files that were left out.

        A file is left out if it has no room, or if the server does not return it. ``now`` is in
        seconds since 1970.
        """
        turns = {turn.id: turn for turn in stored.turns}
        answers = {turn.id: await self._answer(turn) for turn in stored.turns}
        left_out: list[str] = []
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            questions = [_question(one, turns, answers) for one in stored.questions]
            data = {
                "member_id": str(user_id),
                "exported_at": _moment(now),
                "language": stored.locale,
                "access_rules_about_the_member": stored.rules,
                "questions": questions,
                "votes": [_vote(vote) for vote in stored.votes],
                "schedules": [_schedule(each) for each in stored.schedules],
                "usage": {
                    "answers": len(stored.turns),
                    "tokens": sum(turn.tokens or 0 for turn in stored.turns),
                },
                **{kind: [_record(each) for each in all_] for kind, all_ in stored.records.items()},
            }
            archive.writestr("data.json", msgspec.json.format(msgspec.json.encode(data), indent=2))
            archive.writestr("conversations.md", _markdown(questions))
            for question in stored.questions:
                left_out += await self._add_files(archive, packed, question, most - _ROOM)
            if left_out:
                archive.writestr("left-out.txt", "\n".join(left_out))
        return packed.getvalue()

    async def _answer(self, turn: MembersTurn) -> str | None:
        if turn.thread_id is None or turn.run_id is None:
            return None
        try:
            return answer_text(await self._threads.messages_of(turn.thread_id, turn.run_id))
        except (APIError, TurnError) as error:
            _log.info("The answer of turn %d is left out of an export: %s", turn.id, error)
            return None

    async def _add_files(
        self, archive: zipfile.ZipFile, packed: io.BytesIO, question: Question, most: int
    ) -> list[str]:
        """Add the files of a question to the archive; return the names of files left out."""
        if question.thread_id is None or question.message_id is None:
            return [file.name for file in attached(question)]
        left_out: list[str] = []
        try:
            message = await self._api.retrieve_message(question.thread_id, question.message_id)
            for file_id in files_of(message):
                file = await self._api.retrieve_file(file_id)
                if packed.tell() + file.bytes > most:
                    left_out.append(original_name(file.filename))
                    continue
                content = bytearray()
                async with await self._api.file_content(file_id) as pieces:
                    async for piece in pieces:
                        content += piece
                name = original_name(file.filename).replace("/", "_").replace("\\", "_")
                archive.writestr(f"files/{question.id}/{name}", bytes(content))
        except (APIError, TurnError) as error:
            _log.info("Files of question %d are left out of an export: %s", question.id, error)
            left_out += [file.name for file in attached(question)]
        return left_out


def _question(
    question: Question, turns: dict[int, MembersTurn], answers: dict[int, str | None]
) -> dict[str, Any]:
    turn = turns.get(question.turn_id or 0)
    return {
        "id": str(question.id),
        "server_id": None if question.guild_id is None else str(question.guild_id),
        "channel_id": str(question.channel_id),
        "asked_at": _moment(question.received_at),
        "name": question.author_name,
        "text": question.content,
        "files": [file.name for file in attached(question)],
        "answer": None if turn is None else answers.get(turn.id),
        "tokens": None if turn is None else turn.tokens,
    }


def _vote(vote: Any) -> dict[str, Any]:
    return {
        "answer": vote.turn_id,
        "vote": "up" if vote.helpful else "down",
        "reason": vote.reason or None,
        "voted_at": _moment(vote.voted_at),
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "server_id": None if schedule.guild_id is None else str(schedule.guild_id),
        "channel_id": str(schedule.channel_id),
        "name": schedule.creator_name,
        "text": schedule.content,
        "when": msgspec.json.decode(schedule.rule),
        "time_zone": schedule.zone,
        "next": None if schedule.due_at is None else _moment(schedule.due_at),
        "paused": schedule.paused,
    }


def _record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record of the ledger with its times as text."""
    return {
        name: _moment(value) if name.endswith("_at") and value is not None else value
        for name, value in record.items()
    }


def _markdown(questions: list[dict[str, Any]]) -> str:
    blocks = ["# Your questions"]
    for one in questions:
        quoted = "\n".join(f"> {line}" for line in str(one["text"]).splitlines())
        blocks += [f"## {one['asked_at']}", quoted, one["answer"] or "*(no answer is stored)*"]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
