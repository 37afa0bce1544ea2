"""The Discord client: receives events and hands each to the part that handles it."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any, Final

import discord
from msgspec import Struct

from bot.chat.catch_up.recovery import resume_open_work
from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.dependencies import ChatDependencies
from bot.chat.intake.ledger_retry import until_ledger_answers
from bot.chat.reply import buttons
from bot.chat.reply.approval_buttons import ApprovalButton, Choice
from bot.chat.transport import dpy_internals
from bot.chat.transport.login import login_with_retries
from bot.chat.turns.place_instructions import PlaceSwitch
from bot.chat.wiring import build_parts
from bot.runtime.log_context import LOG_ID
from bot.runtime.tasks import BackgroundTasks
from bot.store.ledger import LedgerError, Period, Used

_LONGEST_RATE_LIMIT: Final = 30.0
"""The longest time that discord.py itself waits for a rate limit, in seconds."""

_GUILD_SECONDS: Final = 0.2
"""How long discord.py waits for the next guild before READY, in seconds."""

_COMMANDS_SECONDS: Final = 5.0
"""How long the start waits until Discord has accepted the slash commands, in seconds."""

_STOP_SECONDS: Final = 3.0
"""How long a shutdown waits for the notes in open replies, in seconds."""

_DISCONNECT_SECONDS: Final = 0.8
"""How long a shutdown waits until discord.py has disconnected, in seconds."""

_log: Final = logging.getLogger(__name__)


class Vitals(Struct, frozen=True, kw_only=True):
    """The state of the bot at one moment.

    ``slots_held`` is how many turns have a run, ``slots_waiting`` how many wait for one.
    ``loop_late`` is how late the event loop was in the last minute (p99), in seconds.
    """

    connected: bool
    slots_held: int
    slots_waiting: int
    loop_late: float


class Spending(Struct, frozen=True, kw_only=True):
    """The use of the whole bot in this day and this month, in the operator's time zone."""

    used: Mapping[Period, Used]
    currency: str


class ChatBot(dpy_internals.GuardedClient):
    """The bot on Discord: one conversation in each channel thread and each DM.

    ``start`` connects and returns when the bot was closed. Raises ``discord.LoginFailure`` for a
    refused token, ``discord.PrivilegedIntentsRequired`` where the Message Content intent is not
    granted, and ``IncompatibleLibraryError`` where the installed discord.py does not fit.
    """

    def __init__(self, dependencies: ChatDependencies) -> None:
        settings = dependencies.settings
        super().__init__(
            intents=_intents(settings.message_content),
            # Nothing that a model writes notifies anybody.
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            # The bot begins its work before every guild is known.
            guild_ready_timeout=_GUILD_SECONDS,
            # RestRetry waits longer than this without blocking a rate limit bucket.
            max_ratelimit_timeout=_LONGEST_RATE_LIMIT,
        )
        self._settings = settings
        self._ledger = dependencies.ledger
        self._clock = dependencies.clock
        self._parts = build_parts(self, dependencies)
        self._tasks = BackgroundTasks()
        self._started = False
        self._start_counted = False
        self._recovering = False
        self._stopped = False

    @property
    def handlers(self) -> ReplyButtonHandlers:
        """The handlers of slash commands and buttons."""
        return self._parts.handlers

    def vitals(self) -> Vitals:
        """Return the state of the bot now."""
        parts = self._parts
        return Vitals(
            connected=parts.gateway.is_connected,
            slots_held=parts.services.run_slots.held,
            slots_waiting=parts.services.run_slots.waiting,
            loop_late=parts.loop_monitor.percentile(0.99),
        )

    async def spending(self) -> Spending:
        """Return the use of the whole bot; raises ``LedgerError``."""
        budgets = self._parts.services.budgets
        return Spending(used=await budgets.used_in_all(), currency=budgets.prices.currency)

    async def approval_pressed(
        self, interaction: discord.Interaction[Any], approval_id: int, choice: Choice
    ) -> None:
        """Handle a press on a button that allows or denies a function call."""
        await self._parts.tools.pressed(interaction, approval_id, choice)

    async def admits(self, interaction: discord.Interaction[Any]) -> bool:
        """Return whether an interaction may be handled; a refused one has been answered."""
        LOG_ID.set(str(interaction.id))
        return await self._parts.interaction_gate.admits(interaction)

    def set_assistants(
        self, assistant_id: str, configured: Mapping[str, str], tell_place: PlaceSwitch
    ) -> None:
        """Replace the configured assistants, as after a reload; the choices of servers stay."""
        self._parts.services.place.switch = tell_place
        choice = self._parts.choice
        choice.default_id, choice.configured = assistant_id, dict(configured)

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        """Connect and answer until closed; sets Discord's addresses for the whole process."""
        dpy_internals.check(self)
        dpy_internals.guard_events(self, self._unreadable)
        dpy_internals.keep_names_of_forwards()
        dpy_internals.use_api(self._settings.api_url)
        if self._settings.gateway_url:
            dpy_internals.use_gateway(self._settings.gateway_url)
        await super().start(token, reconnect=reconnect)

    async def login(self, token: str) -> None:
        """Log in, and retry while Discord is unreachable; raises what discord.py raises."""
        await login_with_retries(self, lambda: super(ChatBot, self).login(token), self._clock)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Stay on the gateway until closed, or until Discord ends the connection for good."""
        if not reconnect:
            return await super().connect(reconnect=False)
        try:
            await self._parts.gateway.run()
        except discord.ClientException:
            await self.close()
            raise

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Count the new session, without discord.py's wait of 5 s: ``Gateway`` waited before."""
        self._parts.gateway.count_session()

    async def close(self) -> None:
        """Stop within 4 s: accept no questions, and note in open replies that they will go on."""
        if not self._stopped:
            self._stopped = True
            await self._stop_parts()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await super().close()
        # Still open where the farewell to the gateway took too long.
        await self.http.close()

    async def _stop_parts(self) -> None:
        parts = self._parts
        parts.listener.stop()
        parts.gateway.stop()
        await self._tasks.stop()
        await parts.thread_opener.stop()
        await parts.interaction_gate.stop()
        await parts.question_gate.stop()
        await parts.housekeeping.stop()
        await parts.due_questions.stop()
        await parts.late_calls.stop()
        await parts.approvals.stop()
        await parts.catch_up.stop()
        await parts.watchdog.stop()
        await parts.loop_monitor.stop()
        await parts.services.waiting_reactions.stop()
        await parts.services.chores.stop()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await parts.scheduler.stop()
        except TimeoutError:
            _log.warning("Some replies do not say that they go on after the restart; they will")
        await parts.services.alerts.stop()
        await parts.vote_reporter.stop()
        await parts.services.namer.stop()
        await parts.services.charge_settler.stop()
        await parts.read_markers.stop()
        if self._start_counted:
            try:
                await self._ledger.turns.discount_interruptions()
            except LedgerError as error:
                _log.warning("The orderly shutdown can't be stored: %s", error)

    async def setup_hook(self) -> None:
        """Prepare the first connection: count an interruption of open turns, register commands."""
        if not self._started:
            # Once in a process: a turn that is interrupted too often is given up.
            self._start_counted = await self._ledger.turns.count_interruptions()
            self._tasks.start(
                until_ledger_answers(
                    self._parts.services.alerts.load,
                    self._clock,
                    "Earlier alerts can't be read yet",
                ),
                "Earlier alerts can't be read, so the operator may hear of a fault again",
            )
            self._started = True
            self._parts.loop_monitor.start()
            self._parts.watchdog.start()
            self.add_dynamic_items(*buttons.BUTTONS, ApprovalButton)
        registering = self._tasks.start(
            self._parts.command_tree.register(),
            "The slash commands could not be registered; the next start tries again",
        )
        # Commands should exist before the first question, but nobody waits for them for long.
        await asyncio.wait({registering}, timeout=_COMMANDS_SECONDS)
        if not registering.done():
            _log.warning("Discord has not accepted the slash commands yet; the old ones stay")

    async def on_connect(self) -> None:
        """Begin a new session: earlier messages may have been missed."""
        self._parts.catch_up.session_began()
        self._parts.services.missed_changes.session_began()

    async def on_ready(self) -> None:
        """Read missed messages; after the first READY also resume the turns in the ledger."""
        if self._stopped:
            return
        _log.info("On Discord as %s in %d guilds", self.user, len(self.guilds))
        self._parts.catch_up.ready()
        if not self._recovering:
            self._recovering = True
            self._parts.vote_reporter.report_soon()
            self._parts.services.namer.resume()
            self._parts.housekeeping.begin()
            self._parts.due_questions.start()
            self._parts.services.charge_settler.settle_soon()
            self._parts.late_calls.resume_soon()
            self._tasks.start(
                resume_open_work(
                    self._ledger,
                    self._clock,
                    schedule=self._parts.scheduler.schedule,
                    open_thread=self._parts.thread_opener.open_soon,
                    do_chores=self._parts.services.chores.begin_all,
                ),
                "Open turns and questions could not be resumed; the next start tries again",
            )
            self._tasks.start(
                self._parts.editor.resume(),
                "Assistants could not be finished; the next start tries again",
            )

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Read missed messages of a guild that became available after READY."""
        self._parts.catch_up.guild_available(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Begin to store read markers for a new guild."""
        self._parts.catch_up.guild_available(guild)
        self._parts.housekeeping.added_to(guild.id)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Stop the turns of a guild that removed the bot, and store the time of the removal."""
        self._parts.scheduler.stop_in(guild.id)
        self._parts.housekeeping.removed_from(guild.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Stop the turns of a deleted channel and of its channel threads."""
        self._parts.scheduler.stop_in(channel.id)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Stop the turns of a deleted channel thread."""
        self._parts.scheduler.stop_in(payload.thread_id)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Hand a submitted modal to its form; discord.py handles all other interactions."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._parts.modals.submitted(interaction)

    async def on_message(self, message: discord.Message) -> None:
        """Hand a new message to the listener."""
        LOG_ID.set(str(message.id))  # discord.py gives each event a task of its own
        self._parts.watchdog.heard(message.channel.id, message.id)
        await self._parts.listener.message(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Hand an edited message to the listener."""
        await self._parts.listener.edited(payload.message)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Hand a deleted message to the listener."""
        await self._parts.listener.deleted(payload.channel_id, (payload.message_id,))

    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Hand messages that were deleted together to the listener."""
        await self._parts.listener.deleted(payload.channel_id, payload.message_ids)

    def _unreadable(self, data: Any) -> None:
        """Tell the author of a message that the message can't be read."""
        self._tasks.start(
            self._parts.unreadable.received(data), "A message can't be read, nor refused"
        )

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log the failure of an event handler; stored questions are not affected."""
        if self._stopped:
            # The ledger was closed during the event; the next start reads the message again.
            _log.info(
                "Discord's event %s came during the shutdown; the next start reads missed messages",
                event_method,
            )
            return
        _log.exception("Discord's event %s could not be handled", event_method)


def _intents(message_content: bool) -> discord.Intents:
    """Return the gateway intents; Message Content is a privileged intent.

    Without it Discord sends only the content of direct messages and of mentions of the bot.
    """
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.dm_messages = True
    intents.message_content = message_content
    return intents
