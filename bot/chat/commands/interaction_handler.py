"""The base class of the handlers of commands, buttons and forms, and decorators for their methods.

A method of a handler that can't do what a member asks for raises ``RefusalError``.
"""

import functools
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, Protocol, TypeVar

import discord

from bot.chat.access.access_gate import AccessGate
from bot.chat.access.budgets import Budgets
from bot.chat.access.operator_alerts import OperatorAlerts
from bot.chat.commands.interaction import AcknowledgedInteraction, refuse, show_form
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.places.handovers import Handovers
from bot.chat.schedules.due_questions import DueQuestions
from bot.chat.schedules.reminders import Reminders
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.texts.locales import Locales
from bot.chat.threads.assistant_editor import AssistantEditor
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.config import DiscordSettings, SchedulesSettings
from bot.runtime.clock import Clock
from bot.runtime.metrics import Metrics
from bot.store.ledger import Approval, AskResponse, Ledger
from bot.tools.functions import Functions

Interaction = discord.Interaction[Any]

ModelLister = Callable[[], Awaitable[tuple[str, ...]]]
"""Returns the names of the models that the endpoint offers; empty where they are not known.

Raises ``APIError``.
"""

_log: Final = logging.getLogger(__name__)


async def no_models() -> tuple[str, ...]:
    """List no models: nobody knows them."""
    return ()


class ApprovalDecider(Protocol):
    """Stores and shows decisions about function calls."""

    async def decide(
        self,
        approval: Approval,
        *,
        allow: bool,
        for_conversation: bool,
        decider_id: int,
        decider_name: str,
        reason: str | None,
    ) -> Approval | None:
        """Store a decision and show it; None if somebody decided before."""

    def is_too_old(self, approval: Approval) -> bool:
        """Return whether nobody may decide any more."""


class ChoreFinisher(Protocol):
    """Does the chores of channels now: clean-ups that the ledger stores until they are done."""

    async def __call__(self, channel_ids: Collection[int], *, within: float) -> bool:
        """Return whether all chores are done after at most ``within`` seconds."""


@dataclass(frozen=True, kw_only=True)
class CommandServices:
    """The parts of the bot that the handlers of commands, buttons and forms use."""

    client: discord.Client
    ledger: Ledger
    rest: RestRetry
    clock: Clock
    settings: DiscordSettings
    locales: Locales
    gate: AccessGate
    budgets: Budgets
    choice: AssistantChoice
    channel_settings: ChannelSettingsReader
    handovers: Handovers
    threads: AssistantThreads
    editor: AssistantEditor
    functions: Functions
    models: ModelLister
    approvals: ApprovalDecider
    schedules: SchedulesSettings
    due_questions: DueQuestions
    reminders: Reminders
    alerts: OperatorAlerts
    metrics: Metrics
    most_waiting: int
    """The most questions that wait in a channel."""
    response_seconds: float
    """How long the token of an interaction works, in seconds."""
    schedule: Callable[[int], None]
    """Called with the channel of a stored question, or of a turn that is retried."""
    cancel: Callable[[int], None]
    """Called with a turn whose cancellation is stored."""
    call_soon: Callable[[Approval], None]
    """Called with an allowed function call, which is made in the background."""
    do_chores: Callable[[Iterable[int]], None]
    """Called with channels whose chores are done in the background."""
    finish_chores: ChoreFinisher
    report_votes: Callable[[], None]
    """Called after a vote."""
    health: Callable[[], str]
    """Returns a line about how busy the bot is."""
    last_backup: Callable[[], float | None]
    """Returns when the newest backup was made, in seconds since 1970, if known."""


class InteractionHandler:
    """Handles the interactions of some commands, buttons or forms."""

    def __init__(self, services: CommandServices) -> None:
        self._services = services
        self._client = services.client
        self._ledger = services.ledger
        self._rest = services.rest
        self._clock = services.clock

    def _response_to(self, interaction: Interaction) -> AskResponse:
        """Return the response to an interaction that has just arrived, for the ledger."""
        return AskResponse(
            interaction_id=interaction.id,
            token=interaction.token,
            expires_at=self._clock.now() + self._services.response_seconds,
        )

    async def _refuse_where_people_answer(self, channel_id: int) -> None:
        """Raise ``RefusalError`` if a channel's conversation is handed over to people."""
        if await self._ledger.handovers.is_under_way(channel_id):
            raise RefusalError(localized("help-ask-people"))


class PrivateAnswer(NamedTuple):
    """A message that only the member sees; ``files`` are names and contents."""

    text: str
    view: discord.ui.View | None = None
    files: Sequence[tuple[str, str | bytes]] = ()


HandlerT = TypeVar("HandlerT", bound=InteractionHandler)
OptionsT = ParamSpec("OptionsT")
ResultT = TypeVar("ResultT")

Method = Callable[Concatenate[HandlerT, Interaction, OptionsT], Coroutine[Any, Any, ResultT]]


def answers_privately(
    method: Method[HandlerT, OptionsT, str | PrivateAnswer],
) -> Method[HandlerT, OptionsT, None]:
    """Make a handler of a method that returns the private answer to a command, press or form.

    The interaction is acknowledged before the method begins. A refusal is shown as the answer.
    """

    @functools.wraps(method)
    async def handle(
        self: HandlerT,
        interaction: Interaction,
        /,
        *args: OptionsT.args,
        **options: OptionsT.kwargs,
    ) -> None:
        async with AcknowledgedInteraction(
            interaction, self._rest, ephemeral=True, thinking=True
        ) as response:
            answer = await method(self, interaction, *args, **options)
            shown = PrivateAnswer(answer) if isinstance(answer, str) else answer
            await response.show(shown.text, shown.view, files=shown.files)

    return handle


def responds_first(
    method: Method[HandlerT, OptionsT, discord.ui.Modal | None],
) -> Method[HandlerT, OptionsT, None]:
    """Make a handler of a method that runs before the interaction is acknowledged.

    A form that the method returns is shown: Discord takes a form only as the first response. A
    refusal or another error is the response, which only the member sees.
    """

    @functools.wraps(method)
    async def handle(
        self: HandlerT,
        interaction: Interaction,
        /,
        *args: OptionsT.args,
        **options: OptionsT.kwargs,
    ) -> None:
        try:
            form = await method(self, interaction, *args, **options)
        except RefusalError as error:
            await refuse(interaction, self._rest, error.sentence)
        except Exception as error:  # noqa: BLE001 - the member gets an answer, whatever failed
            _log.error("An interaction failed", exc_info=error)
            await refuse(interaction, self._rest, localized("command-failed"))
        else:
            if form is not None:
                await show_form(interaction, self._rest, form)

    return handle


def admin_permissions(settings: DiscordSettings) -> discord.Permissions:
    """Return the permissions that managing a server's assistants and channels needs."""
    return discord.Permissions(**{settings.admin_permission: True})


def managers_guild(interaction: Interaction) -> int:
    """Return the server of a command that only members with Manage Server may use there.

    Discord shows such a command only to managers, but admins can change that. Raises
    ``RefusalError`` outside of servers and for everybody else.
    """
    if interaction.guild_id is None:
        raise RefusalError(localized("only-in-servers"))
    if not interaction.permissions.manage_guild:
        raise RefusalError(localized("needs-manage-server"))
    return interaction.guild_id
