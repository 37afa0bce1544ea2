"""The ledger: links and named values, and a part for each other kind of record."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from bot.runtime.metrics import Metrics
from bot.store.database import Database
from bot.store.ledger import named_values, rows
from bot.store.ledger.approvals import ApprovalStore
from bot.store.ledger.budgets.spending import SpendingStore
from bot.store.ledger.budgets.usage import UsageStore
from bot.store.ledger.chores import ChoreStore
from bot.store.ledger.conversations import ConversationStore
from bot.store.ledger.privacy.forgetting import ForgettingStore
from bot.store.ledger.records import Link
from bot.store.ledger.schedules import ScheduleStore
from bot.store.ledger.schema.migrations import MIGRATIONS
from bot.store.ledger.settings.access_rules import AccessRuleStore
from bot.store.ledger.settings.alerts import AlertStore
from bot.store.ledger.settings.assistants import AssistantStore
from bot.store.ledger.settings.handovers import HandoverStore
from bot.store.ledger.settings.locales import LocaleStore
from bot.store.ledger.settings.place_settings import PlaceSettingStore
from bot.store.ledger.tools.tool_calls import ToolCallStore
from bot.store.ledger.tools.tool_values import ToolValueStore
from bot.store.ledger.transactions import LedgerPart, LedgerSession, reads, writes
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

_log: Final = logging.getLogger(__name__)


class Ledger(LedgerPart):
    """The bot's durable state in one database; ``now`` returns seconds since 1970.

    Every method of the ledger and of its parts raises ``LedgerError`` if the database fails.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        session = LedgerSession(database, now)
        super().__init__(session)
        self.questions = QuestionStore(session)
        self.turns = TurnStore(session)
        self.asks = AskStore(session)
        self.alerts = AlertStore(session)
        self.channel_titles = ChannelTitleStore(session)
        self.votes = VoteStore(session)
        self.chores = ChoreStore(session)
        self.deletions = DeletionStore(session)
        self.bystanders = BystanderStore(session)
        self.access_rules = AccessRuleStore(session)
        self.spending = SpendingStore(session)
        self.usage = UsageStore(session)
        self.history = TurnHistory(session)
        self.locales = LocaleStore(session)
        self.conversations = ConversationStore(session)
        self.settings = PlaceSettingStore(session)
        self.forgetting = ForgettingStore(session)
        self.handovers = HandoverStore(session)
        self.assistants = AssistantStore(session)
        self.approvals = ApprovalStore(session)
        self.schedules = ScheduleStore(session)
        self.read_markers = ReadMarkerStore(session)
        self.reconcile = ReconcileStore(session)
        self.tool_calls = ToolCallStore(session)
        self.tool_values = ToolValueStore(session)

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
            if await database.read(is_copy):
                age = now() - await database.write(begin_from_copy)
                _log.info("This ledger was restored from a backup that is %.0f s old", age)
        except BaseException:
            await database.close()
            raise
        return cls(database, now)

    async def probe(self) -> None:
        """Write to the disk and change nothing; raises ``LedgerError`` if it fails."""
        await self._session.probe()

    async def close(self) -> None:
        """Close the database and release its lock."""
        await self._session.close()

    @reads
    def link(self, db: sqlite3.Connection, channel_id: int) -> Link | None:
        """Return a channel's link; None if the channel has none."""
        return _link(db, channel_id)

    @writes
    def set_thread(
        self, db: sqlite3.Connection, channel_id: int, thread_id: str, *, instead_of: str | None
    ) -> Link:
        """Map a channel to a thread, and return the stored link.

        A channel that is not mapped to ``instead_of`` any more keeps its thread.
        """
        db.execute(
            "UPDATE links SET thread_id = ? WHERE channel_id = ? AND thread_id IS ?",
            (thread_id, channel_id, instead_of),
        )
        link = _link(db, channel_id)
        if link is None:
            raise LookupError(f"channel {channel_id} has no link to set a thread for")
        return link

    @reads
    def fact(self, db: sqlite3.Connection, key: str) -> str | None:
        """Return a fact, a value that the ledger keeps by name; None if it was never set."""
        return named_values.value_of(db, key)

    @writes
    def set_fact(self, db: sqlite3.Connection, key: str, value: str) -> None:
        """Set a fact, in place of an earlier value."""
        named_values.store(db, key, value)


def _link(db: sqlite3.Connection, channel_id: int) -> Link | None:
    statement = """
        SELECT channel_id, guild_id, parent_id, listening, private, thread_id,
               owner_id, place_id, ephemeral, external
        FROM links WHERE channel_id = ?
    """
    return rows.record(db, Link, statement, (channel_id,))
