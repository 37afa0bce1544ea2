"""Every sentence a Discord member reads. No server's error text is shown to a member."""

import re
from collections.abc import Sequence
from typing import Final, Literal

from bot.chat.texts.plain_text import headline, is_visible
from bot.config import FooterField
from bot.store.ledger import Asker, Turn, TurnState

FailureKind = Literal[
    "unreachable",  # the Assistants API gave no usable answer for minutes
    "refused",  # the Assistants API refused the request
    "not_allowed",  # the Assistants API refused our key
    "assistant_gone",  # the assistant does not exist
    "busy",  # a run of another program holds the thread and can't be ended
    "rate_limited",  # the model endpoint's rate limit or quota is reached
    "rejected",  # the model endpoint refused the request
    "model_key",  # the model endpoint refused our key
    "model_credit",  # the account at the model endpoint has no credit
    "model_missing",  # the model does not exist, or no endpoint answers at that address
    "model_tools",  # the model calls no tools, and the assistant needs one
    "ability",  # the model lacks another ability
    "too_long",  # the conversation does not fit into the model's context window
    "content",  # the model endpoint's content rules refused the request
    "model_failed",  # the model call failed
    "expired",  # the run expired
    "gave_up",  # three starts of the bot interrupted the turn
    "internal",  # this program has a bug
    "undeliverable",  # Discord refused the reply
]
"""Why a turn failed, as the ledger stores it."""

_OPERATOR: Final = "Only the operator of this bot can fix that; ask again afterwards."

_FAILURES: Final[dict[FailureKind, str]] = {
    "unreachable": (
        "I couldn't reach the assistant's server, so there is no answer. Retry in a few minutes."
    ),
    "refused": (
        "The assistant's server refused this request. Retry, or ask in other words. "
        "If it fails again, tell the operator of this bot."
    ),
    "not_allowed": (
        "The assistant's server refused this bot's key. "
        "Only the operator of this bot can fix that; press Retry afterwards."
    ),
    "assistant_gone": (
        "The assistant that answers here no longer exists. "
        "The operator of this bot has to choose another one; press Retry afterwards."
    ),
    "busy": (
        "Another program is using this conversation, so I can't answer yet. Retry in a few minutes."
    ),
    "rate_limited": ("The model is getting too many requests right now. Retry in a minute."),
    "rejected": "The model's server refused this request. Ask in other words, or retry.",
    "model_key": f"The model's server refused this bot's key. {_OPERATOR}",
    "model_credit": f"The account that pays for the model has no credit left. {_OPERATOR}",
    "model_missing": f"The model that answers here can't be found. {_OPERATOR}",
    "model_tools": f"The model that answers here can't use the tools that this needs. {_OPERATOR}",
    "ability": (
        "The model can't do something that your question needs, such as look at an image. "
        "Ask again without it."
    ),
    "too_long": ("This conversation is longer than the model can read. Start a new conversation."),
    "content": (
        "The model's content rules refused this. Ask in other words; if that is refused too, "
        "start a new conversation."
    ),
    "model_failed": "The model failed before it finished the answer. Retry to ask it again.",
    "expired": "The answer took too long, so I stopped it. Retry to start it again.",
    "gave_up": (
        "I was restarted three times during this answer, so I stopped trying. "
        "Retry to start it again."
    ),
    "internal": (
        "Something went wrong in this bot, so there is no answer. Retry; if it fails again, "
        "tell the operator of this bot."
    ),
    "undeliverable": (
        "Discord didn't let me post the answer here. Either I may not write in this channel, or a "
        "filter blocks part of the answer, such as a link. Retry, or ask in other words."
    ),
}

OPERATORS_TASK: Final = frozenset({"model_key", "model_credit", "model_missing", "model_tools"})
"""The kinds of failure that only the operator of the bot can fix."""

_NOT_RETRYABLE: Final = OPERATORS_TASK | {"ability", "too_long"}


THINKING: Final = "thinking…"
CANCEL: Final = "Cancel"
RETRY: Final = "Retry"
RUNS: Final = "Show or cancel what the assistant is doing"
RUNS_LIST: Final = "List runs, newest first"
RUNS_LIST_PAGE: Final = "The page of the list"
RUNS_SHOW: Final = "Show one run"
RUNS_SHOW_RUN: Final = "The run's number, as the list shows it"
RUNS_CANCEL: Final = "Cancel the run of this channel, or another one"
RUNS_CANCEL_RUN: Final = "The run's number; leave it out for the run of this channel"
NEWER: Final = "Newer"
OLDER: Final = "Older"

NOT_SAVED: Final = (
    "I couldn't save your question, so I won't answer it. Ask again in a few minutes."
)
EMPTY_ANSWER: Final = "The model gave an empty answer. Ask again, in other words."
WITHOUT_TOOLS: Final = (
    "-# This model can't use tools, so it answered without searching files or running code."
)
INCOMPLETE: Final = "-# The answer reached its length limit and was cut off. Ask me to go on."
CANCELLED: Final = "-# Cancelled."
NO_CHANNEL_THREAD: Final = "-# I can't open a thread here, so I answer in the channel."
SOME_MISSED: Final = (
    "-# I was offline and missed more messages here than I can read. I answer the newest; "
    "ask the others again."
)
RESTARTING: Final = "-# I'm restarting and will go on with this answer in a moment."

TOO_LATE_TO_CANCEL: Final = "This run has already ended, so there is nothing to cancel."
TOO_LATE_TO_RETRY: Final = "This was already retried or answered, so there is nothing to retry."
NOT_YOURS_TO_CANCEL: Final = (
    "Only those who asked, or members with Manage Messages, can cancel this."
)
NOT_YOURS_TO_RETRY: Final = "Only those who asked, or members with Manage Messages, can retry this."
NOTHING_RUNNING: Final = (
    "No run is active in this channel. To cancel one elsewhere, name it: `/runs cancel run:`."
)
NO_RUNS: Final = "There are no runs yet. Ask me something, and its run is listed here."
COMMAND_FAILED: Final = "The command failed because of an error in this bot. Try again in a moment."
FUNCTION_UNAVAILABLE: Final = (
    "This function is not available here. Answer without it, and say so if that matters."
)
ATTACHMENTS_ONLY: Final = "Attachments"
QUESTION: Final = "Question"
SPOILER: Final = "[spoiler]"

_EMPTY_QUESTION: Final = "Hi! Write your question after my name"
_QUEUE_FULL: Final = (
    "questions are already waiting here, so I can't take this one. Ask again after my next answer."
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
    """Explain how to ask, after a mention without a question; ``name`` is the bot's."""
    example = f"“@{plain(name)} what is a good name for a cat?”"
    return f"{_EMPTY_QUESTION}, like {example}, and I'll answer."


def is_refusal(content: str) -> bool:
    """Return whether ``content`` is one of our refusals: the question was not taken or answered."""
    return (
        content in (NOT_SAVED, SOME_MISSED, unreadable_message())
        or content.startswith((_EMPTY_QUESTION, _UNDELIVERED))
        or content.endswith(_QUEUE_FULL)
    )


def unreadable_message() -> str:
    """Refuse a message that arrived from Discord in a form that the bot can't read."""
    return (
        "Discord sent me this message in a form that I can't read, so I won't answer it. "
        "Send it again as plain text."
    )


def queue_full(most: int) -> str:
    """Refuse a question because ``most`` questions already wait in the channel."""
    return f"{most} {_QUEUE_FULL}"


ToolKind = Literal["function", "code_interpreter", "file_search"]
"""A kind of tool call."""

CallState = Literal["active", "done", "stopped"]
"""The state of a tool call: under way, with its output, or ended without one."""

_CALL_MARKS: Final[dict[CallState, str]] = {"active": "▸", "done": "✓", "stopped": "✗"}


def tool_call(
    kind: ToolKind, state: CallState, *, name: str, files: int | None, number: int, count: int
) -> str:
    """Return the line of a tool call in a reply that is not finished.

    ``files`` is the number of files that are searched, if known. The call is number ``number`` of
    ``count`` that the model makes at once.
    """
    done = state == "done"
    if kind == "code_interpreter":
        text = "ran code" if done else "running code"
    elif kind == "file_search":
        which = "files" if files is None else "1 file" if files == 1 else f"{files} files"
        text = f"{'searched' if done else 'searching'} {which}"
    else:
        place = f" ({number} of {count})" if count > 1 else ""
        text = f"{'called' if done else 'calling'} {plain(_shortened(name, 64))}{place}"
    return f"-# {_CALL_MARKS[state]} {text}"


def repeated(line: str, count: int) -> str:
    """Return one line for ``count`` equal lines of tool calls."""
    return line if count == 1 else f"{line} ×{count}"


def earlier_calls(count: int) -> str:
    """Return the line that stands for the first ``count`` lines of tool calls."""
    return f"-# … {count} earlier"


MOST_COUNTED: Final = 20
"""A queue of up to this many turns is counted; a longer one is estimated."""


def ahead(count: int) -> str:
    """Show in a waiting reply how many other turns are answered first."""
    others = "1 other is" if count == 1 else f"{count} others are"
    if count > MOST_COUNTED:
        others = f"About {others}"
    return f"{THINKING}\n-# {others} answered before this."


def health(answering: int, waiting: int) -> str:
    """Show how busy the bot is: turns with a run, and turns that wait for one."""
    return f"-# answering {answering}, {waiting} waiting"


def failure(kind: str | None) -> str:
    """Return the sentence for a stored failure kind; an unknown kind counts as internal."""
    for known, sentence in _FAILURES.items():
        if kind == known:
            return sentence
    return _FAILURES["internal"]


def undelivered(channel_id: int, names: str | None = None) -> str:
    """Report in another channel that an answer could not be posted.

    ``names`` lists the members who asked; None addresses one member directly.
    """
    whose = f"{_UNDELIVERED} in" if names is None else f"{_UNDELIVERED} for {names} in"
    return (
        f"{whose} <#{channel_id}>: I may no longer write there, or the channel is gone. Ask a "
        "moderator to let me write there; then ask again."
    )


def retry_helps(kind: str | None) -> bool:
    """Return whether a retry may succeed, so that the reply offers a Retry button."""
    return kind not in _NOT_RETRYABLE


def cancelled(canceller: Asker | None) -> str:
    """Say who cancelled the answer; None: an unknown person or program."""
    return CANCELLED if canceller is None else f"-# Cancelled by {plain(canceller.name)}."


def footer(
    fields: Sequence[FooterField], *, seconds: float, tokens: int | None, model: str | None
) -> str:
    """Return the small last line of an answer with these facts; empty if none is known."""
    known: dict[FooterField, str] = {"time": duration(seconds)}
    if tokens is not None:
        known["tokens"] = f"{tokens} tokens"
    if model:
        known["model"] = plain(_shortened(model, 100))
    facts = " · ".join(known[field] for field in fields if field in known)
    return f"-# {facts}" if facts else ""


def duration(seconds: float) -> str:
    """Format a duration: 3.2 s, 48 s, 2 min 5 s."""
    if seconds < 0:
        seconds = 0.0
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def plain(name: str) -> str:
    """Escape Discord's markup in a name."""
    return _MARKUP.sub(r"\\\1", " ".join(name.split()))


def state(turn: Turn) -> str:
    """Return a turn's state for people; a closing turn with an outcome shows the outcome."""
    if turn.state == "closing" and turn.outcome is not None:
        return _STATES[turn.outcome]
    return "cancelling" if turn.canceller and turn.state == "running" else _STATES[turn.state]


def askers(turn: Turn) -> str:
    """List the names of those who asked, at most three."""
    names = [plain(asker.name) for asker in turn.askers[:3]]
    if len(turn.askers) > 3:
        names.append(f"{len(turn.askers) - 3} more")
    return ", ".join(names)


def run_line(turn: Turn, now: float) -> str:
    """Format a turn as a list line: state, age, duration, tokens, askers, link."""
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
    """Format a page of the list of runs; ``health`` is its small last line."""
    lines = [run_line(turn, now) for turn in turns]
    if pages > 1:
        lines.append(f"-# page {page} of {pages}")
    if health is not None:
        lines.append(health)
    return "\n".join(lines)


def run_details(turn: Turn, now: float, questions: Sequence[str]) -> str:
    """Format a turn for ``/runs show``, with its questions."""
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
    """Format a turn as an autocomplete choice: at most 100 characters, no markup."""
    names = ", ".join(asker.name for asker in turn.askers)
    took = duration(now - turn.started_at)
    return _shortened(
        f"#{turn.id} · {state(turn)} · {took} · {names} · {' '.join(question.split())}", 100
    )


def no_such_run(name: str) -> str:
    """Say that no run has this number, or that this member may not see the run."""
    return f"There is no run {plain(_shortened(name, 60))} here. `/runs list` shows the runs."


def cancelling(turn: Turn) -> str:
    """Confirm that a turn is being cancelled."""
    return f"Cancelling #{turn.id}."


def channel_thread_name(question: str, author_name: str) -> str:
    """Name a channel thread after its first question: 1 to 100 characters."""
    words = _shortened(headline(question, SPOILER), 100)
    if is_visible(words):  # Discord refuses an invisible name
        return words
    if question.strip():
        return neutral_channel_thread_name(author_name)
    return _shortened(" ".join(f"{ATTACHMENTS_ONLY} of {author_name}".split()), 100)


def neutral_channel_thread_name(author_name: str) -> str:
    """Name a channel thread without quoting its question."""
    return _shortened(" ".join(f"{QUESTION} of {author_name}".split()), 100)


def jump_url(guild_id: int | None, channel_id: int, message_id: int) -> str:
    """Return the URL of a Discord message."""
    place = "@me" if guild_id is None else guild_id
    return f"https://discord.com/channels/{place}/{channel_id}/{message_id}"


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
