"""Distributes an answer with its pictures, files and notes over Discord messages."""

from collections.abc import Sequence
from typing import Final

from bot.chat.reply.content.link_previews import suppress_previews
from bot.chat.reply.content.message_content import Block, Content, Picture, RichContent, Upload
from bot.chat.reply.content.split import LIMIT, split
from bot.chat.texts.fluent import localized
from bot.chat.texts.sentences import plain

MOST_MESSAGES: Final = 5
"""An answer of more messages is cut, and attached as a whole as a Markdown file."""

MOST_TEXT: Final = 4_000
"""The most characters of all texts in a message with Components V2; Discord's limit."""

MOST_BLOCKS: Final = 28
"""The most texts, pictures and files in a message; the rest of 40 components is for buttons."""

MOST_FILES: Final = 10
"""The most pictures and files in a message; Discord's limit."""

_WHOLE_ANSWER: Final = "answer.md"
_NOTES_ROOM: Final = 600


def compose(
    blocks: Sequence[str | Picture],
    uploads: Sequence[Block],
    notes: Sequence[str],
    markdown: str,
    *,
    most: int = MOST_MESSAGES,
) -> list[Content]:
    """Return the content of each message of a reply, at least one.

    ``uploads`` follow the answer, then the ``notes``, one line each. An answer of more than
    ``most`` messages is cut, and ``markdown``, the answer as the model wrote it, becomes a file.
    """
    if not uploads and len(blocks) == 1 and isinstance(blocks[0], str):
        parts = split_with_notes(suppress_previews(blocks[0]), notes)
        if len(parts) <= most:
            return list(parts)
    groups = _packed(
        [suppress_previews(block) if isinstance(block, str) else block for block in blocks]
    )
    rest: list[list[Block]] = []
    if len(groups) > most:
        groups, rest = groups[:most], groups[most:]
        uploads = [Upload(_WHOLE_ANSWER, markdown.encode("utf-8", "replace")), *uploads]
        while not _has_room(groups[-1], *uploads):
            rest.insert(0, [groups[-1].pop()])
        notes = [localized("whole-answer-in-file", name=_WHOLE_ANSWER), *notes]
    for upload in uploads:
        if not groups or not _has_room(groups[-1], upload):
            groups.append([])
        groups[-1].append(upload)
    below = "\n".join(notes)
    last = groups.pop() if groups else []
    contents: list[Content] = [_content(group, rest) for group in groups]
    if _is_plain(last):
        return [*contents, *split_with_notes(_text(last), notes)]
    shown = [*last, below] if below else last
    return [*contents, RichContent(tuple(shown), _instead(last, rest, notes))]


def split_with_notes(text: str, notes: Sequence[str]) -> tuple[str, ...]:
    """Split a text into parts of at most 2,000 characters; the notes follow, a line each."""
    parts = list(split(text))
    below = "\n".join(notes)
    if not below:
        return tuple(parts) or (localized("empty-answer"),)
    if parts and len(parts[-1]) + 1 + len(below) <= LIMIT:
        parts[-1] += f"\n{below}"
    else:
        parts.append(below)
    return tuple(parts)


def newest_part_with_note(text: str, note: str, count: int) -> tuple[int, str]:
    """Return the number and the text of the last part that exists, with a note below.

    The first ``count`` parts of the text have messages.
    """
    parts = split_with_notes(text, [note])
    number = min(count, len(parts)) - 1
    if number == len(parts) - 1:
        return number, parts[number]
    return number, f"{split(parts[number], LIMIT - len(note) - 1)[0]}\n{note}"


def _packed(blocks: Sequence[str | Picture]) -> list[list[Block]]:
    """Put texts and pictures into as few messages as possible; plain messages have one text."""
    groups: list[list[Block]] = []
    for block in blocks:
        for piece in split(block) if isinstance(block, str) else (block,):
            one_text = groups and _is_plain(groups[-1]) and isinstance(piece, str)
            if not groups or one_text or not _has_room(groups[-1], piece):
                groups.append([])
            groups[-1].append(piece)
    return groups


def _has_room(group: Sequence[Block], *more: Block) -> bool:
    """Return whether a message has room for more blocks; an empty message takes any."""
    whole = [*group, *more]
    if not group or len(more) >= MOST_FILES:
        return True
    text = sum(len(block) + 1 for block in whole if isinstance(block, str))
    files = sum(not isinstance(block, str) for block in whole)
    return len(whole) <= MOST_BLOCKS and text + _NOTES_ROOM <= MOST_TEXT and files <= MOST_FILES


def _is_plain(group: Sequence[Block]) -> bool:
    return all(isinstance(block, str) for block in group)


def _content(group: Sequence[Block], rest: Sequence[Sequence[Block]]) -> Content:
    if _is_plain(group):
        return _text(group)
    return RichContent(tuple(group), _instead(group, rest, []))


def _instead(
    group: Sequence[Block], rest: Sequence[Sequence[Block]], notes: Sequence[str]
) -> tuple[str, ...]:
    """Return the texts that replace a message whose pictures or files Discord refuses.

    ``rest`` are the parts of the answer that no message shows. If the refused files include the
    file of the whole answer, the texts of ``rest`` replace that file.
    """
    missing = [
        block.name
        for block in group
        if not isinstance(block, str) and not getattr(block, "text", "")
    ]
    groups = [group]
    if rest and _WHOLE_ANSWER in missing:
        missing.remove(_WHOLE_ANSWER)
        notes = notes[1:]
        groups += rest
    text = "\n\n".join(filter(None, map(_text, groups)))
    note = localized("pictures-refused")
    if missing:
        note = localized("files-refused", names=", ".join(map(plain, missing)))
    return split_with_notes(text, [note, *notes])


def _text(group: Sequence[Block]) -> str:
    """Return the texts of a group, with the replacement texts of its pictures."""
    texts = (block if isinstance(block, str) else getattr(block, "text", "") for block in group)
    return "\n\n".join(text.strip("\n") for text in texts if text.strip())
