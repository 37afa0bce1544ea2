"""Assistants made in servers from within Discord, and the submissions that make and change them.

The objects themselves are on the Assistants API. A submission is stored before the API is asked:
a bot that is killed meanwhile carries the submission out at its next start.
"""

import sqlite3
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict, replace

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.transactions import LedgerPart, reads, writes, writes_settings

ASSISTANT_SETTING: Final = "assistant"
"""The name of the setting of places that holds the id of the assistant chosen there."""

DRAFT_SECONDS: Final = 86_400.0
"""How long a form that nobody sent is kept, in seconds."""

_DRAFT: Final = """
    SELECT id, guild_id, creator_id, assistant_id, name, model, submission, functions
    FROM assistant_drafts
"""
_ASSISTANT: Final = "SELECT id, guild_id, name, model, deleting FROM assistants"
_TAKEN: Final = """
    SELECT EXISTS (SELECT 1 FROM assistants
                   WHERE guild_id = :guild_id AND name = :name COLLATE NOCASE
                     AND id IS NOT :assistant_id)
        OR EXISTS (SELECT 1 FROM assistant_drafts
                   WHERE guild_id = :guild_id AND name = :name COLLATE NOCASE AND id <> :id
                     AND submission IS NOT NULL)
"""


class GuildAssistant(Struct, frozen=True, kw_only=True):
    """An assistant that was made in a server; ``deleting`` once its deletion was asked for."""

    id: str
    guild_id: int
    name: str
    model: str
    deleting: bool = False


class AssistantDraft(Struct, frozen=True, kw_only=True):
    """A form that makes an assistant, or changes ``assistant_id``; the id is the interaction's.

    ``submission`` is None until the form was sent, then JSON that ``bot.chat`` defines.
    ``functions`` are patterns with spaces between them; None keeps the present functions.
    """

    id: int
    guild_id: int
    creator_id: int
    assistant_id: str | None
    name: str
    model: str
    submission: str | None = None
    functions: str | None = None


class NameTakenError(Exception):
    """Another assistant of the server has the name."""


class AssistantStore(LedgerPart):
    """The assistants of servers; each method is one transaction."""

    @reads
    def of_guild(self, db: sqlite3.Connection, guild_id: int) -> tuple[GuildAssistant, ...]:
        """Return a server's assistants, in the order of their names."""
        where = "WHERE guild_id = ? AND NOT deleting ORDER BY name COLLATE NOCASE, id"
        return rows.records(db, GuildAssistant, f"{_ASSISTANT} {where}", (guild_id,))

    @reads
    def deleting(self, db: sqlite3.Connection) -> tuple[GuildAssistant, ...]:
        """Return the assistants that are marked for deletion."""
        return rows.records(db, GuildAssistant, f"{_ASSISTANT} WHERE deleting")

    @writes
    def begin(self, db: sqlite3.Connection, draft: AssistantDraft) -> None:
        """Store a form that is shown now; raises ``NameTakenError``."""
        if _is_taken(db, draft):
            raise NameTakenError(draft.name)
        now = self._now()
        db.execute(
            "DELETE FROM assistant_drafts WHERE submission IS NULL AND created_at < ?",
            (now - DRAFT_SECONDS,),
        )
        db.execute(
            """
            INSERT INTO assistant_drafts
                (id, guild_id, creator_id, assistant_id, name, model, functions, created_at)
            VALUES (:id, :guild_id, :creator_id, :assistant_id, :name, :model, :functions, :now)
            """,
            asdict(draft) | {"now": now},
        )

    async def submit(self, draft_id: int, submission: str) -> AssistantDraft | None:
        """Store the submission of a form; None if the form was sent already or is not known.

        Raises ``NameTakenError`` and removes the form.
        """
        draft = await self._submit(draft_id, submission)
        if draft is not None and draft.submission is None:
            raise NameTakenError(draft.name)
        return draft

    @writes
    def _submit(
        self, db: sqlite3.Connection, draft_id: int, submission: str
    ) -> AssistantDraft | None:
        """Store a submission; return its form, without the submission if the name is taken."""
        statement = f"{_DRAFT} WHERE id = ? AND submission IS NULL"
        draft = rows.record(db, AssistantDraft, statement, (draft_id,))
        if draft is None:
            return None
        if _is_taken(db, draft):
            db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft_id,))
            return draft
        db.execute(
            "UPDATE assistant_drafts SET submission = ? WHERE id = ?", (submission, draft_id)
        )
        return replace(draft, submission=submission)

    @reads
    def submitted(self, db: sqlite3.Connection) -> tuple[AssistantDraft, ...]:
        """Return the forms that were sent and not carried out."""
        statement = f"{_DRAFT} WHERE submission IS NOT NULL ORDER BY id"
        return rows.records(db, AssistantDraft, statement)

    @writes
    def carried_out(self, db: sqlite3.Connection, draft: AssistantDraft, assistant_id: str) -> None:
        """Store the assistant that a form made or changed, and remove the form."""
        db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft.id,))
        db.execute(
            """
            INSERT INTO assistants (id, guild_id, name, model, creator_id, created_at, deleting)
            VALUES (:id, :guild_id, :name, :model, :creator_id, :now, 0)
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model
            """,
            asdict(draft) | {"id": assistant_id, "now": self._now()},
        )

    @writes
    def discard(self, db: sqlite3.Connection, draft_id: int) -> None:
        """Remove a form that can't be carried out."""
        db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft_id,))

    @writes_settings
    def begin_delete(
        self, db: sqlite3.Connection, guild_id: int, assistant_id: str
    ) -> GuildAssistant | None:
        """Mark an assistant of a server for deletion; the server's places no longer use it.

        Returns None if the server has no such assistant.
        """
        statement = """
            UPDATE assistants SET deleting = 1 WHERE id = ? AND guild_id = ? AND NOT deleting
            RETURNING id, guild_id, name, model, deleting
        """
        assistant = rows.record(db, GuildAssistant, statement, (assistant_id, guild_id))
        if assistant is not None:
            db.execute(
                "DELETE FROM place_settings WHERE guild_id = ? AND name = ? AND value = ?",
                (guild_id, ASSISTANT_SETTING, assistant_id),
            )
        return assistant

    @writes
    def deleted(self, db: sqlite3.Connection, assistant_id: str) -> None:
        """Remove an assistant that was deleted at the server of the Assistants API."""
        db.execute("DELETE FROM assistants WHERE id = ? AND deleting", (assistant_id,))


def _is_taken(db: sqlite3.Connection, draft: AssistantDraft) -> bool:
    return bool(queries.value(db, _TAKEN, asdict(draft)))
