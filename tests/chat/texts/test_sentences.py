from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.reply.content.composition import with_notes
from bot.chat.reply.content.split import LIMIT
from bot.chat.texts import sentences
from bot.config import FooterField
from bot.store.ledger import Asker


def test_every_kind_of_failure_has_a_sentence_of_its_own() -> None:
    said = {sentences.failure(kind) for kind in get_args(sentences.FailureKind)}
    assert len(said) == len(get_args(sentences.FailureKind))
    assert sentences.failure("what a later version wrote") == sentences.failure("internal")


@given(st.text(max_size=300), st.text(max_size=40))
def test_a_channel_threads_name_is_one_that_discord_takes(question: str, author: str) -> None:
    name = sentences.channel_thread_name(question, author)
    assert 1 <= len(name) <= 100
    assert "\n" not in name
    assert name.strip() == name


def test_a_duration_is_written_as_people_write_it() -> None:
    assert sentences.duration(-1) == "0.0 s"
    assert sentences.duration(3.21) == "3.2 s"
    assert sentences.duration(9.96) == "10 s"
    assert sentences.duration(125) == "2 min 5 s"


def test_a_name_cannot_be_markup() -> None:
    assert sentences.cancelled(Asker(1, "*Ada*\n# [x](y)")) == (
        r"-# Cancelled by \*Ada\* \# \[x\]\(y\)."
    )


@given(st.text(max_size=5_000), st.lists(st.sampled_from(["-# a", "-# " + "b" * 90]), max_size=3))
def test_notes_stand_below_an_answer_and_every_part_fits(text: str, notes: list[str]) -> None:
    parts = with_notes(text, notes)
    assert parts
    assert all(0 < len(part) <= LIMIT for part in parts)
    assert parts[-1].endswith("\n".join(notes))


@pytest.mark.parametrize(
    ("count", "told"),
    [(1, "1 other is"), (20, "20 others are"), (30, "About 30 others are")],
)
def test_a_large_number_of_waiting_turns_is_called_an_estimate(count: int, told: str) -> None:
    assert sentences.ahead(count).endswith(f"-# {told} answered before this.")


def test_a_footer_leaves_out_what_is_not_known() -> None:
    fields: tuple[FooterField, ...] = ("model", "tokens", "time")
    assert sentences.footer(fields, seconds=1.52, tokens=None, model=None) == "-# 1.5 s"
    assert sentences.footer(("tokens",), seconds=1.52, tokens=None, model="m") == ""
    longest = sentences.footer(("model",), seconds=0, tokens=0, model="a_b\n" + "x" * 3_000)
    assert longest.startswith("-# a\\_b x")
    assert len(longest) < 200
