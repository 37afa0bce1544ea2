"""Posts a turn's questions to its thread: their newest wording, and no deleted question.

Before that the turn's use is reserved: a turn beyond a limit posts nothing.
"""

from bot.chat.texts.unread_files import Unread
from bot.chat.threads.messages.message_builder import unread_of
from bot.chat.threads.messages.pointers import NOTHING
from bot.chat.turns.turn_context import TurnContext
from bot.store.ledger import Ledger, Turn


async def post_questions(context: TurnContext, turn: Turn, *, lost: str | None) -> Turn | None:
    """Clean up the channel's thread, post the questions, and move the turn to ``posted``.

    A turn beyond a limit is moved to ``closing`` instead. ``lost`` names a thread that must not be
    used. Returns None where another writer has moved the turn. Raises ``TurnError`` and
    ``LedgerError``.
    """
    services = context.services
    ledger = services.ledger
    questions = await ledger.questions.of_turn(turn.id)
    limit = await services.budgets.reserve(turn, questions)
    if limit is not None:
        return await ledger.turns.closing(turn.id, turn.attempt, "failed", error=limit.error())
    replaces = turn.attempt > 1
    missed = await services.missed_changes.compare(turn.channel_id, turn.guild_id)
    changed = missed is not None
    while True:
        if changed:
            current = await ledger.history.turn(turn.id)
            if current is None or (current.state, current.attempt) != (turn.state, turn.attempt):
                return None
            turn = current
        if replaces:
            await ledger.questions.replace_outdated(turn.id)
        if replaces or turn.has_chores:
            await services.chores.clean_thread(turn.channel_id)
        if changed or replaces or turn.has_chores:
            questions = await ledger.questions.of_turn(turn.id)
        thread_id = await services.threads.post(
            turn,
            questions,
            services.attachments,
            services.references,
            unsure=context.unsure,
            lost=lost,
        )
        posted = await ledger.turns.posted(turn.id, turn.attempt, thread_id)
        if posted is not None:
            context.questions = questions
            context.unread = ()
            if any(one.attachments != "[]" or one.points_to != NOTHING for one in questions):
                context.unread = await unread_in(ledger, turn)
            return posted
        # A question was edited or deleted while it was posted, or the turn was moved.
        changed = replaces = True


async def unread_in(ledger: Ledger, turn: Turn) -> tuple[Unread, ...]:
    """Return what could not be read of a turn's questions."""
    questions = await ledger.questions.of_turn(turn.id)
    return tuple(part for question in questions for part in unread_of(question))
