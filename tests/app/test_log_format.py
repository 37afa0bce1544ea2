"""A log record is one line that no untrusted text can forge or colour."""

import io
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app.log_format import JsonFormatter, LogFormatter
from bot.runtime.log_context import logged_as


def logged(message: str, *args: object, error: BaseException | None = None) -> str:
    record = logging.LogRecord("bot.x", logging.ERROR, "", 0, message, args, None)
    if error is not None:
        record.exc_info = (type(error), error, error.__traceback__)
    return LogFormatter().format(record)


def test_a_record_is_told_with_its_time_level_and_logger() -> None:
    line = logged("%s failed", "run_1")
    assert line.endswith(" ERROR   bot.x: run_1 failed")
    assert line[:4].isdigit()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\rb\x00\x7f", "a\\x0db\\x00\\x7f"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\u202eback\u2066\u2028", "\\u202eback\\u2066\\u2028"),
        ("\ud800", "\\ud800"),
        ("tab\tö 日本 👍", "tab\tö 日本 👍"),
        ("C:\\x1b", "C:\\x1b"),
    ],
)
def test_characters_that_steer_a_terminal_are_spelled(text: str, shown: str) -> None:
    assert logged("said %s", text).endswith(f"said {shown}")


def test_a_further_line_never_looks_like_a_record() -> None:
    forged = "2026-01-01 00:00:00,000 ERROR   bot.x: forged"
    assert logged("said %s", f"a\n{forged}").splitlines()[1] == f"    {forged}"
    error = ValueError(f"broken\n{forged}\x1b[2J")
    lines = logged("it failed", error=error).splitlines()
    assert lines[1] == "    ValueError: broken"
    assert lines[2] == f"    {forged}\\x1b[2J"


@given(st.text())
def test_whatever_is_logged_is_one_record_of_safe_characters(text: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LogFormatter())
    record = logging.LogRecord("bot.x", logging.INFO, "", 0, "said %s", (text,), None)
    handler.handle(record)
    stream.seek(0)
    first, *more = stream.read().removesuffix("\n").split("\n")
    assert "INFO" in first
    assert all(line.startswith("    ") for line in more)
    assert not any(ord(c) < 32 and c != "\t" for line in (first, *more) for c in line)


def test_the_id_of_the_work_stands_behind_the_message() -> None:
    with logged_as("1575"):
        assert logged("%s failed", "run_1").endswith(" ERROR   bot.x: run_1 failed [1575]")
        error = ValueError("broken")
        assert logged("it failed", error=error).splitlines()[0].endswith("it failed [1575]")
    assert logged("over").endswith(" over")


@given(st.text(), st.sampled_from(["", "1575"]))
def test_a_record_as_json_is_one_line_that_says_the_same(text: str, log_id: str) -> None:
    error = ValueError(text)
    fault = (ValueError, error, error.__traceback__)
    record = logging.LogRecord("bot.x", logging.ERROR, "", 0, "said %s", (text,), fault)
    with logged_as(log_id):
        line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    told = json.loads(line)
    assert told["message"] == f"said {text}"
    assert (told["level"], told["logger"]) == ("ERROR", "bot.x")
    assert told.get("id", "") == log_id
    assert told["time"].endswith("Z")
    assert told["exception"].startswith("ValueError")
