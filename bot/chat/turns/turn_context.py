"""What the parts that answer one turn share, and the line in the log at its end."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from bot.chat.access.budgets import Budgets
from bot.chat.access.operator_alerts import OperatorAlerts
from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.places.post_tags import PostTags
from bot.chat.reply.asker_notices import AskerNotices
from bot.chat.reply.content.illustration import FormulaDrawer
from bot.chat.reply.delivery.channel_writer_factory import ChannelWriterFactory
from bot.chat.reply.delivery.edit_throttle import EditThrottle
from bot.chat.reply.waiting_reactions import WaitingReactions
from bot.chat.texts import sentences
from bot.chat.texts.fluent import Language
from bot.chat.texts.locales import Locales
from bot.chat.texts.unread_files import Unread
from bot.chat.threads.messages.bystander_poster import ReferenceSource
from bot.chat.threads.messages.message_builder import AttachmentSource
from bot.chat.threads.threads import AssistantThreads
from bot.chat.turns.channel_namer import ChannelNamer
from bot.chat.turns.charge_settler import ChargeSettler
from bot.chat.turns.chore_runner import ChoreRunner
from bot.chat.turns.functions.function_calls import FunctionCaller, TurnCalls
from bot.chat.turns.missed_changes import MissedChanges
from bot.chat.turns.place_instructions import PlaceInstructions
from bot.chat.turns.run_slots import RunSlots
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.runtime.quoted_text import without_quotes
from bot.store.ledger import Ledger, Question, Turn

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class TurnServices:
    """The parts of the bot that every turn uses."""

    ledger: Ledger
    clock: Clock
    threads: AssistantThreads
    attachments: AttachmentSource
    references: ReferenceSource
    writers: ChannelWriterFactory
    throttle: EditThrottle
    asker_notices: AskerNotices
    run_slots: RunSlots
    locales: Locales
    tags: PostTags
    channel_settings: ChannelSettingsReader
    namer: ChannelNamer
    chores: ChoreRunner
    waiting_reactions: WaitingReactions
    missed_changes: MissedChanges
    budgets: Budgets
    charge_settler: ChargeSettler
    settings: DiscordSettings
    place: PlaceInstructions
    functions: FunctionCaller
    metrics: Metrics
    alerts: OperatorAlerts
    progress_grace: float
    """How long the end of a reply waits for a progress edit under way, in seconds."""
    drawer: FormulaDrawer | None
    """None where formulas are shown as text."""


class TurnContext:
    """One turn while this process answers it.

    ``turn`` is the turn in its state when the work began; ``language`` is the reply's language.
    ``unsure``: messages or runs may exist that the ledger does not know, so that they are looked up
    before they are created.
    """

    def __init__(
        self, services: TurnServices, turn: Turn, language: Language, *, unsure: bool
    ) -> None:
        self.services = services
        self.turn = turn
        self.language = language
        self.unsure = unsure
        members = [asker.id for asker in turn.askers]
        self.slot = services.run_slots.of(turn.id, turn.guild_id, turn.parent_id, members)
        self.calls = TurnCalls(services.functions, turn)
        self.cancel_requested = asyncio.Event()
        """Set when the turn is to be cancelled: its run is cancelled, or not created."""
        self.channel_lost = False
        """Whether the channel was deleted, or the bot may not write there any more."""
        self.questions: tuple[Question, ...] | None = None
        """The questions as this process posted them; None before that."""
        self.unread: tuple[Unread, ...] | None = None
        """The unreadable parts of the questions; None until the questions were posted or read."""
        self._began = services.clock.monotonic() if turn.state == "waiting" else None

    def cancel(self) -> None:
        """Request that the turn is cancelled."""
        self.cancel_requested.set()

    def lose_channel(self) -> None:
        """Cancel the turn, because the bot can't write in its channel any more."""
        self.channel_lost = True
        self.cancel()

    def seconds(self, turn: Turn) -> float:
        """Return how long the attempt took so far, in seconds.

        Within one process the time is monotonic. After a restart it is wall-clock time, which a
        changed clock falsifies.
        """
        clock = self.services.clock
        if self._began is not None:
            return clock.monotonic() - self._began
        return max(0.0, clock.now() - turn.started_at)


def log_end(turn: Turn, took: float, reason: str) -> None:
    """Log the end of a turn in one line."""
    facts = [f"{took:.1f} s", f"channel {turn.channel_id}"]
    facts += [turn.run_id] if turn.run_id else []
    facts += [f"{turn.tokens} tokens"] if turn.tokens is not None else []
    facts += [turn.error] if turn.error else []
    level = logging.WARNING if turn.outcome == "failed" else logging.INFO
    task = ""
    if turn.error in sentences.OPERATORS_TASK:
        level = logging.ERROR
        section = "[models]" if turn.error.startswith("model_") else "[assistants]"
        task = f" Members cannot mend this: check the key, the credit and the names in {section}."
    _log.log(
        level,
        "Turn %d %s (%s)%s%s",
        turn.id,
        turn.outcome,
        ", ".join(facts),
        f": {without_quotes(reason)}" if reason else "",
        task,
    )
