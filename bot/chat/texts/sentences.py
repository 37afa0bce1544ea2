"""The sentences that members read and that consist of several messages of the language files.

No server's error text is shown to a member.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, Literal, get_args

from bot.chat.texts.fluent import LANGUAGES, localized, localized_in
from bot.chat.texts.limits import limit_of
from bot.chat.texts.plain_text import headline, is_visible
from bot.config import FooterField
from bot.store.ledger import Asker, Turn

FailureKind = Literal[
    "unreachable",  # the Assistants API gave no usable answer for minutes
    "refused",  # the Assistants API refused the request
    "not_allowed",  # the Assistants API refused our key
    "assistant_gone",  # the configured assistant does not exist
    "chosen_assistant_gone",  # the assistant that was chosen in Discord does not exist
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

_FAILURES: Final = frozenset(get_args(FailureKind))

OPERATORS_TASK: Final = frozenset(
    {
        "model_key",
        "model_credit",
        "model_missing",
        "model_tools",
        "not_allowed",
        "assistant_gone",
    }
)
"""The kinds of failure that only the operator of the bot can fix."""

_NOT_RETRYABLE: Final = frozenset(
    {"model_key", "model_credit", "model_missing", "model_tools", "ability", "too_long"}
)

REFUSALS: Final = (
    "not-saved",
    "some-missed",
    "unreadable-message",
    "empty-question",
    "role-mentioned",
    "queue-full",
    "limit-total",
    "limit-server",
    "limit-channel",
    "limit-member",
    "limit-rate",
    "undelivered",
    "undelivered-for",
)
"""The messages that say that a question was not taken, or that its answer could not be posted."""

_REFUSAL_ARGUMENTS: Final = ("name", "most", "names", "channel", "span", "until", "wait")

_MARKUP: Final = re.compile(r"([\\*_~`|<>\[\]()#@:-])")

_MOST_NAMES: Final = 120
"""The most characters of the names of documents in a small line."""

_MOST_QUOTED: Final = 1_000
"""The most characters of a question that is quoted above its answer."""

_ANY: Final = "\ue000"
"""Stands for an argument where a sentence is recognised whatever its arguments are."""


def empty_question(name: str) -> str:
    """Explain how to ask, after a mention without a question; ``name`` is the bot's."""
    return localized("empty-question", name=plain(name))


def role_mentioned(name: str) -> str:
    """Explain that a mention of the bot's role can't be read; ``name`` is the bot's."""
    return localized("role-mentioned", name=plain(name))


def is_thinking(content: str) -> bool:
    """Return whether ``content`` begins with "thinking…", so that no answer has begun."""
    return content.startswith(tuple(localized_in(each, "thinking") for each in LANGUAGES))


def quoted_question(author_name: str, content: str) -> str:
    """Quote a question that no Discord message shows, above its answer."""
    words = shortened(content.strip(), _MOST_QUOTED) or localized("attachments-only")
    lines = (f"> {plain(line)}".rstrip() for line in words.splitlines())
    return "\n".join((localized("question-quoted", name=plain(author_name)), *lines))


def below_questions(questions: str, text: str) -> str:
    """Put quoted questions above the text of an answer; "thinking…" stands alone."""
    return f"{questions}\n\n{text}" if questions and not is_thinking(text) else text


def is_refusal(content: str) -> bool:
    """Return whether ``content`` says that a question was not taken or not answered."""
    return _refusals().fullmatch(content) is not None


@cache
def _refusals() -> re.Pattern[str]:
    """Return a pattern of the refusals in every language: a server may change its language."""
    refusals = [
        localized_in(language, message, **dict.fromkeys(_REFUSAL_ARGUMENTS, _ANY))
        for language in LANGUAGES
        for message in REFUSALS
    ]
    return re.compile("|".join(map(re.escape, refusals)).replace(_ANY, ".*"), re.DOTALL)


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
        shown = localized("ran-code" if done else "running-code")
    elif kind == "file_search" and files is None:
        shown = localized("searched-files" if done else "searching-files")
    elif kind == "file_search":
        shown = localized("searched-counted" if done else "searching-counted", files=files or 0)
    else:
        shown = localized("called" if done else "calling", name=plain(shortened(name, 64)))
        if count > 1:
            shown = localized("one-of-calls", call=shown, number=number, count=count)
    return f"-# {_CALL_MARKS[state]} {shown}"


def repeated(line: str, count: int) -> str:
    """Return one line for ``count`` equal lines of tool calls."""
    return line if count == 1 else f"{line} ×{count}"


MOST_COUNTED: Final = 20
"""A queue of up to this many turns is counted; a longer one is estimated."""


def ahead(count: int) -> str:
    """Show in a waiting reply how many other turns are answered first."""
    return localized("ahead-about" if count > MOST_COUNTED else "ahead", count=count)


def failure(kind: str | None, *, told: bool = False) -> str:
    """Return the sentence for a stored failure kind; an unknown kind counts as internal.

    ``told`` is whether the operator was alerted.
    """
    limit = limit_of(kind)
    if limit is not None:
        return limit.sentence()
    known = kind if kind in _FAILURES else "internal"
    return localized(f"failure-{known}", told="yes" if told else "no")


def undelivered(channel_id: int, names: str | None = None) -> str:
    """Say in another channel that an answer could not be posted.

    ``names`` lists the members who asked; with None the sentence addresses one member.
    """
    if names is None:
        return localized("undelivered", channel=str(channel_id))
    return localized("undelivered-for", names=names, channel=str(channel_id))


def retry_helps(kind: str | None) -> bool:
    """Return whether a retry may succeed, so that the reply offers a Retry button."""
    return kind not in _NOT_RETRYABLE


def cancelled(canceller: Asker | None) -> str:
    """Say who cancelled the answer; ``canceller`` is None if nobody knows."""
    return (
        localized("cancelled")
        if canceller is None
        else localized("cancelled-by", name=plain(canceller.name))
    )


def footer(
    fields: Sequence[FooterField],
    *,
    seconds: float,
    tokens: int | None,
    model: str | None,
    cost: str = "",
) -> str:
    """Return the small last line of an answer with these facts; empty if none is known."""
    known: dict[FooterField, str] = {"time": duration(seconds)}
    if tokens is not None:
        known["tokens"] = localized("tokens", tokens=tokens)
    if cost:
        known["cost"] = cost
    if model:
        known["model"] = plain(shortened(model, 100))
    facts = " · ".join(known[field] for field in fields if field in known)
    return f"-# {facts}" if facts else ""


def duration(seconds: float) -> str:
    """Format a duration: 3.2 s, 48 s, 2 min 5 s."""
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return localized("duration-fraction", seconds=seconds)
    return whole_duration(round(seconds))


def whole_duration(seconds: int) -> str:
    """Format a duration of whole seconds: 3 s, 48 s, 2 min 5 s."""
    minutes, rest = divmod(seconds, 60)
    if minutes:
        return localized("duration-minutes", minutes=minutes, seconds=rest)
    return localized("duration-seconds", seconds=rest)


def plain(name: str) -> str:
    """Escape Discord's markup in a name."""
    return _MARKUP.sub(r"\\\1", " ".join(name.split()))


def documents_cut(names: str) -> str:
    """Return the small line that names the documents of which only the beginning was read."""
    if len(names) > _MOST_NAMES:
        names = names[: _MOST_NAMES - 1].rstrip() + "…"
    return localized("documents-cut", names=plain(names))


def state(turn: Turn) -> str:
    """Return a turn's state for people; a closing turn with an outcome shows the outcome."""
    shown: str = turn.state
    if turn.state == "closing" and turn.outcome is not None:
        shown = turn.outcome
    elif turn.canceller and turn.state == "running":
        shown = "cancelling"
    return localized(f"state-{shown}")


def askers(turn: Turn) -> str:
    """List the names of those who asked, at most three."""
    names = [localized("asker", name=plain(asker.name)) for asker in turn.askers[:3]]
    if len(turn.askers) > 3:
        names.append(localized("more-askers", count=len(turn.askers) - 3))
    return localized("list-separator").join(names)


def run_line(turn: Turn, now: float, cost: str) -> str:
    """Format a turn as a list line: state, age, duration, tokens, cost if known, askers, link."""
    took = (turn.ended_at or now) - turn.started_at
    fields = [
        f"**#{turn.id}** {state(turn)}",
        f"<t:{int(turn.created_at)}:R>",
        duration(took),
        localized("tokens-unknown")
        if turn.tokens is None
        else localized("tokens", tokens=turn.tokens),
        *([cost] if cost else []),
        askers(turn),
    ]
    # Nobody can follow a link to a message that only one member sees, or into a foreign server.
    linked = turn.personal is None or not (turn.personal.ephemeral or turn.personal.external)
    if turn.parts and linked:
        url = jump_url(turn.guild_id, turn.place_id, turn.parts[0])
        fields.append(localized("run-link", url=url))
    return " · ".join(fields)


def run_page(
    turns: Sequence[tuple[Turn, str, str]],
    now: float,
    page: int,
    pages: int,
    health: str | None = None,
) -> str:
    """Format a page of the list of runs with question and cost; ``health`` is its last line."""
    lines = []
    for turn, question, cost in turns:
        words = shortened(headline(question, localized("spoiler")), 60)
        lines.append(f"> {plain(words) if is_visible(words) else localized('attachments-only')}")
        lines.append(run_line(turn, now, cost))
    if pages > 1:
        lines.append(localized("runs-page", page=page, pages=pages))
    if health is not None:
        lines.append(health)
    return "\n".join(lines)


def run_details(turn: Turn, now: float, questions: Sequence[str], cost: str) -> str:
    """Format a turn for ``/runs show``, with its questions and its cost, "" if not known."""
    lines = [run_line(turn, now, cost)]
    if turn.attempt > 1:
        lines.append(localized("run-attempt", attempt=turn.attempt))
    if turn.canceller is not None:
        lines.append(localized("run-cancelled-by", name=plain(turn.canceller.name)))
    if turn.state == "failed":
        lines.append(failure(turn.error))
    for question in questions:
        line = " ".join(question.split())
        quoted = plain(shortened(line, 120)) if line else localized("attachments-only")
        lines.append(f"> {quoted}")
    if turn.run_id is not None and turn.thread_id is not None:
        lines.append(localized("run-on-thread", run=turn.run_id, thread=turn.thread_id))
    return shortened("\n".join(lines), 1_990)


def run_choice(turn: Turn, now: float, question: str) -> str:
    """Format a turn as an autocomplete choice: at most 100 characters, no markup."""
    names = localized("list-separator").join(
        localized("asker", name=asker.name) for asker in turn.askers
    )
    took = duration(now - turn.started_at)
    return shortened(
        f"#{turn.id} · {state(turn)} · {took} · {names} · {' '.join(question.split())}", 100
    )


def no_such_run(name: str) -> str:
    """Say that no run has this number, or that this member may not see the run."""
    return localized("no-such-run", name=plain(shortened(name, 60)))


def channel_thread_name(question: str, author_name: str) -> str:
    """Name a channel thread after its first question: 1 to 100 characters."""
    words = shortened(headline(question, localized("spoiler")), 100)
    if is_visible(words):  # Discord refuses an invisible name
        return words
    if question.strip():
        return neutral_channel_thread_name(author_name)
    return _thread_name("attachments-of", author_name)


def neutral_channel_thread_name(author_name: str) -> str:
    """Name a channel thread without quoting its question."""
    return _thread_name("question-of", author_name)


def _thread_name(message_id: str, author_name: str) -> str:
    return shortened(" ".join(localized(message_id, name=author_name).split()), 100)


def jump_url(guild_id: int | None, channel_id: int, message_id: int) -> str:
    """Return the URL of a Discord message."""
    place = "@me" if guild_id is None else guild_id
    return f"https://discord.com/channels/{place}/{channel_id}/{message_id}"


def shortened(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters; an ellipsis stands for what is cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
