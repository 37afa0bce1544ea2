"""Posts a turn's questions to its thread: their newest wording, and none that was deleted."""

from bot.chat.turns.turn_context import TurnContext
from bot.store.ledger import Turn


async def post_questions(context: TurnContext, turn: Turn, *, lost: str | None) -> Turn | None:
    """Tidy the channel's thread, post the questions, and move the turn to ``posted``.

    ``lost`` names a thread that must not be used. Returns None where another writer has moved the
    turn. Raises ``TurnError`` and ``LedgerError``.
    """
    services = context.services
    ledger = services.ledger
    replaces = turn.attempt > 1
    while True:
        if replaces:
            await ledger.questions.replace_outdated(turn.id)
        if replaces or turn.has_chores:
            await services.chores.tidy_thread(turn.channel_id)
        thread_id = await services.threads.post(
            turn,
            await ledger.questions.of_turn(turn.id),
            services.attachments,
            unsure=context.unsure,
            lost=lost,
        )
        posted = await ledger.turns.posted(turn.id, turn.attempt, thread_id)
        if posted is not None:
            return posted
        current = await ledger.history.turn(turn.id)
        if current is None or (current.state, current.attempt) != (turn.state, turn.attempt):
            return None
        # A question was edited or deleted while it was posted.
        replaces = True
