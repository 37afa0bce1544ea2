"""Questions by command: each is one turn, whose reply answers the command's interaction.

A token lets whoever has it write the reply. Tokens are the only secrets in the ledger: they leave
when their 15 minutes are over, and no backup has them.
"""

import sqlite3
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from bot.store.ledger.records import AskResponse, Link, NewQuestion, Personal
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.turns.moves import store_response
from bot.store.ledger.turns.question_rows import insert_with_quotes, route
from bot.store.ledger.turns.questions import QueueFullError

DRAFT_SECONDS: Final = 86_400.0
"""How long an open form keeps the message that it is about, in seconds."""


class AskDraft(Struct, frozen=True, kw_only=True):
    """The message about which a member asks by a form; ``content`` quotes the message."""

    id: int
    member_id: int
    content: str
    attachments: str
    quoted_id: int
    quoted_author_id: int


class AskStore:
    """The questions by command in the ledger; each method is one transaction."""

    def __init__(self, database: LedgerSession, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def take(
        self,
        new: NewQuestion,
        personal: Personal,
        response: AskResponse,
        *,
        parent_id: int,
        assistant_id: str | None = None,
        most: int,
    ) -> int | None:
        """Store a question by command; return the conversation in whose order it is answered.

        ``parent_id`` is the channel whose permissions apply. Returns None if the question is known
        already. Raises ``QueueFullError`` if ``most`` questions of the conversation wait.
        """
        now = self._now()

        def work(db: sqlite3.Connection) -> int | None:
            home_id = _conversation(db, personal) or new.id
            (waiting,) = db.execute(
                """
                SELECT count(*) FROM questions
                WHERE home_id = ? AND turn_id IS NULL AND withdrawn_at IS NULL
                """,
                (home_id,),
            ).fetchone()
            if waiting >= most:
                raise QueueFullError(f"{most} questions wait beside {new.id}")
            if not insert_with_quotes(db, new, now):
                return None
            link = Link(
                channel_id=home_id,
                guild_id=new.guild_id,
                parent_id=parent_id,
                listening=False,
                private=True,
                personal=personal,
            )
            route(db, new.id, link, fallback=False, now=now)
            store_response(db, new.id, response, assistant_id)
            return home_id

        return await self._database.write(work)

    async def of_turn(self, turn_id: int) -> AskResponse | None:
        """Return the interaction that the reply of a turn answers."""
        statement = """
            SELECT a.interaction_id, a.token, a.expires_at
            FROM turns t JOIN asks a ON a.question_id = t.reply_to WHERE t.id = ?
        """

        def work(db: sqlite3.Connection) -> AskResponse | None:
            row = db.execute(statement, (turn_id,)).fetchone()
            if row is None:
                return None
            return AskResponse(interaction_id=row[0], token=row[1], expires_at=row[2])

        return await self._database.read(work)

    async def assistant_of(self, turn_id: int) -> str | None:
        """Return the assistant that a member named for a turn; None: nobody named one."""
        statement = """
            SELECT a.assistant_id FROM turns t JOIN asks a ON a.question_id = t.reply_to
            WHERE t.id = ?
        """

        def work(db: sqlite3.Connection) -> str | None:
            row = db.execute(statement, (turn_id,)).fetchone()
            return None if row is None else row[0]

        return await self._database.read(work)

    async def purge(self) -> None:
        """Remove the tokens and the drafts whose time is over."""
        now = self._now()

        def is_over(db: sqlite3.Connection) -> bool:
            statement = """
                SELECT EXISTS (SELECT 1 FROM asks WHERE token <> '' AND expires_at <= ?)
                    OR EXISTS (SELECT 1 FROM ask_drafts WHERE created_at <= ?)
            """
            return bool(db.execute(statement, (now, now - DRAFT_SECONDS)).fetchone()[0])

        def work(db: sqlite3.Connection) -> None:
            db.execute("UPDATE asks SET token = '' WHERE token <> '' AND expires_at <= ?", (now,))
            db.execute("DELETE FROM ask_drafts WHERE created_at <= ?", (now - DRAFT_SECONDS,))

        if await self._database.read(is_over):
            await self._database.write(work)

    async def keep_draft(self, draft: AskDraft) -> None:
        """Store the message that an open form is about."""
        values = (
            draft.id,
            draft.member_id,
            draft.content,
            draft.attachments,
            draft.quoted_id,
            draft.quoted_author_id,
            self._now(),
        )
        await self._database.write(
            lambda db: db.execute(
                "INSERT INTO ask_drafts VALUES (?, ?, ?, ?, ?, ?, ?)", values
            ).close()
        )

    async def draft(self, draft_id: int, member_id: int) -> AskDraft | None:
        """Return the message that a member's form is about; None if its time is over."""
        statement = """
            SELECT id, member_id, content, attachments, quoted_id, quoted_author_id
            FROM ask_drafts WHERE id = ? AND member_id = ?
        """

        def work(db: sqlite3.Connection) -> AskDraft | None:
            row = db.execute(statement, (draft_id, member_id)).fetchone()
            if row is None:
                return None
            return AskDraft(**dict(zip(AskDraft.__struct_fields__, row, strict=True)))

        return await self._database.read(work)


def remove_tokens(db: sqlite3.Connection) -> None:
    """Remove every token from a copy of a ledger; an older ledger has none."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'asks'").fetchone()
    if tables:
        db.execute("UPDATE asks SET token = ''")


def _conversation(db: sqlite3.Connection, personal: Personal) -> int | None:
    row = db.execute(
        """
        SELECT channel_id FROM links
        WHERE owner_id = ? AND place_id = ? AND ephemeral = ? AND external = ?
        """,
        (personal.owner_id, personal.place_id, personal.ephemeral, personal.external),
    ).fetchone()
    return None if row is None else int(row[0])
