"""Finds annotations in an answer: citations of search results and paths of generated files."""

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
    """Return the marker by which the model cites a result of a search; both numbers begin at 0."""
    return f"【{search}:{result}†{filename}】"


def searches(steps: Iterable[RunStep]) -> list[CalledSearch]:
    """Return a run's searches in order; a search's position is its number in markers."""
    return [
        call.file_search
        for step in steps
        if isinstance(step.step_details, ToolCallsDetails)
        for call in step.step_details.tool_calls
        if isinstance(call, FileSearchCall)
    ]


def annotations(
    text: str, searches: Sequence[CalledSearch], generated_files: Mapping[str, str]
) -> tuple[Annotation, ...]:
    """Return the annotations of a text; citations of unknown results are left out.

    ``generated_files`` has the ids of the files that the run's code generated, by name.
    """
    found: list[Annotation] = []
    for match in _CITED.finditer(text):
        search, result = int(match[1]), int(match[2])
        results = searches[search].results if search < len(searches) else ()
        if isinstance(results, tuple) and result < len(results):
            reference = FileReference(results[result].file_id)
            found.append(FileCitation(match[0], reference, match.start(), match.end()))
    for match in _PATH.finditer(text):
        if match[1] in generated_files:
            reference = FileReference(generated_files[match[1]])
            found.append(FilePath(match[0], reference, match.start(), match.end()))
    return tuple(sorted(found, key=lambda annotation: annotation.start_index))


def deltas(found: Sequence[Annotation]) -> tuple[AnnotationDelta, ...]:
    """Return annotations as a stream has them."""
    return tuple(
        FileCitationDelta(index, each.text, each.file_citation, each.start_index, each.end_index)
        if isinstance(each, FileCitation)
        else FilePathDelta(index, each.text, each.file_path, each.start_index, each.end_index)
        for index, each in enumerate(found)
    )
