"""Questions by command: each is one turn, whose reply answers the command's interaction.

A token allows its holder to write the reply. Tokens are the only secrets in the ledger: they are
removed after their 15 minutes, and no backup has them.
"""

import sqlite3
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from bot.store import queries
from bot.store.ledger import rows
from bot.store.ledger.records import AskResponse, Link, NewQuestion, Personal
from bot.store.ledger.transactions import LedgerPart, reads, writes
from bot.store.ledger.turns.question_rows import count_waiting, insert_with_quotes, route
from bot.store.ledger.turns.questions import QueueFullError
from bot.store.ledger.turns.turn_rows import store_response

DRAFT_SECONDS: Final = 86_400.0
"""How long the message that an open form is about is kept, in seconds."""


class AskDraft(Struct, frozen=True, kw_only=True):
    """The message about which a member asks by a form; ``content`` quotes the message."""

    id: int
    member_id: int
    content: str
    attachments: str
    quoted_id: int
    quoted_author_id: int


class AskStore(LedgerPart):
    """The questions by command in the ledger; each method is one transaction."""

    @writes
    def take(
        self,
        db: sqlite3.Connection,
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
        conversation = """
            SELECT channel_id FROM links
            WHERE owner_id = :owner_id AND place_id = :place_id
              AND ephemeral = :ephemeral AND external = :external
        """
        home = Link(
            channel_id=queries.value(db, conversation, asdict(personal)) or new.id,
            guild_id=new.guild_id,
            parent_id=parent_id,
            listening=False,
            private=True,
            personal=personal,
        )
        if count_waiting(db, new, home) >= most:
            raise QueueFullError(f"{most} questions wait beside {new.id}")
        if not insert_with_quotes(db, new, now):
            return None
        route(db, new.id, home, fallback=False, now=now)
        store_response(db, new.id, response, assistant_id)
        return home.channel_id

    @reads
    def of_turn(self, db: sqlite3.Connection, turn_id: int) -> AskResponse | None:
        """Return the interaction that the reply of a turn answers."""
        statement = """
            SELECT a.interaction_id, a.token, a.expires_at
            FROM turns t JOIN asks a ON a.question_id = t.reply_to WHERE t.id = ?
        """
        return rows.record(db, AskResponse, statement, (turn_id,))

    @reads
    def assistant_of(self, db: sqlite3.Connection, turn_id: int) -> str | None:
        """Return the assistant that a member named for a turn; None: nobody named one."""
        statement = """
            SELECT a.assistant_id FROM turns t JOIN asks a ON a.question_id = t.reply_to
            WHERE t.id = ?
        """
        return queries.value(db, statement, (turn_id,))

    async def purge(self) -> None:
        """Remove the tokens and the drafts whose time is over."""
        if await self._is_any_over():
            await self._purge()

    @reads
    def _is_any_over(self, db: sqlite3.Connection) -> bool:
        now = self._now()
        statement = """
            SELECT EXISTS (SELECT 1 FROM asks WHERE token <> '' AND expires_at <= ?)
                OR EXISTS (SELECT 1 FROM ask_drafts WHERE created_at <= ?)
        """
        return bool(queries.value(db, statement, (now, now - DRAFT_SECONDS)))

    @writes
    def _purge(self, db: sqlite3.Connection) -> None:
        now = self._now()
        db.execute("UPDATE asks SET token = '' WHERE token <> '' AND expires_at <= ?", (now,))
        db.execute("DELETE FROM ask_drafts WHERE created_at <= ?", (now - DRAFT_SECONDS,))

    @writes
    def keep_draft(self, db: sqlite3.Connection, draft: AskDraft) -> None:
        """Store the message that an open form is about."""
        db.execute(
            """
            INSERT INTO ask_drafts (id, member_id, content, attachments, quoted_id,
                                    quoted_author_id, created_at)
            VALUES (:id, :member_id, :content, :attachments, :quoted_id, :quoted_author_id, :now)
            """,
            asdict(draft) | {"now": self._now()},
        )

    @reads
    def draft(self, db: sqlite3.Connection, draft_id: int, member_id: int) -> AskDraft | None:
        """Return the message that a member's form is about; None if its time is over."""
        statement = """
            SELECT id, member_id, content, attachments, quoted_id, quoted_author_id
            FROM ask_drafts WHERE id = ? AND member_id = ?
        """
        return rows.record(db, AskDraft, statement, (draft_id, member_id))


def remove_tokens(db: sqlite3.Connection) -> None:
    """Remove every token from a copy of a ledger; an older ledger has none."""
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'asks'").fetchone()
    if tables:
        db.execute("UPDATE asks SET token = ''")
