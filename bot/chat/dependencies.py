"""The objects that the chat package needs: settings, the Assistants API, the ledger, a clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.assistants.api import AssistantsAPI
from bot.chat.commands.interaction_handler import ModelLister, no_models
from bot.chat.intake.attachments import FileReaders
from bot.chat.internal_limits import ChatLimits
from bot.chat.reply.content.illustration import FormulaDrawer
from bot.chat.turns.place_instructions import PlaceSwitch
from bot.config import AccessSettings, DiscordSettings, SchedulesSettings
from bot.config.limits import LimitSettings, PriceSettings
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.store.ledger import Ledger
from bot.tools.functions import Functions


def _no_backup() -> None:
    """Return that no backup is known."""


@dataclass(frozen=True, kw_only=True)
class ChatDependencies:
    """The settings and services with which the bot is built."""

    settings: DiscordSettings
    api: AssistantsAPI
    ledger: Ledger
    assistant_id: str
    """The assistant that answers where nobody chose another one."""
    clock: Clock
    readers: FileReaders
    access: AccessSettings = field(default_factory=AccessSettings)
    functions: Functions = field(default_factory=Functions)
    """The functions that the bot runs."""
    schedules: SchedulesSettings = field(default_factory=SchedulesSettings)
    spending: LimitSettings = field(default_factory=LimitSettings)
    prices: PriceSettings = field(default_factory=PriceSettings)
    configured: Mapping[str, str] = field(default_factory=dict)
    """The ids of the configured assistants by name."""
    models: ModelLister = no_models
    tell_place: PlaceSwitch = field(default_factory=PlaceSwitch)
    """Which assistants are told where and when they answer."""
    drawer: FormulaDrawer | None = None
    """Draws the formulas of answers as pictures; None: formulas are shown as text."""
    last_backup: Callable[[], float | None] = _no_backup
    """Returns when the last backup was made, in seconds since 1970; None: no backup is known."""
    limits: ChatLimits = field(default_factory=ChatLimits)
    metrics: Metrics = field(default_factory=Metrics)
