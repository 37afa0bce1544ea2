"""What members read of assistants and conversations: lists, facts and confirmations."""

from collections.abc import Sequence
from typing import Final

from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import plain, shortened
from bot.store.ledger import LedgerConversation

_MOST_FUNCTIONS: Final = 20
"""The most functions of an assistant that are shown."""


def lines(shown: Sequence[str]) -> str:
    """Join lines, as many as fit into a message; the last line counts those left out."""
    room, kept = 1_900, 0
    while kept < len(shown) and room >= len(shown[kept]) + 1:
        room -= len(shown[kept]) + 1
        kept += 1
    left = [localized("more-lines", count=len(shown) - kept)] if kept < len(shown) else []
    return "\n".join([*shown[:kept], *left])


def conversation_facts(known: LedgerConversation, assistant: str) -> str:
    """Format the facts of a conversation."""
    shown = [
        localized("conversation-begun", when=f"<t:{int(known.begun_at)}:R>", count=known.turns),
        localized("tokens", tokens=known.tokens),
        localized("conversation-assistant", name=plain(assistant)),
    ]
    if known.personal is not None and known.personal.ephemeral:
        shown.append(localized("conversation-private"))
    text = " · ".join(shown)
    return text if known.thread_id is None else f"{text}\n-# {known.thread_id}"


def no_such_assistant(name: str) -> str:
    """Say that this server has no assistant with this name."""
    return localized("no-such-assistant", name=plain(shortened(name, 60)))


def refused_question(sentence: str, question: str) -> str:
    """Say why a question is not taken, and give its words back, so that they can be sent again."""
    if not question:
        return sentence
    return f"{sentence}\n>>> {shortened(question, 1_900 - len(sentence))}"


def assistant_line(name: str, *, own: bool, default: bool, places: Sequence[str]) -> str:
    """Format an assistant as a list line; ``places`` are where it was chosen."""
    facts = [] if own else [localized("assistant-fact-configured")]
    facts += [localized("assistant-fact-default")] if default else []
    if places:
        facts.append(
            localized("assistant-fact-places", places=localized("list-separator").join(places))
        )
    return " · ".join([f"**{plain(name)}**", *facts])


def assistant_details(
    *,
    name: str,
    model: str,
    tools: Sequence[str],
    functions: Sequence[str],
    instructions: str,
    source: str | None,
) -> str:
    """Format an assistant; ``source`` says why it answers here."""
    shown = [f"**{plain(name)}** · {plain(shortened(model, 100))}"]
    shown += [source] if source is not None else []
    known = [
        localized(f"assistant-form-option.{tool}")
        for tool in tools
        if tool in ("code_interpreter", "file_search")
    ]
    known += [f"`{plain(each)}`" for each in functions[:_MOST_FUNCTIONS]]
    known += ["…"] if len(functions) > _MOST_FUNCTIONS else []
    shown += [localized("list-separator").join(known)] if known else []
    text = " ".join(instructions.split())
    shown += [f"> {plain(shortened(text, 500))}"] if text else []
    return shortened("\n".join(shown), 1_990)


def assistant_ready(
    name: str, *, new: bool, left_out: Sequence[str], unknown_model: str | None
) -> str:
    """Confirm that an assistant was made or changed, with what the member should know."""
    shown = [localized("assistant-made" if new else "assistant-changed", name=plain(name))]
    if left_out:
        names = localized("list-separator").join(plain(shortened(each, 60)) for each in left_out)
        shown.append(localized("assistant-files-left-out", names=names))
    if unknown_model is not None:
        shown.append(localized("assistant-unknown-model", model=plain(unknown_model)))
    return shortened("\n".join(shown), 1_990)


def listed(names: Sequence[str], most: int) -> str:
    """Return names in one line; those after the first ``most`` are only counted."""
    shown = list(names[:most])
    if len(names) > most:
        shown.append(localized("and-more", count=len(names) - most))
    return localized("list-separator").join(shown)
