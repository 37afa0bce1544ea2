"""The limits of the chat package, which tests change."""

from dataclasses import dataclass

from bot.chat.catch_up.catch_up import MOST_CHANNELS, MOST_PAGES
from bot.chat.catch_up.housekeeping import FIRST_SECONDS
from bot.chat.catch_up.read_markers import WRITE_SECONDS
from bot.chat.catch_up.watchdog import WATCH_SECONDS
from bot.chat.intake.listener import MOST_WAITING
from bot.chat.reply.delivery.edit_throttle import CHANNEL_SECONDS
from bot.chat.reply.delivery.message_routes import TOKEN_SECONDS
from bot.chat.reply.reply import PROGRESS_GRACE
from bot.chat.schedules.due_questions import LOOK_SECONDS
from bot.chat.turns.run_slots import CONCURRENT_RUNS
from bot.chat.turns.scheduler import FIRST_PAUSE, GUARANTEED_PER_GUILD, MOST_WORKERS


@dataclass(frozen=True, kw_only=True)
class ChatLimits:
    """Limits that no setting changes; the module of each constant describes its limit."""

    concurrent_runs: int = CONCURRENT_RUNS
    most_waiting: int = MOST_WAITING
    most_workers: int = MOST_WORKERS
    guaranteed_per_guild: int = GUARANTEED_PER_GUILD
    first_pause: float = FIRST_PAUSE
    progress_grace: float = PROGRESS_GRACE
    most_pages: int = MOST_PAGES
    most_channels: int = MOST_CHANNELS
    write_seconds: float = WRITE_SECONDS
    watch_seconds: float = WATCH_SECONDS
    edit_seconds: float = CHANNEL_SECONDS
    housekeeping_seconds: float = FIRST_SECONDS
    look_seconds: float = LOOK_SECONDS
    response_seconds: float = TOKEN_SECONDS
