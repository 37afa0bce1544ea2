"""The ledger: links and facts, and its parts for questions, turns and read markers."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from bot.runtime.metrics import Metrics
from bot.store.database import Database
from bot.store.ledger import rows
from bot.store.ledger.approvals import ApprovalStore
from bot.store.ledger.budgets.spending import SpendingStore
from bot.store.ledger.budgets.usage import UsageStore
from bot.store.ledger.chores import ChoreStore
from bot.store.ledger.conversations import ConversationStore
from bot.store.ledger.forgetting import ForgettingStore
from bot.store.ledger.records import Link
from bot.store.ledger.schedules import ScheduleStore
from bot.store.ledger.schema.migrations import MIGRATIONS
from bot.store.ledger.session import LedgerSession
from bot.store.ledger.settings.access_rules import AccessRuleStore
from bot.store.ledger.settings.alerts import AlertStore
from bot.store.ledger.settings.assistants import AssistantStore
from bot.store.ledger.settings.handovers import HandoverStore
from bot.store.ledger.settings.locales import LocaleStore
from bot.store.ledger.settings.place_settings import PlaceSettingStore
from bot.store.ledger.tools.tool_calls import ToolCallStore
from bot.store.ledger.tools.tool_values import ToolValueStore
from bot.store.ledger.turns.asks import AskStore
from bot.store.ledger.turns.bystanders import BystanderStore
from bot.store.ledger.turns.channel_titles import ChannelTitleStore
from bot.store.ledger.turns.deletions import DeletionStore
from bot.store.ledger.turns.history import TurnHistory
from bot.store.ledger.turns.questions import QuestionStore
from bot.store.ledger.turns.read_markers import ReadMarkerStore
from bot.store.ledger.turns.reconcile import ReconcileStore, begin_from_copy, is_copy
from bot.store.ledger.turns.turns import TurnStore
from bot.store.ledger.turns.votes import VoteStore

_LINK: Final = """
    SELECT channel_id, guild_id, parent_id, listening, private, thread_id,
           owner_id, place_id, ephemeral, external
    FROM links
"""

_log: Final = logging.getLogger(__name__)


class Ledger:
    """The bot's durable state in one database; ``now`` returns seconds since 1970.

    Every method of the ledger and of its parts raises ``LedgerError`` if the database fails.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = LedgerSession(database)
        self.questions = QuestionStore(self._database, now)
        self.turns = TurnStore(self._database, now)
        self.asks = AskStore(self._database, now)
        self.alerts = AlertStore(self._database)
        self.channel_titles = ChannelTitleStore(self._database)
        self.votes = VoteStore(self._database, now)
        self.chores = ChoreStore(self._database)
        self.deletions = DeletionStore(self._database, now)

        self.bystanders = BystanderStore(self._database)
        self.access_rules = AccessRuleStore(self._database, now)
        self.spending = SpendingStore(self._database)
        self.usage = UsageStore(self._database)
        self.history = TurnHistory(self._database)
        self.locales = LocaleStore(self._database)
        self.conversations = ConversationStore(self._database, now)
        self.settings = PlaceSettingStore(self._database)
        self.forgetting = ForgettingStore(
            self._database, self.settings, self.access_rules, self.locales, now
        )
        self.handovers = HandoverStore(self._database, self.settings, now)
        self.assistants = AssistantStore(self._database, self.settings, now)
        self.approvals = ApprovalStore(self._database, now)
        self.schedules = ScheduleStore(self._database, now)
        self.read_markers = ReadMarkerStore(self._database)
        self.reconcile = ReconcileStore(self._database, now)
        self.tool_calls = ToolCallStore(self._database, now)
        self.tool_values = ToolValueStore(self._database)

    @classmethod
    async def open(
        cls,
        path: Path,
        now: Callable[[], float],
        *,
        busy_seconds: float = 30.0,
        metrics: Metrics | None = None,
    ) -> Self:
        """Open or create bot.db; raises ``StoreError``.

        ``busy_seconds`` is how long a write waits for another process that writes.
        """
        database = await Database.open(
            path, MIGRATIONS, synchronous="FULL", busy_seconds=busy_seconds, metrics=metrics
        )
        try:
            copied = None
            if await database.read(is_copy):
                copied = await database.write(begin_from_copy)
        except BaseException:
            await database.close()
            raise
        if copied is not None:
            _log.info("This ledger was restored from a backup that is %.0f s old", now() - copied)
        return cls(database, now)

    async def probe(self) -> None:
        """Write to the disk and change nothing; raises ``LedgerError`` if it fails."""
        await self._database.probe()

    async def close(self) -> None:
        """Close the database and release its lock."""
        await self._database.close()

    async def link(self, channel_id: int) -> Link | None:
        """Return a channel's link; None if the channel has none."""
        return await self._database.read(lambda db: _link(db, channel_id))

    async def set_thread(self, channel_id: int, thread_id: str, *, instead_of: str | None) -> Link:
        """Map a channel to a thread if it still has ``instead_of``; return the stored link."""

        def work(db: sqlite3.Connection) -> Link:
            db.execute(
                "UPDATE links SET thread_id = ? WHERE channel_id = ? AND thread_id IS ?",
                (thread_id, channel_id, instead_of),
            )
            link = _link(db, channel_id)
            if link is None:
                raise LookupError(f"channel {channel_id} has no link to set a thread for")
            return link

        return await self._database.write(work)

    async def fact(self, key: str) -> str | None:
        """Return the value of a fact; None if it was never set."""

        def work(db: sqlite3.Connection) -> str | None:
            row = db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])

        return await self._database.read(work)

    async def set_fact(self, key: str, value: str) -> None:
        """Set a fact, replacing an earlier value."""
        await self._database.write(
            lambda db: db.execute(
                """
                INSERT INTO facts VALUES (?, ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value
                """,
                (key, value),
            ).close()
        )


def _link(db: sqlite3.Connection, channel_id: int) -> Link | None:
    row = db.execute(_LINK + " WHERE channel_id = ?", (channel_id,)).fetchone()
    if row is None:
        return None
    return Link(
        channel_id=row[0],
        guild_id=row[1],
        parent_id=row[2],
        listening=bool(row[3]),
        private=bool(row[4]),
        thread_id=row[5],
        personal=rows.personal(row[6:10]),
    )
