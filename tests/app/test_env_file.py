"""The file of secrets: how it is read, and which lines a write keeps."""

import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.app import StartError
from bot.app.setup.env_file import (
    is_storable,
    read_env_file,
    with_env_file,
    write_env_file,
)

NAMES = st.from_regex(r"[A-Z][A-Z_]{0,5}", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(is_storable)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES, min_size=1))
def test_what_is_written_is_read_and_the_rest_is_kept(
    tmp_path: Path, before: dict[str, str], written: dict[str, str]
) -> None:
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\n" + "".join(f"{name}={value}\n" for name, value in before.items())
    )
    path.chmod(0o644)
    write_env_file(path, written)
    assert read_env_file(path) == {**before, **written}
    assert path.read_text().startswith("# a comment\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


@pytest.mark.parametrize("value", ["a b", "a'b", 'a"b', "a#b", "a$b", "a\nb", "ä", "", "a\\b", "`"])
def test_a_value_that_readers_take_differently_is_not_storable(value: str) -> None:
    assert not is_storable(value)


def test_the_environment_wins_and_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert with_env_file(tmp_path, {"A": "1"}) == {"A": "1"}
    (tmp_path / ".env").write_text("export A='2'\nB=3\n\nC\n")
    assert with_env_file(tmp_path, {"A": "1"}) == {"A": "1", "B": "3"}


def test_a_file_that_others_can_read_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / ".env"
    path.write_text("A=secret\n")
    for mode, warnings in ((0o600, 0), (0o640, 1)):
        path.chmod(mode)
        caplog.clear()
        with_env_file(tmp_path, {})
        assert len(caplog.records) == warnings
    assert "secret\n" not in caplog.text


def test_a_link_is_followed_and_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    real = tmp_path / "real"
    (tmp_path / ".env").symlink_to(real)
    write_env_file(tmp_path / ".env", {"A": "1"})
    assert real.read_text() == "A=1\n"
    with pytest.raises(StartError, match="can't be written"):
        write_env_file(tmp_path / "none" / ".env", {"A": "1"})
