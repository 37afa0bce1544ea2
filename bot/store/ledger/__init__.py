"""The bot's ledger: every question it took and how far each got, durable against power loss."""

from bot.store.ledger.access import LedgerError
from bot.store.ledger.book import Ledger
from bot.store.ledger.questions import QueueFullError
from bot.store.ledger.records import Asker, Link, Mark, NewQuestion, Outcome, Question, Scope, Turn
from bot.store.ledger.states import OPEN, TURN_MOVES, TurnState

__all__ = [
    "OPEN",
    "TURN_MOVES",
    "Asker",
    "Ledger",
    "LedgerError",
    "Link",
    "Mark",
    "NewQuestion",
    "Outcome",
    "Question",
    "QueueFullError",
    "Scope",
    "Turn",
    "TurnState",
]
