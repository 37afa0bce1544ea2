"""The parts of the bot to which the Discord client hands events."""

from dataclasses import dataclass

from bot.chat.access.question_gate import QuestionGate
from bot.chat.catch_up.catch_up import CatchUp
from bot.chat.catch_up.housekeeping import Housekeeping
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.catch_up.watchdog import Watchdog
from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.commands.command_tree import BotCommandTree
from bot.chat.commands.forms.modals import Modals
from bot.chat.commands.handlers.tools import ToolCommands
from bot.chat.commands.interaction_gate import InteractionGate
from bot.chat.intake.channel_thread_opener import ChannelThreadOpener
from bot.chat.intake.listener import Listener
from bot.chat.intake.unreadable import UnreadableMessages
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.schedules.due_questions import DueQuestions
from bot.chat.threads.assistant_editor import AssistantEditor
from bot.chat.threads.vote_reporter import VoteReporter
from bot.chat.transport.gateway import Gateway
from bot.chat.transport.loop_monitor import LoopMonitor
from bot.chat.turns.functions.approvals import Approvals
from bot.chat.turns.functions.late_calls import LateCalls
from bot.chat.turns.scheduler import TurnScheduler
from bot.chat.turns.turn_context import TurnServices


@dataclass(frozen=True)
class EventReceivers:
    """The parts to which the client hands Discord's events."""

    services: TurnServices
    gateway: Gateway
    watchdog: Watchdog
    loop_monitor: LoopMonitor
    listener: Listener
    unreadable: UnreadableMessages
    thread_opener: ChannelThreadOpener
    scheduler: TurnScheduler
    catch_up: CatchUp
    read_markers: ReadMarkers
    vote_reporter: VoteReporter
    handlers: ReplyButtonHandlers
    interaction_gate: InteractionGate
    question_gate: QuestionGate
    housekeeping: Housekeeping
    due_questions: DueQuestions
    approvals: Approvals
    late_calls: LateCalls
    tools: ToolCommands
    command_tree: BotCommandTree
    editor: AssistantEditor
    choice: AssistantChoice
    modals: Modals
