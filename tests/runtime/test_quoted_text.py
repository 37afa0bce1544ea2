"""The log shows what a server's error is about, and no word that a member may have written."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runtime.quoted_text import without_quotes

LONG_ID = "thread_abcdefghijklmnopqrstuvwx"


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        (
            "Unsupported parameter: 'temperature' is not supported with this model.",
            "Unsupported parameter: 'temperature' is not supported with this model.",
        ),
        ("Invalid value in messages[3].content.", "Invalid value in messages[3].content."),
        (f"No thread found with id '{LONG_ID}'.", f"No thread found with id '{LONG_ID}'."),
        ("Invalid prompt: 'is this your model' failed", "Invalid prompt: … failed"),
        ("the engine died at xylophone, 4711", "the engine … at …"),
        ("model日本語 is invalid", "… is invalid"),
        ("bad file_secretsecret", "bad …"),
        ("", ""),
    ],
)
def test_what_an_error_is_about_stays_and_quoted_words_do_not(said: str, logged: str) -> None:
    assert without_quotes(said) == logged


@settings(max_examples=30, deadline=None)
@given(
    before=st.text(max_size=20),
    word=st.text(string.ascii_letters + "äß日本", min_size=1, max_size=12).map(lambda w: f"zq{w}"),
    after=st.text(max_size=20),
)
def test_no_word_from_outside_the_language_of_errors_is_logged(
    before: str, word: str, after: str
) -> None:
    said = f"Invalid prompt {before} '{word}' {after}, (\"{word}\")"
    assert word.lower() not in without_quotes(said).lower()
