"""Builds the parts of the chat package around one Discord client and connects them."""

from zoneinfo import ZoneInfo

import discord

from bot.chat.access.access_gate import AccessGate
from bot.chat.access.access_requests import AccessRequests
from bot.chat.access.budgets import Budgets
from bot.chat.access.operator_alerts import OperatorAlerts
from bot.chat.access.prices import Prices
from bot.chat.access.question_gate import QuestionGate
from bot.chat.access.question_limits import QuestionLimits
from bot.chat.catch_up.catch_up import CatchUp
from bot.chat.catch_up.housekeeping import Housekeeping
from bot.chat.catch_up.read_markers import ReadMarkers
from bot.chat.catch_up.watchdog import Watchdog
from bot.chat.commands.buttons.answer_buttons import REASON_FORM, AnswerButtonHandlers
from bot.chat.commands.buttons.reply_buttons import ReplyButtonHandlers
from bot.chat.commands.command_list import CommandHandlers
from bot.chat.commands.command_tree import BotCommandTree
from bot.chat.commands.forms import assistant_form
from bot.chat.commands.forms.modals import Modals
from bot.chat.commands.forms.question_form import QUESTION_FORM, QuestionForm
from bot.chat.commands.handlers.ask import ASK_FORM
from bot.chat.commands.handlers.tools import DENIAL_FORM
from bot.chat.commands.interaction_gate import InteractionGate
from bot.chat.commands.interaction_handler import CommandServices
from bot.chat.dependencies import ChatDependencies
from bot.chat.event_receivers import EventReceivers
from bot.chat.intake.attachments import AttachmentReader
from bot.chat.intake.channel_thread_opener import ChannelThreadOpener
from bot.chat.intake.listener import Listener
from bot.chat.intake.references import ReferenceReader
from bot.chat.intake.routing import Router
from bot.chat.intake.unreadable import UnreadableMessages
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.channel_settings import ChannelSettingsReader
from bot.chat.places.handovers import Handovers, PeopleCalls
from bot.chat.places.post_tags import PostTags
from bot.chat.reply.asker_notices import AskerNotices
from bot.chat.reply.delivery.channel_writer_factory import ChannelWriterFactory
from bot.chat.reply.delivery.edit_throttle import EditThrottle
from bot.chat.reply.waiting_reactions import WaitingReactions
from bot.chat.schedules.due_questions import DueQuestions
from bot.chat.schedules.reminders import Reminders
from bot.chat.texts import fluent
from bot.chat.texts.locales import Locales
from bot.chat.threads.assistant_editor import AssistantEditor
from bot.chat.threads.thread_cleanup import ThreadCleanup
from bot.chat.threads.threads import AssistantThreads
from bot.chat.threads.vote_reporter import VoteReporter
from bot.chat.transport.gateway import Gateway
from bot.chat.transport.http_observer import observe_requests
from bot.chat.transport.loop_monitor import LoopMonitor
from bot.chat.transport.rest_retry import RestRetry
from bot.chat.turns.channel_namer import ChannelNamer
from bot.chat.turns.charge_settler import ChargeSettler
from bot.chat.turns.chore_runner import ChoreRunner
from bot.chat.turns.functions.approvals import Approvals
from bot.chat.turns.functions.function_calls import FunctionCaller
from bot.chat.turns.functions.late_calls import LateCalls
from bot.chat.turns.functions.tool_context import ToolContexts
from bot.chat.turns.missed_changes import MissedChanges
from bot.chat.turns.place_instructions import PlaceInstructions
from bot.chat.turns.run_slots import RunSlots
from bot.chat.turns.scheduler import TurnScheduler
from bot.chat.turns.turn_context import TurnServices


def build_parts(client: discord.Client, dependencies: ChatDependencies) -> EventReceivers:
    """Build every part around a client that has not logged in yet."""
    settings, ledger, clock = dependencies.settings, dependencies.ledger, dependencies.clock
    functions, schedules = dependencies.functions, dependencies.schedules
    spending, limits, metrics = dependencies.spending, dependencies.limits, dependencies.metrics
    fluent.load()
    throttle = EditThrottle(clock, channel_seconds=limits.edit_seconds)
    gateway = Gateway(client, clock)
    observe_requests(
        client,
        clock,
        channel_limited=throttle.count_429,
        unauthorized=gateway.check_token,
        answered=metrics.discord_answered,
    )
    rest = RestRetry(clock)
    writers = ChannelWriterFactory(client, ledger, rest, clock)
    locales = Locales(client, ledger)
    asker_notices = AskerNotices(client, ledger, rest, locales)
    alerts = OperatorAlerts(client, ledger, rest, locales, clock, settings.alert_channel)
    gate = AccessGate(dependencies.access, ledger)
    access_requests = AccessRequests(client, ledger, rest)
    prices, zone = Prices(dependencies.prices), ZoneInfo(settings.time_zone)
    alert = alerts.limit_reached_soon
    budgets = Budgets(spending, prices, ledger, clock, zone, access_requests.category_of, alert)
    question_limits = QuestionLimits(spending, budgets)
    question_gate = QuestionGate(
        client, ledger, rest, locales, gate, access_requests, question_limits
    )
    read_markers = ReadMarkers(ledger, clock, write_seconds=limits.write_seconds)
    choice = AssistantChoice(client, ledger, dependencies.assistant_id, dependencies.configured)
    threads = AssistantThreads(
        dependencies.api,
        ledger,
        clock,
        choice,
        replies=writers,
        summarize_history=settings.summarize_history,
        completion_tokens=spending.completion_tokens or None,
    )
    charge_settler = ChargeSettler(ledger, threads, budgets.prices, clock)
    attachments = AttachmentReader(client, rest, clock, threads, settings, dependencies.readers)
    editor = AssistantEditor(threads, ledger, attachments, functions)
    run_slots = RunSlots(limits.concurrent_runs, spending)
    missed_changes = MissedChanges(client, ledger, rest, clock)
    waiting_reactions = WaitingReactions(ledger, writers, clock)
    channel_settings = ChannelSettingsReader(client, ledger, settings)
    tags = PostTags(client, ledger, rest, channel_settings)
    calls = PeopleCalls(client, rest, locales)
    cleanup = ThreadCleanup(threads, ledger)
    chores = ChoreRunner(
        ledger,
        cleanup,
        writers,
        waiting_reactions,
        tags,
        calls,
        locales,
        channel_settings,
        settings.buttons,
    )
    namer = ChannelNamer(
        client,
        ledger,
        threads,
        run_slots,
        rest,
        locales,
        budgets,
        is_on=settings.name_threads == "model",
    )
    references = ReferenceReader(client, ledger, rest, clock, channel_settings, settings)
    place = PlaceInstructions(client, ledger, clock, zone.key, dependencies.tell_place)
    reminders = Reminders(ledger, clock, zone, most=schedules.most_reminders)
    handovers = Handovers(ledger, channel_settings, chores.begin)
    contexts = ToolContexts(client, ledger, rest, clock, functions, reminders, handovers, zone)
    approvals = Approvals(client, ledger, rest, clock, locales, functions.settings)
    caller = FunctionCaller(client, ledger, clock, choice, functions, contexts, approvals)
    services = TurnServices(
        ledger=ledger,
        clock=clock,
        threads=threads,
        attachments=attachments,
        references=references,
        writers=writers,
        throttle=throttle,
        asker_notices=asker_notices,
        run_slots=run_slots,
        tags=tags,
        channel_settings=channel_settings,
        locales=locales,
        namer=namer,
        chores=chores,
        waiting_reactions=waiting_reactions,
        missed_changes=missed_changes,
        budgets=budgets,
        charge_settler=charge_settler,
        settings=settings,
        place=place,
        functions=caller,
        metrics=metrics,
        alerts=alerts,
        progress_grace=limits.progress_grace,
        drawer=dependencies.drawer,
    )
    vote_reporter = VoteReporter(threads, ledger, writers)
    scheduler = TurnScheduler(
        services,
        held=read_markers.holds,
        most_workers=limits.most_workers,
        guaranteed_per_guild=limits.guaranteed_per_guild,
        first_pause=limits.first_pause,
    )
    late_calls = LateCalls(caller, scheduler.schedule)
    router = Router(client, ledger, channel_settings)
    thread_opener = ChannelThreadOpener(client, ledger, rest, clock, locales, scheduler.schedule)
    listener = Listener(
        client,
        ledger,
        router,
        clock,
        locales,
        question_gate,
        references,
        thread_opener,
        alerts,
        metrics,
        schedule=scheduler.schedule,
        cancel=scheduler.cancel,
        do_chores=chores.begin,
        reply=asker_notices.reply_to,
        mark_read=read_markers.mark_read,
        most_waiting=limits.most_waiting,
    )
    unreadable = UnreadableMessages(
        client, rest, clock, locales, question_gate, router, mark_read=read_markers.mark_read
    )
    due_questions = DueQuestions(
        client,
        ledger,
        rest,
        clock,
        gate,
        access_requests,
        schedules,
        time_zone=settings.time_zone,
        schedule=scheduler.schedule,
        most_waiting=limits.most_waiting,
        look_seconds=limits.look_seconds,
        metrics=metrics,
    )
    command_services = CommandServices(
        client=client,
        ledger=ledger,
        rest=rest,
        clock=clock,
        settings=settings,
        locales=locales,
        gate=gate,
        budgets=budgets,
        choice=choice,
        channel_settings=channel_settings,
        handovers=handovers,
        threads=threads,
        editor=editor,
        functions=functions,
        models=dependencies.models,
        approvals=approvals,
        schedules=schedules,
        due_questions=due_questions,
        reminders=reminders,
        alerts=alerts,
        metrics=metrics,
        most_waiting=limits.most_waiting,
        response_seconds=limits.response_seconds,
        schedule=scheduler.schedule,
        cancel=scheduler.cancel,
        call_soon=late_calls.make_soon,
        do_chores=chores.begin,
        finish_chores=chores.finish,
        report_votes=vote_reporter.report_soon,
        health=run_slots.health,
        last_backup=dependencies.last_backup,
    )
    commands = CommandHandlers(command_services)
    answers, form = AnswerButtonHandlers(command_services), QuestionForm(command_services)
    handlers = ReplyButtonHandlers(command_services, commands, answers, form)
    interaction_gate = InteractionGate(locales, gate, access_requests, question_limits, rest)
    return EventReceivers(
        services=services,
        gateway=gateway,
        watchdog=Watchdog(client, gateway, read_markers, clock, watch_seconds=limits.watch_seconds),
        loop_monitor=LoopMonitor(clock),
        listener=listener,
        unreadable=unreadable,
        thread_opener=thread_opener,
        scheduler=scheduler,
        catch_up=CatchUp(
            client,
            ledger,
            read_markers,
            rest,
            clock,
            locales,
            take=listener.store_missed,
            answer_unreadable=unreadable.answer,
            new_session=access_requests.forget,
            release=scheduler.release,
            most_pages=limits.most_pages,
            most_channels=limits.most_channels,
        ),
        read_markers=read_markers,
        vote_reporter=vote_reporter,
        handlers=handlers,
        interaction_gate=interaction_gate,
        question_gate=question_gate,
        housekeeping=Housekeeping(
            client,
            ledger,
            clock,
            grace_days=settings.forget_after_removal_days,
            compare=missed_changes.compare,
            cancel=scheduler.cancel,
            do_chores=chores.begin,
            delete_assistants=editor.resume,
            first_seconds=limits.housekeeping_seconds,
        ),
        due_questions=due_questions,
        approvals=approvals,
        late_calls=late_calls,
        tools=commands.tools,
        editor=editor,
        choice=choice,
        modals=Modals(
            interaction_gate,
            rest,
            {
                QUESTION_FORM: form.sent,
                assistant_form.KIND: commands.assistants.form_sent,
                REASON_FORM: answers.reason_sent,
                DENIAL_FORM: commands.tools.reason_sent,
                ASK_FORM: commands.asks.form_sent,
            },
        ),
        command_tree=BotCommandTree(
            client,
            commands.commands(for_users=dependencies.access.user_installs),
            ledger,
            rest,
            interaction_gate,
            guild_id=settings.guild,
        ),
    )
