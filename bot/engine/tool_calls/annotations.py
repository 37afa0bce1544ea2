"""Places in an answer that point to files: quoted search results, and files that code made."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.assistants.schema.content import (
    Annotation,
    AnnotationDelta,
    FileCitation,
    FileCitationDelta,
    FilePath,
    FilePathDelta,
    FileReference,
)
from bot.assistants.schema.objects import RunStep, ToolCallsDetails
from bot.assistants.schema.tools import CalledSearch, FileSearchCall

_CITED: Final = re.compile(r"【([0-9]{1,4}):([0-9]{1,4})†[^】\n]{0,300}】")
_PATH: Final = re.compile(r"sandbox:/mnt/data/([^\s)\]\"'<>]+)")


def marker(search: int, result: int, filename: str) -> str:
    """Return how the model is to quote a result: by the number of its search and its own."""
    return f"【{search}:{result}†{filename}】"


def searches(steps: Iterable[RunStep]) -> list[CalledSearch]:
    """Return a run's searches in their order, which is what numbers them."""
    return [
        call.file_search
        for step in steps
        if isinstance(step.step_details, ToolCallsDetails)
        for call in step.step_details.tool_calls
        if isinstance(call, FileSearchCall)
    ]


def annotations(
    text: str, searches: Sequence[CalledSearch], made: Mapping[str, str]
) -> tuple[Annotation, ...]:
    """Return what in a text points to a file; a quotation of nothing that was found is none.

    ``made`` has the ids of files that code wrote, by their names.
    """
    found: list[Annotation] = []
    for match in _CITED.finditer(text):
        search, result = int(match[1]), int(match[2])
        results = searches[search].results if search < len(searches) else ()
        if isinstance(results, tuple) and result < len(results):
            reference = FileReference(results[result].file_id)
            found.append(FileCitation(match[0], reference, match.start(), match.end()))
    for match in _PATH.finditer(text):
        if match[1] in made:
            reference = FileReference(made[match[1]])
            found.append(FilePath(match[0], reference, match.start(), match.end()))
    return tuple(sorted(found, key=lambda each: each.start_index))


def deltas(found: Sequence[Annotation]) -> tuple[AnnotationDelta, ...]:
    """Return annotations as a stream tells them."""
    told: list[AnnotationDelta] = []
    for index, each in enumerate(found):
        place = {"text": each.text, "start_index": each.start_index, "end_index": each.end_index}
        if isinstance(each, FileCitation):
            told.append(FileCitationDelta(index, file_citation=each.file_citation, **place))  # type: ignore[arg-type]  # as above
        else:
            told.append(FilePathDelta(index, file_path=each.file_path, **place))  # type: ignore[arg-type]  # as above
    return tuple(told)
