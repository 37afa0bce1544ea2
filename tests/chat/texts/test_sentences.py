from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.reply.content.composition import split_with_notes
from bot.chat.reply.content.split import LIMIT
from bot.chat.texts import overviews, sentences
from bot.chat.texts.limits import LimitReached, limit_of
from bot.config import FooterField
from bot.store.ledger import Asker, Turn


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
    parts = split_with_notes(text, notes)
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


TURN = Turn(
    id=7,
    channel_id=1,
    guild_id=2,
    parent_id=1,
    state="running",
    attempt=2,
    interruptions=0,
    reply_to=3,
    fallback=False,
    thread_id="thread_1",
    run_id="run_1",
    canceller=Asker(9, "Eve_"),
    outcome=None,
    error=None,
    tokens=None,
    created_at=0,
    started_at=0,
    ended_at=None,
    askers=tuple(Asker(number, f"member{number}") for number in range(5)),
    parts=(4,),
)


def test_the_details_of_a_run_have_its_attempt_its_canceller_and_three_of_its_askers() -> None:
    text = sentences.run_details(TURN, 5.0, ["Why?", " "], "")
    assert text.startswith("**#7** cancelling · <t:0:R> · 5.0 s · – tokens · member0, member1, ")
    assert "member2, 2 more · [reply](https://discord.com/channels/2/1/4)" in text
    assert text.endswith(
        "\nAttempt 2\nCancelled by Eve\\_\n> Why?\n> (attachments only)\n-# run_1 on thread_1"
    )


def test_many_names_of_documents_are_cut() -> None:
    line = sentences.documents_cut("long_name.pdf, " * 20)
    assert line.endswith("….")
    assert len(line) < 250


def test_a_limit_that_a_later_version_stored_is_not_read() -> None:
    reached = LimitReached(scope="member", period="day", until=5)
    assert limit_of(reached.error()) == reached
    assert limit_of('limit {"scope": "planet"}') is None
    assert limit_of("internal") is limit_of(None) is None


def test_a_made_assistant_says_which_files_are_missing_and_that_its_model_is_not_listed() -> None:
    text = overviews.assistant_ready("Ada", new=True, left_out=["a*.md", "b.md"], unknown_model="m")
    assert text.splitlines()[1:] == [
        "I couldn't read these files, so they are not part of its knowledge: a\\*.md, b.md.",
        "The model server doesn't list the model m. If answers fail, choose another model.",
    ]


def test_a_list_of_assistants_says_where_each_was_chosen() -> None:
    places = ["this server", "<#5>"]
    line = overviews.assistant_line("Ada", own=False, default=True, places=places)
    assert line == (
        "**Ada** · from the configuration · answers where nothing else was chosen"
        " · chosen for this server, <#5>"
    )


def test_a_refused_question_without_words_is_only_the_refusal() -> None:
    assert overviews.refused_question("No.", "") == "No."
    assert overviews.refused_question("No.", "Why?\nHow?") == "No.\n>>> Why?\nHow?"
