"""The bot's ledger: every question and the state of its turn, durable against power loss."""

from bot.store.ledger.approvals import Approval, NewApproval
from bot.store.ledger.budgets.caps import PERIODS, Cap, Period, Reached, SpendingScope, Used
from bot.store.ledger.budgets.spending import NewCharge, OpenCharge, Spend
from bot.store.ledger.budgets.usage import UsageBy, UsageLine
from bot.store.ledger.conversations import LedgerConversation, TurnsOpenError
from bot.store.ledger.ledger import Ledger
from bot.store.ledger.records import (
    FORM_CAUSE,
    Asker,
    AskResponse,
    ChannelTitle,
    Chore,
    ChoreKind,
    Link,
    NewQuestion,
    OpenCounts,
    Outcome,
    Personal,
    Question,
    RatedAnswer,
    ReadMarker,
    Scope,
    Turn,
    Vote,
)
from bot.store.ledger.schedules import NewSchedule, Schedule, TooManySchedulesError
from bot.store.ledger.settings.access_rules import AccessRule, RuleKind, TooManyRulesError
from bot.store.ledger.settings.alerts import Alert
from bot.store.ledger.settings.assistants import (
    ASSISTANT_SETTING,
    AssistantDraft,
    GuildAssistant,
    NameTakenError,
)
from bot.store.ledger.settings.handovers import SILENT_SETTING
from bot.store.ledger.settings.place_settings import PlaceSetting
from bot.store.ledger.states import OPEN, TURN_MOVES, UNDECIDED, CallState, TurnState
from bot.store.ledger.tools.decisions import ToolDecision
from bot.store.ledger.tools.tool_calls import (
    CallFile,
    CallLimit,
    CallLimits,
    CallOutcome,
    NewCall,
    StoredCall,
)
from bot.store.ledger.tools.tool_values import TooManyValuesError
from bot.store.ledger.transactions import LedgerError
from bot.store.ledger.turns.asks import AskDraft
from bot.store.ledger.turns.deletions import Deletion
from bot.store.ledger.turns.questions import QueueFullError

__all__ = [
    "ASSISTANT_SETTING",
    "FORM_CAUSE",
    "OPEN",
    "PERIODS",
    "SILENT_SETTING",
    "TURN_MOVES",
    "UNDECIDED",
    "AccessRule",
    "Alert",
    "Approval",
    "AskDraft",
    "AskResponse",
    "Asker",
    "AssistantDraft",
    "CallFile",
    "CallLimit",
    "CallLimits",
    "CallOutcome",
    "CallState",
    "Cap",
    "ChannelTitle",
    "Chore",
    "ChoreKind",
    "Deletion",
    "GuildAssistant",
    "Ledger",
    "LedgerConversation",
    "LedgerError",
    "Link",
    "NameTakenError",
    "NewApproval",
    "NewCall",
    "NewCharge",
    "NewQuestion",
    "NewSchedule",
    "OpenCharge",
    "OpenCounts",
    "Outcome",
    "Period",
    "Personal",
    "PlaceSetting",
    "Question",
    "QueueFullError",
    "RatedAnswer",
    "Reached",
    "ReadMarker",
    "RuleKind",
    "Schedule",
    "Scope",
    "Spend",
    "SpendingScope",
    "StoredCall",
    "TooManyRulesError",
    "TooManySchedulesError",
    "TooManyValuesError",
    "ToolDecision",
    "Turn",
    "TurnState",
    "TurnsOpenError",
    "UsageBy",
    "UsageLine",
    "Used",
    "Vote",
]
