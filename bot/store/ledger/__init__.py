"""The bot's ledger: every question and the state of its turn, durable against power loss."""

from bot.store.ledger.deletions import Deletion
from bot.store.ledger.ledger import Ledger
from bot.store.ledger.questions import QueueFullError
from bot.store.ledger.records import (
    Asker,
    ChannelTitle,
    Chore,
    ChoreKind,
    Link,
    NewQuestion,
    Outcome,
    Question,
    RatedAnswer,
    ReadMarker,
    Scope,
    Turn,
    Vote,
)
from bot.store.ledger.session import LedgerError
from bot.store.ledger.states import OPEN, TURN_MOVES, TurnState

__all__ = [
    "OPEN",
    "TURN_MOVES",
    "Asker",
    "ChannelTitle",
    "Chore",
    "ChoreKind",
    "Deletion",
    "Ledger",
    "LedgerError",
    "Link",
    "NewQuestion",
    "Outcome",
    "Question",
    "QueueFullError",
    "RatedAnswer",
    "ReadMarker",
    "Scope",
    "Turn",
    "TurnState",
    "Vote",
]
