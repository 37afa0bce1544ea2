"""The value that breaks a rule of its type is found wherever it stands."""

from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct, inspect

from bot.runtime.violations import Violation, violation_of

ShortText = Annotated[str, Meta(max_length=3)]


class Leaf(Struct, tag="leaf", forbid_unknown_fields=True):
    size: Annotated[int, Meta(ge=0)] = 0


class Branch(Struct, tag="branch"):
    items: tuple["Leaf | Branch", ...] = ()
    labels: dict[ShortText, ShortText] = {}
    named: dict[str, "OnlySize"] = {}
    title: ShortText | None = None
    mixed: dict[str, bool | float | ShortText] = {}


class OnlySize(Struct, rename={"size": "the_size"}):
    size: Annotated[int, Meta(ge=0)]


def violation(raw: object) -> Violation:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(raw, Branch)
    return violation_of(caught.value, raw, inspect.type_info(Branch))


@pytest.mark.parametrize(
    ("raw", "steps", "value"),
    [
        ({"type": "branch", "title": "long"}, ("title",), "long"),
        ({"type": "branch", "items": [{"type": "leaf", "size": -1}]}, ("items", 0, "size"), -1),
        ({"type": "branch", "items": {}}, ("items",), {}),
        ({"type": "branch", "labels": {"a": "b", "c": "long"}}, ("labels", "c"), "long"),
        ({"type": "branch", "labels": {"a": "b", "c": 5}}, ("labels", "c"), 5),
        ({"type": "branch", "mixed": {"n": 1, "ok": True, "c": []}}, ("mixed", "c"), []),
        ({"type": "branch", "mixed": {"n": 1.5, "b": "long"}}, ("mixed", "b"), "long"),
        ({"type": "branch", "named": {"a": {"the_size": 1}, "b": {}}}, ("named", "b"), {}),
        ({"type": "branch", "named": {"b": {"the_size": -1}}}, ("named", "b", "the_size"), -1),
        ([], (), []),
    ],
)
def test_the_wrong_value_and_its_path_are_found(
    raw: object, steps: tuple[str | int, ...], value: object
) -> None:
    found = violation(raw)
    assert (found.steps, found.value) == (steps, value)
    assert found.in_entry == (steps[-1:] in (("b",), ("c",)))


def test_a_key_that_breaks_a_rule_leads_to_its_object() -> None:
    found = violation({"type": "branch", "labels": {"long": "x"}})
    assert found.in_key
    assert not found.in_entry
    assert (found.steps, found.value) == (("labels",), {"long": "x"})


def test_an_unknown_field_leads_to_the_struct_that_lacks_it() -> None:
    found = violation({"type": "branch", "items": [{"type": "leaf", "colour": 1}]})
    assert found.steps == ("items", 0)
    assert found.rule == "Object contains unknown field `colour`"


wrong_sizes = st.integers(max_value=-1) | st.text(max_size=5) | st.none() | st.lists(st.none())


@given(st.lists(st.integers(0, 4), max_size=5), wrong_sizes)
def test_a_value_is_found_at_any_depth(path: list[int], size: Any) -> None:
    raw: dict[str, Any] = {"type": "leaf", "size": size}
    for index in reversed(path):
        raw = {"type": "branch", "items": [{"type": "leaf"}] * index + [raw]}
    raw = {"type": "branch", "items": [raw]}
    steps: list[str | int] = ["items", 0]
    for index in path:
        steps += ["items", index]
    found = violation(raw)
    assert found.steps == (*steps, "size")
    assert found.value == size
