"""Questions, and turns brought to a state, for tests of the ledger."""

from collections.abc import Awaitable, Callable

from bot.store.ledger import (
    Ledger,
    Link,
    NewQuestion,
    Outcome,
    Turn,
    TurnState,
)

CHANNEL = 500


def home(channel_id: int = CHANNEL, *, parent_id: int = 50, private: bool = False) -> Link:
    return Link(
        channel_id=channel_id, guild_id=9, parent_id=parent_id, listening=True, private=private
    )


async def ask(
    ledger: Ledger,
    question_id: int,
    content: str = "Why?",
    *,
    author: int = 1,
    home_link: Link | None = None,
    fallback: bool = False,
) -> None:
    link = home_link or home()
    new = NewQuestion(
        id=question_id,
        channel_id=link.parent_id,
        guild_id=link.guild_id,
        author_id=author,
        author_name=f"person {author}",
        content=content,
    )
    if fallback:
        assert await ledger.questions.take(new)
        await ledger.questions.route(question_id, link, fallback=True)
    else:
        assert await ledger.questions.take(new, link)


def asked(question_id: int, content: str) -> NewQuestion:
    return NewQuestion(
        id=question_id,
        channel_id=50,
        guild_id=9,
        author_id=1,
        author_name="person 1",
        content=content,
    )


async def posted_as(ledger: Ledger, question_id: int, message_id: str) -> None:
    """Store the message as which a question was posted to thread_1."""
    question = await ledger.questions.question(question_id)
    assert question is not None
    await ledger.questions.message_posted(question, "thread_1", message_id)


async def open_turn(ledger: Ledger, question_id: int = 1) -> Turn:
    await ask(ledger, question_id)
    turn = await ledger.turns.next_in(CHANNEL)
    assert turn is not None
    return turn


async def brought_to(ledger: Ledger, state: TurnState, question_id: int = 1) -> Turn:
    return await brought_on(ledger, await open_turn(ledger, question_id), state)


async def brought_on(ledger: Ledger, turn: Turn, state: TurnState) -> Turn:
    turns, attempt = ledger.turns, turn.attempt
    end: Outcome = state if state in ("cancelled", "failed", "withdrawn") else "answered"
    steps: dict[str, Callable[[], Awaitable[Turn | None]]] = {
        "placed": lambda: turns.placed(turn.id, attempt, 77),
        "posted": lambda: turns.posted(turn.id, attempt, "thread_1"),
        "running": lambda: turns.run_created(turn.id, attempt, "run_1"),
        "closing": lambda: turns.closing(turn.id, attempt, end),
        "end": lambda: turns.closed(turn.id, attempt),
    }
    for name, step in steps.items() if state != "waiting" else ():
        assert await step() is not None, name
        if name == state:
            break
    current = await ledger.history.turn(turn.id)
    assert current is not None
    assert current.state == state
    return current
