"""Every sentence a user reads, in one place: plain, our own, and never a server's error text."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from bot.chat.texts.plain_text import headline, is_visible
from bot.store.ledger import Asker, Turn, TurnState

FailureKind = Literal[
    "unreachable",  # no usable answer from the Assistants API for minutes
    "refused",  # the Assistants API did not take what it was asked
    "not_allowed",  # the Assistants API does not take our key
    "assistant_gone",  # there is no such assistant
    "busy",  # a run of somebody else's holds the thread and can't be ended
    "rate_limited",  # the model's endpoint wants fewer requests, or is out of quota
    "rejected",  # the model's endpoint did not take what it was asked
    "model_key",  # the model's endpoint does not take our key
    "model_credit",  # the account that pays for the model is empty
    "model_missing",  # there is no such model, or no endpoint at that address
    "model_tools",  # the model calls no tools, and the assistant can't do without
    "ability",  # the model lacks another ability
    "too_long",  # the conversation is longer than the model takes
    "content",  # the endpoint's rules for content
    "model_failed",  # the model, or the way to it, failed
    "expired",  # the run took longer than a run may
    "gave_up",  # three starts of the bot did not bring it further
    "internal",  # a defect of this program
    "undeliverable",  # Discord does not take the reply
]
"""Our own words for why a turn failed, as the ledger keeps them."""

_OPERATOR: Final = "Whoever runs this bot has to look at it; ask again once that is done."

_FAILURES: Final[dict[FailureKind, str]] = {
    "unreachable": "I couldn't reach the assistant's server. Retry in a few minutes.",
    "refused": "The assistant's server refused this. Retry, or put it differently.",
    "not_allowed": (
        "The assistant's server doesn't accept this bot's key. "
        "Whoever runs this bot has to look at it; Retry works once that is done."
    ),
    "assistant_gone": (
        "The assistant that answers here no longer exists. "
        "Whoever runs this bot has to name another one."
    ),
    "busy": "Something else is still running in this conversation. Retry when it has ended.",
    "rate_limited": "The model gets more requests than it takes right now. Retry in a minute.",
    "rejected": "The model's endpoint refused this. Put it differently, or retry.",
    "model_key": f"The model's endpoint doesn't accept this bot's key. {_OPERATOR}",
    "model_credit": f"The account that pays for the model has no credit left. {_OPERATOR}",
    "model_missing": f"The model that answers here can't be found. {_OPERATOR}",
    "model_tools": f"The model that answers here calls no tools, and this needs one. {_OPERATOR}",
    "ability": (
        "The model can't do something that this asks of it, such as look at an image. "
        "Ask without that."
    ),
    "too_long": "This conversation is longer than the model can read. Start a new one.",
    "content": (
        "The model's rules for content refused this. Put it differently; if they refuse that, "
        "too, start a new conversation."
    ),
    "model_failed": "The model had a problem and didn't finish. Retry to ask it again.",
    "expired": "This took longer than a run may take, so it was stopped. Retry to start it again.",
    "gave_up": "I was interrupted three times at this and stopped trying. Retry to start it again.",
    "internal": "Something went wrong on my side. Retry; if it stays so, tell whoever runs me.",
    "undeliverable": (
        "Discord didn't let me post the answer here: I may not write in this channel, or a filter "
        "refuses something in the answer, such as a link. Retry, or put it differently and ask "
        "again."
    ),
}

OPERATORS_TASK: Final = frozenset({"model_key", "model_credit", "model_missing", "model_tools"})
"""The kinds of failure that only whoever runs the bot can mend."""

_RETRY_HELPS_NOT: Final = OPERATORS_TASK | {"ability", "too_long"}


THINKING: Final = "thinking…"
CANCEL: Final = "Cancel"
RETRY: Final = "Retry"
RUNS: Final = "What the assistant is doing and has done"
RUNS_LIST: Final = "List runs, newest first"
RUNS_LIST_PAGE: Final = "Which page of the list"
RUNS_SHOW: Final = "Show one run"
RUNS_SHOW_RUN: Final = "The run's number, as the list shows it"
RUNS_CANCEL: Final = "Cancel a run: this channel's, or the one named"
RUNS_CANCEL_RUN: Final = "The run's number; none: what runs in this channel"
NEWER: Final = "Newer"
OLDER: Final = "Older"

NOT_TAKEN: Final = (
    "I can't write your question down right now, so I can't answer it. Ask again in a few minutes."
)
EMPTY_ANSWER: Final = "The model had nothing to say to this. Put it differently and ask again."
WITHOUT_TOOLS: Final = (
    "-# The model here calls no tools, so this was answered without searching files or running "
    "code."
)
INCOMPLETE: Final = "-# The answer was cut off at the limit of its length."
CANCELLED_ELSEWHERE: Final = "-# Cancelled."
NO_CHANNEL_THREAD: Final = "-# I can't open a channel thread here, so I answer in the channel."
MISSED: Final = (
    "-# I was away, and more was written here meanwhile than I read. I go on with the newest; "
    "ask again what I left out."
)
WILL_GO_ON: Final = "-# I'm being restarted and will go on with this in a moment."

TOO_LATE_TO_CANCEL: Final = "This has ended already, so there is nothing to cancel."
TOO_LATE_TO_RETRY: Final = "This was retried already, or has an answer by now."
NOT_YOURS_TO_CANCEL: Final = (
    "Only somebody who asked in this, or who may manage messages here, can cancel it."
)
NOT_YOURS_TO_RETRY: Final = (
    "Only somebody who asked in this, or who may manage messages here, can retry it."
)
NOTHING_RUNNING: Final = (
    "Nothing is running in this channel. Name a run to cancel one elsewhere: `/runs cancel run:`."
)
NO_RUNS: Final = "No runs yet. Ask me something, and it will be listed here."
COMMAND_FAILED: Final = "That didn't work, and it is my fault. Try again in a moment."
FUNCTION_UNAVAILABLE: Final = (
    "This function is not available here. Answer without it, and say so if that matters."
)
ATTACHMENTS_ONLY: Final = "Attachments"
QUESTION: Final = "Question"
SPOILER: Final = "[spoiler]"

_EMPTY_QUESTION: Final = "Hi! Write your question behind my name"
_QUEUE_FULL: Final = (
    "questions wait for me here, so I can't take this one. Ask again when I have answered."
)
_UNDELIVERED: Final = "I couldn't post the answer"

_STATES: Final[dict[TurnState, str]] = {
    "waiting": "waiting",
    "placed": "starting",
    "posted": "starting",
    "running": "running",
    "closing": "finishing",
    "answered": "answered",
    "cancelled": "cancelled",
    "failed": "failed",
}
_MARKUP: Final = re.compile(r"([\\*_~`|<>\[\]()#@:-])")


def empty_question(name: str) -> str:
    """Say how to ask, where the bot was mentioned without a question; ``name`` is the bot's."""
    example = f"“@{plain(name)} what is a good name for a cat?”"
    return f"{_EMPTY_QUESTION}, like {example}, and I'll answer."


def tells_refusal(content: str) -> bool:
    """Return whether a message of ours says that a question was not taken, or has no answer."""
    return (
        content in (NOT_TAKEN, MISSED)
        or content.startswith((_EMPTY_QUESTION, _UNDELIVERED))
        or content.endswith(_QUEUE_FULL)
    )


def queue_full(most: int) -> str:
    """Refuse a question because of those that wait."""
    return f"{most} {_QUEUE_FULL}"


EXACTLY: Final = 20
"""Up to here those who wait are counted; more are estimated."""


def ahead(count: int) -> str:
    """Say in a reply how many others are answered before it."""
    others = "1 other is" if count == 1 else f"{count} others are"
    if count > EXACTLY:
        others = f"About {others}"
    return f"{THINKING}\n-# {others} answered before this."


def health(answering: int, waiting: int) -> str:
    """Say how busy the bot is: turns with a run, and turns that wait for one."""
    return f"-# answering {answering}, {waiting} waiting"


def failure(kind: str | None) -> str:
    """Say why a turn failed."""
    for known, sentence in _FAILURES.items():
        if kind == known:
            return sentence
    return _FAILURES["internal"]


def undelivered(channel_id: int, names: str | None = None) -> str:
    """Say elsewhere that a channel took no answer; ``names`` are those who asked, where not one."""
    whose = f"{_UNDELIVERED} in" if names is None else f"{_UNDELIVERED} for {names} in"
    return (
        f"{whose} <#{channel_id}>: I may not write there any more, or it is gone. Whoever manages "
        "the server can let me write there; then ask again."
    )


def retry_helps(kind: str | None) -> bool:
    """Say whether asking the same again may go better, so that Retry is offered."""
    return kind not in _RETRY_HELPS_NOT


def cancelled(canceller: Asker | None) -> str:
    """Say who cancelled."""
    return CANCELLED_ELSEWHERE if canceller is None else f"-# Cancelled by {plain(canceller.name)}."


def measured(seconds: float, tokens: int | None) -> str:
    """Say what an answer took, as a quiet last line."""
    spent = "" if tokens is None else f" · {tokens} tokens"
    return f"-# {duration(seconds)}{spent}"


def duration(seconds: float) -> str:
    """Write a duration for people: 3.2 s, 48 s, 2 min 5 s."""
    if seconds < 0:
        seconds = 0.0
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plain(name: str) -> str:
    """Write a name so that nothing in it is markup."""
    return _MARKUP.sub(r"\\\1", " ".join(name.split()))


def state(turn: Turn) -> str:
    """Name a turn's state for people; a reply may stand before its turn is closed."""
    if turn.state == "closing" and turn.outcome is not None:
        return _STATES[turn.outcome]
    return "cancelling" if turn.canceller and turn.state == "running" else _STATES[turn.state]


def askers(turn: Turn) -> str:
    """Name who asked, three at most."""
    names = [plain(asker.name) for asker in turn.askers[:3]]
    if len(turn.askers) > 3:
        names.append(f"{len(turn.askers) - 3} more")
    return ", ".join(names)


def run_line(turn: Turn, now: float) -> str:
    """Write a turn as one line of a list: state, age, seconds, tokens, who asked, link."""
    took = (turn.ended_at or now) - turn.started_at
    fields = [
        f"**#{turn.id}** {state(turn)}",
        f"<t:{int(turn.created_at)}:R>",
        duration(took),
        "– tokens" if turn.tokens is None else f"{turn.tokens} tokens",
        askers(turn),
    ]
    if turn.parts:
        fields.append(f"[reply]({jump_url(turn.guild_id, turn.channel_id, turn.parts[0])})")
    return " · ".join(fields)


def run_page(
    turns: Sequence[Turn], now: float, page: int, pages: int, health: str | None = None
) -> str:
    """Write a page of the list of runs; ``health`` is a quiet last line."""
    lines = [run_line(turn, now) for turn in turns]
    if pages > 1:
        lines.append(f"-# page {page} of {pages}")
    if health is not None:
        lines.append(health)
    return "\n".join(lines)


def run_details(turn: Turn, now: float, questions: Sequence[str]) -> str:
    """Write all that is known of a turn."""
    lines = [run_line(turn, now)]
    if turn.attempt > 1:
        lines.append(f"Attempt {turn.attempt}")
    if turn.canceller is not None:
        lines.append(f"Cancelled by {plain(turn.canceller.name)}")
    if turn.state == "failed":
        lines.append(failure(turn.error))
    for question in questions:
        line = " ".join(question.split())
        lines.append(f"> {plain(_shortened(line, 120))}" if line else "> (attachments only)")
    if turn.run_id is not None:
        lines.append(f"-# {turn.run_id} on {turn.thread_id}")
    return _shortened("\n".join(lines), 1_990)


def run_choice(turn: Turn, now: float, question: str) -> str:
    """Write a turn as a choice of an option: at most 100 characters, no markup."""
    names = ", ".join(asker.name for asker in turn.askers)
    took = duration(now - turn.started_at)
    return _shortened(
        f"#{turn.id} · {state(turn)} · {took} · {names} · {' '.join(question.split())}", 100
    )


def no_such_run(name: str) -> str:
    """Say that there is no such run, or none that this person may see."""
    return f"I know no run {plain(_shortened(name, 60))} here. `/runs list` shows those there are."


def cancelling(turn: Turn) -> str:
    """Confirm that a turn is being cancelled."""
    return f"Cancelling #{turn.id}."


def channel_thread_name(question: str, author_name: str) -> str:
    """Name a channel thread after the question it begins with: 1 to 100 characters."""
    words = _shortened(headline(question, SPOILER), 100)
    if is_visible(words):  # else Discord does not take it
        return words
    if question.strip():
        return neutral_channel_thread_name(author_name)
    return _shortened(" ".join(f"{ATTACHMENTS_ONLY} of {author_name}".split()), 100)


def neutral_channel_thread_name(author_name: str) -> str:
    """Name a channel thread without a word of its question."""
    return _shortened(" ".join(f"{QUESTION} of {author_name}".split()), 100)


def jump_url(guild_id: int | None, channel_id: int, message_id: int) -> str:
    """Return the address at which Discord shows a message."""
    place = "@me" if guild_id is None else guild_id
    return f"https://discord.com/channels/{place}/{channel_id}/{message_id}"


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
