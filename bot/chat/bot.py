"""The bot on Discord: builds the room's parts, hands them Discord's events, stops them in order.

Nothing is answered from here; a listener's event and an interaction each go to their own part.
"""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any, Final
from weakref import WeakValueDictionary

import discord
import yarl
from discord.gateway import DiscordWebSocket

from bot.assistants.api import AssistantsAPI
from bot.chat.catch_up.catch_up import CatchUp
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.catch_up.recovery import recover, until_ledger_answers
from bot.chat.commands.command_tree import BotCommandTree
from bot.chat.commands.handlers import InteractionHandlers
from bot.chat.intake.attachments import AttachmentReader, TextReader
from bot.chat.intake.listener import Listener, guild_of
from bot.chat.intake.routing import Router
from bot.chat.reply import buttons
from bot.chat.reply.channel_writer import ChannelWriter, ReplyReader
from bot.chat.reply.edit_throttle import EditThrottle
from bot.chat.reply.notice import Notice
from bot.chat.texts import sentences
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.gateway import Gateway
from bot.chat.transport.http_observer import HttpObserver
from bot.chat.transport.login import insist_on_login, use_api
from bot.chat.transport.loop_monitor import LoopMonitor
from bot.chat.transport.rate_limiter import RateLimiter
from bot.chat.transport.rest_retry import RestRetry
from bot.chat.turns.run_slots import MOST_AT_ONCE, RunSlots
from bot.chat.turns.scheduler import TurnScheduler
from bot.config import DiscordSettings
from bot.runtime.clock import Clock
from bot.store.ledger import Ledger, LedgerError, NewQuestion, Turn

_ARCHIVE_MINUTES: Final = 1440
_LONGEST_RATE_LIMIT: Final = 30.0
_GUILD_SECONDS: Final = 0.2
_COMMANDS_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 3.0
_DISCONNECT_SECONDS: Final = 0.8

_log: Final = logging.getLogger(__name__)


class ChatBot(discord.Client):
    """The bot, once started; raises what discord.py raises for a bad token or a missing intent.

    ``start`` returns when it is closed, ``at_once`` is how many turns have a run at a time.
    ``discord.LoginFailure`` is a refused token, ``discord.PrivilegedIntentsRequired`` says that
    Message Content is not granted.
    """

    def __init__(
        self,
        settings: DiscordSettings,
        api: AssistantsAPI,
        ledger: Ledger,
        assistant_id: str,
        clock: Clock,
        texts: TextReader,
        *,
        at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._throttle = EditThrottle(clock)
        self._gateway = Gateway(self, clock)
        rate_limiter = RateLimiter(clock, once_met=True)
        http_observer = HttpObserver(
            strike=self._throttle.strike,
            doubt=self._gateway.doubt,
            met=rate_limiter.met,
            let_go=self._let_calls_go,
        )
        http_observer.trace.on_request_start.append(rate_limiter.before)
        super().__init__(
            intents=_intents(),
            # Nothing a model writes pings anybody.
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            # Nothing here needs every guild before it begins.
            guild_ready_timeout=_GUILD_SECONDS,
            http_trace=http_observer.trace,
            # Longer waits are ours, where they don't hold a bucket.
            max_ratelimit_timeout=_LONGEST_RATE_LIMIT,
        )
        self._settings = settings
        self._ledger = ledger
        self._clock = clock
        self._rest = RestRetry(clock)
        self._loop_monitor = LoopMonitor(clock)
        self._run_slots = RunSlots(at_once)
        self._read_markers = ReadMarkers(ledger, clock)
        self._catch_up = CatchUp(
            self,
            ledger,
            self._read_markers,
            self._rest,
            clock,
            take=lambda message: self._listener.missed(message, self._me),
            release=lambda: self._turns.release(),
        )
        threads = AssistantThreads(
            api, ledger, clock, assistant_id, replies=ReplyReader(self._channel_writer)
        )
        self._turns = TurnScheduler(
            ledger,
            threads,
            self._throttle,
            clock,
            channel_writer=self._channel_writer,
            files=AttachmentReader(self, self._rest, clock, threads, settings, texts),
            me=lambda: self._me.id,
            run_slots=self._run_slots,
            notice=Notice(self, ledger, self._rest),
            held=self._catch_up.holds,
        )
        self._router = Router(ledger, self._rest, settings.answer_in, self._open_thread)
        self._listener = Listener(
            ledger,
            self._router,
            wake=self._turns.wake,
            unsettled=self._settle_soon,
            tell=self._tell,
            monotonic=clock.monotonic,
        )
        self.handlers = InteractionHandlers(
            ledger,
            self._rest,
            clock,
            wake=self._turns.wake,
            cancel=self._turns.cancel,
            health=lambda: sentences.health(self._run_slots.inside, self._run_slots.waiting),
        )
        self.tree = BotCommandTree(self, self.handlers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._picked_up = False
        self._counted = False
        self._recovered = False
        self._stopped = False

    async def start(self, token: str, *, reconnect: bool = True) -> None:
        """Connect and answer until closed; the two addresses hold for the whole process."""
        use_api(self._settings.api_url)
        if self._settings.gateway_url:
            DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self._settings.gateway_url)
        await super().start(token, reconnect=reconnect)

    async def login(self, token: str) -> None:
        """Log in, once Discord answers at all; raises what discord.py raises for a refusal."""
        await insist_on_login(self, lambda: super(ChatBot, self).login(token), self._clock)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Be on the gateway until closed, or until Discord does not want us any more."""
        if not reconnect:
            return await super().connect(reconnect=False)
        try:
            await self._gateway.stay()
        except discord.ClientException:
            await self.close()
            raise

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do not wait: the gateway has, before it connected."""
        self._gateway.identifying()

    async def close(self) -> None:
        """Stop within 4 s: no new questions, replies say that they will go on, turns stay open."""
        if not self._stopped:
            self._stopped = True
            self._listener.stop()
            self._gateway.stop()
            for task in self._tasks:
                task.cancel()
            await self._catch_up.stop()
            await self._loop_monitor.stop()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._turns.stop(sentences.RESTARTING)
            except TimeoutError:
                _log.warning("Not every reply could be told that it will go on; each will")
            await self._put_down()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCONNECT_SECONDS):
                await super().close()

    async def _put_down(self) -> None:
        await self._read_markers.stop()
        if self._counted:
            try:
                await self._ledger.turns.put_down_all()
            except LedgerError as error:
                _log.warning("That the bot was stopped in order can't be written down: %s", error)

    async def setup_hook(self) -> None:
        """Before the gateway: take up what is open, and tell Discord of commands that changed."""
        if not self._picked_up:
            # Once, however many logins it takes: each counts against a turn.
            self._counted = await self._ledger.turns.pick_up_all()
            self._picked_up = True
            self._loop_monitor.start()
            self.add_dynamic_items(*buttons.BUTTONS)
        telling = self._keep(
            self.tree.tell(self._ledger, self._rest), "The commands could not be told"
        )
        # Who is at home at once has them before the first question; nobody waits for longer.
        await asyncio.wait({telling}, timeout=_COMMANDS_SECONDS)
        if not telling.done():
            _log.warning("Discord has not taken the commands yet; until then they are as before")

    async def on_connect(self) -> None:
        """A session begins that is no resumed one: what came before it may have been missed."""
        self._catch_up.session_began()

    async def on_ready(self) -> None:
        """Go on with what the ledger has open, once, and read what was missed, every time."""
        if self._stopped:
            return
        _log.info("On Discord as %s in %d guilds", self.user, len(self.guilds))
        self._catch_up.ready()
        if not self._recovered:
            self._recovered = True
            self._keep(self._recover(), "What is owed could not be taken up")

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Read what was missed in a guild that came after READY."""
        self._catch_up.guild_came(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Stop what is under way in a guild that we were taken out of."""
        self._turns.lose_place(guild.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Stop what is under way in a channel that is gone, and in its channel threads."""
        self._turns.lose_place(channel.id)

    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Stop what is under way in a channel thread that is gone."""
        self._turns.lose_place(payload.thread_id)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Begin with a guild that we are new in."""
        self._catch_up.guild_came(guild)

    async def on_message(self, message: discord.Message) -> None:
        """Hand on what may be a question."""
        if await self._listener.message(message, self._me):
            self._read_markers.saw(message.channel.id, guild_of(message), message.id)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Hand on what may be a question put differently."""
        await self._listener.edited(payload.message, self._me)

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Hand on what may be a question taken back."""
        await self._listener.deleted(payload.channel_id, payload.message_id)

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Tell of an event; discord.py's own READY, told after a delay, may come after the end."""
        if not self.is_closed():
            super().dispatch(event, *args, **kwargs)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log a listener's failure with its event; what was taken is in the ledger."""
        if self._stopped:
            # The ledger was closed under it; a message is read again after the next start.
            _log.info("Discord's event %s is left to the next start", event_method)
            return
        _log.exception("Discord's event %s could not be handled", event_method)

    @property
    def _me(self) -> discord.ClientUser:
        assert self.user is not None, "no event comes before the login"
        return self.user

    def _channel_writer(self, turn: Turn) -> ChannelWriter:
        channel = self.get_partial_messageable(turn.channel_id, guild_id=turn.guild_id)
        return ChannelWriter(channel, self._rest, self._clock, self._unarchive)

    async def _open_thread(self, channel_id: int, message_id: int, name: str) -> object:
        # Without the guild in the cache, as right after a start, Message.create_thread refuses.
        return await self.http.start_thread_with_message(
            channel_id, message_id, name=name, auto_archive_duration=_ARCHIVE_MINUTES
        )

    async def _unarchive(self, channel_id: int) -> None:
        channel = await self.fetch_channel(channel_id)
        if isinstance(channel, discord.Thread):
            await channel.edit(archived=False)

    def _let_calls_go(self) -> None:
        self.http._global_over.set()  # noqa: SLF001 - nothing public ends that wait

    async def _tell(self, message: discord.Message, sentence: str) -> None:
        try:
            await self._rest.insist(
                lambda: message.channel.send(
                    sentence, reference=message, nonce=f"told.{message.id}"
                )
            )
        except discord.HTTPException as error:
            _log.info("What became of %d can't be told: %s", message.id, error)

    def _settle_soon(self, question: NewQuestion) -> None:
        self._keep(self._settle(question), f"Question {question.id} could not be settled")

    async def _recover(self) -> None:
        await until_ledger_answers(
            lambda: recover(self._ledger, wake=self._turns.wake, unsettled=self._settle_soon),
            self._clock,
            "Unanswered questions can't be looked up",
        )

    async def _settle(self, question: NewQuestion) -> None:
        async def settle() -> int | None:
            # More at once of one channel would wait in discord.py, and be given up there.
            async with self._settling.setdefault(question.channel_id, asyncio.Lock()):
                return await self._router.settle(question)

        what = f"Where question {question.id} is answered can't be stored"
        channel_id = await until_ledger_answers(settle, self._clock, what)
        if channel_id is not None:
            self._turns.wake(channel_id)

    def _keep(self, work: Coroutine[Any, Any, None], gone_wrong: str) -> asyncio.Task[None]:
        """Have work done beside all else, until it ends or the bot is closed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("%s; the next start tries again", gone_wrong, exc_info=error)

        task.add_done_callback(ended)
        return task


def _intents() -> discord.Intents:
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.dm_messages = True
    # Privileged: what people write in a channel thread without naming us.
    intents.message_content = True
    return intents
