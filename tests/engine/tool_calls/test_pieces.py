"""What is read out of half-written JSON, and what in an answer points to files."""

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.schema.content import FileCitation, FilePath
from bot.assistants.schema.tools import CalledSearch, SearchResult
from bot.engine.tool_calls.annotations import annotations, deltas, marker
from bot.engine.tool_calls.partial_json import PartialText

texts = st.text(st.characters(codec="utf-8"))


@given(texts, st.booleans(), st.data())
def test_a_value_comes_out_whole_however_its_json_was_cut(
    text: str, ascii_only: bool, data: st.DataObject
) -> None:
    written = json.dumps({"note": 'a "code": b', "code": text, "more": 1}, ensure_ascii=ascii_only)
    partial = PartialText("code")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(written)), max_size=10)))
    pieces = [written[a:b] for a, b in zip([0, *cuts], [*cuts, len(written)], strict=True)]
    assert "".join(partial.add(piece) for piece in pieces) == text


@given(texts, st.data())
def test_each_piece_of_text_is_a_beginning_of_the_value(text: str, data: st.DataObject) -> None:
    written = json.dumps({"code": text})
    end = data.draw(st.integers(0, len(written)))
    assert text.startswith(PartialText("code").add(written[:end]))


@given(st.text() | st.text('{}[]:,"\\cu0 '))
def test_text_without_the_key_gives_nothing(text: str) -> None:
    partial = PartialText("code")
    assert {partial.add(character) for character in text} <= {""}


def _searches(*names: str) -> list[CalledSearch]:
    results = tuple(SearchResult(f"file_{name}", name, 0.5) for name in names)
    return [CalledSearch(results=results)]


@given(st.lists(st.tuples(texts, st.integers(0, 3)), max_size=8))
def test_every_quotation_of_a_result_is_found_at_its_place(parts: list[tuple[str, int]]) -> None:
    names = ("a.txt", "b.md")
    text = "".join(said + marker(0, result, "x") for said, result in parts)
    found = annotations(text, _searches(*names), {})
    assert len(found) == sum(result < len(names) for _, result in parts)
    for each in found:
        assert isinstance(each, FileCitation)
        assert text[each.start_index : each.end_index] == each.text
    assert [delta.index for delta in deltas(found)] == list(range(len(found)))


def test_paths_of_files_that_were_made_are_found_and_others_are_not() -> None:
    text = "See [it](sandbox:/mnt/data/a.csv) and sandbox:/mnt/data/b.csv."
    (found,) = annotations(text, [], {"a.csv": "file_1"})
    assert isinstance(found, FilePath)
    assert found.file_path.file_id == "file_1"
    assert text[found.start_index : found.end_index] == "sandbox:/mnt/data/a.csv"
