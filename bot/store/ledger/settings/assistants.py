"""Assistants made in servers from within Discord, and the submissions that make and change them.

The objects themselves are on the Assistants API. A submission is stored before the API is asked:
a bot that is killed meanwhile carries the submission out at its next start.
"""

import sqlite3
from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from bot.store.ledger.session import LedgerSession
from bot.store.ledger.settings.place_settings import PlaceSettingStore, forget_value

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
                   WHERE guild_id = :guild AND name = :name COLLATE NOCASE AND id IS NOT :assistant)
        OR EXISTS (SELECT 1 FROM assistant_drafts
                   WHERE guild_id = :guild AND name = :name COLLATE NOCASE AND id <> :draft
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

    ``submission`` is None until the form was sent: then JSON that the chat defines. ``functions``
    are patterns with spaces between them; None keeps the present functions.
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


class AssistantStore:
    """The assistants of servers; each method is one transaction."""

    def __init__(
        self, database: LedgerSession, settings: PlaceSettingStore, now: Callable[[], float]
    ) -> None:
        self._database = database
        self._settings = settings
        self._now = now

    async def of_guild(self, guild_id: int) -> tuple[GuildAssistant, ...]:
        """Return a server's assistants, in the order of their names."""
        return await self._assistants(
            "WHERE guild_id = ? AND NOT deleting ORDER BY name COLLATE NOCASE, id", guild_id
        )

    async def deleting(self) -> tuple[GuildAssistant, ...]:
        """Return the assistants whose deletion was asked for and is not done."""
        return await self._assistants("WHERE deleting")

    async def _assistants(self, where: str, *values: int) -> tuple[GuildAssistant, ...]:
        def work(db: sqlite3.Connection) -> tuple[GuildAssistant, ...]:
            return tuple(
                GuildAssistant(
                    id=row[0], guild_id=row[1], name=row[2], model=row[3], deleting=bool(row[4])
                )
                for row in db.execute(f"{_ASSISTANT} {where}", values)
            )

        return await self._database.read(work)

    async def begin(self, draft: AssistantDraft) -> None:
        """Store a form that is shown now; raises ``NameTakenError``."""
        now = self._now()

        def work(db: sqlite3.Connection) -> bool:
            if _is_taken(db, draft):
                return False
            db.execute(
                "DELETE FROM assistant_drafts WHERE submission IS NULL AND created_at < ?",
                (now - DRAFT_SECONDS,),
            )
            db.execute(
                """
                INSERT INTO assistant_drafts
                    (id, guild_id, creator_id, assistant_id, name, model, functions, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                (
                    draft.id,
                    draft.guild_id,
                    draft.creator_id,
                    draft.assistant_id,
                    draft.name,
                    draft.model,
                    draft.functions,
                    now,
                ),
            )
            return True

        if not await self._database.write(work):
            raise NameTakenError(draft.name)

    async def submit(self, draft_id: int, submission: str) -> AssistantDraft | None:
        """Store what a form was sent with; None if it was sent already or is not known.

        Raises ``NameTakenError``; the form is then gone.
        """

        def work(db: sqlite3.Connection) -> AssistantDraft | NameTakenError | None:
            row = db.execute(
                f"{_DRAFT} WHERE id = ? AND submission IS NULL", (draft_id,)
            ).fetchone()
            if row is None:
                return None
            draft = _draft(row)
            if _is_taken(db, draft):
                db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft_id,))
                return NameTakenError(draft.name)
            db.execute(
                "UPDATE assistant_drafts SET submission = ? WHERE id = ?", (submission, draft_id)
            )
            row = db.execute(f"{_DRAFT} WHERE id = ?", (draft_id,)).fetchone()
            return _draft(row)

        stored = await self._database.write(work)
        if isinstance(stored, NameTakenError):
            raise stored
        return stored

    async def submitted(self) -> tuple[AssistantDraft, ...]:
        """Return the forms that were sent and not carried out."""
        statement = f"{_DRAFT} WHERE submission IS NOT NULL ORDER BY id"
        return await self._database.read(lambda db: tuple(map(_draft, db.execute(statement))))

    async def carried_out(self, draft: AssistantDraft, assistant_id: str) -> None:
        """Store the assistant that a form made or changed, and remove the form."""
        now = self._now()

        def work(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft.id,))
            db.execute(
                """
                INSERT INTO assistants (id, guild_id, name, model, creator_id, created_at, deleting)
                VALUES (?, ?, ?, ?, ?, ?, 0)
                ON CONFLICT (id) DO UPDATE SET name = excluded.name, model = excluded.model
                """,
                (
                    assistant_id,
                    draft.guild_id,
                    draft.name,
                    draft.model,
                    draft.creator_id,
                    now,
                ),
            )

        await self._database.write(work)

    async def discard(self, draft_id: int) -> None:
        """Remove a form that can't be carried out."""
        await self._database.write(
            lambda db: db.execute("DELETE FROM assistant_drafts WHERE id = ?", (draft_id,)).close()
        )

    async def begin_delete(self, guild_id: int, assistant_id: str) -> GuildAssistant | None:
        """Have an assistant of a server deleted; the server's places no longer use it.

        Returns None if the server has no such assistant.
        """

        def work(db: sqlite3.Connection) -> GuildAssistant | None:
            row = db.execute(
                """
                UPDATE assistants SET deleting = 1 WHERE id = ? AND guild_id = ? AND NOT deleting
                RETURNING id, guild_id, name, model
                """,
                (assistant_id, guild_id),
            ).fetchone()
            if row is None:
                return None
            forget_value(db, guild_id, ASSISTANT_SETTING, assistant_id)
            return GuildAssistant(
                id=row[0], guild_id=row[1], name=row[2], model=row[3], deleting=True
            )

        try:
            return await self._database.write(work)
        finally:
            self._settings.changed()

    async def deleted(self, assistant_id: str) -> None:
        """Remove an assistant that was deleted at the server of the Assistants API."""
        await self._database.write(
            lambda db: db.execute(
                "DELETE FROM assistants WHERE id = ? AND deleting", (assistant_id,)
            ).close()
        )


def _is_taken(db: sqlite3.Connection, draft: AssistantDraft) -> bool:
    given = {
        "guild": draft.guild_id,
        "name": draft.name,
        "assistant": draft.assistant_id,
        "draft": draft.id,
    }
    return bool(db.execute(_TAKEN, given).fetchone()[0])


def _draft(row: tuple[Any, ...]) -> AssistantDraft:
    return AssistantDraft(
        id=row[0],
        guild_id=row[1],
        creator_id=row[2],
        assistant_id=row[3],
        name=row[4],
        model=row[5],
        submission=row[6],
        functions=row[7],
    )
