"""What is installed is what pyproject.toml declares, and releases are described as they should."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot import __version__

PROJECT = Path(__file__).parents[1]
LOCK = (PROJECT / "docs" / "deploy" / "requirements.txt").read_text("utf-8")
PINS = {
    canonicalize_name(name): (version, re.findall(r"--hash=(\S+)", hashes))
    for name, version, hashes in re.findall(
        r"^([\w.-]+)==(\S+) \\\n((?: +--hash=.*\n)+)", LOCK, flags=re.MULTILINE
    )
}
IMAGE = {str(name): str(value) for name, value in default_environment().items()} | {
    "python_version": "3.13",
    "python_full_version": "3.13.5",
}
"""The environment of Debian 13, which the image is built on."""


def declared() -> list[Requirement]:
    """The dependencies and the extra that the image is built with."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return [
        Requirement(line)
        for line in (*project["dependencies"], *project["optional-dependencies"]["local"])
    ]


def applies(requirement: Requirement, extras: set[str]) -> bool:
    """Whether the image needs a requirement of a package that was asked for with these extras."""
    marker = requirement.marker
    return marker is None or any(
        marker.evaluate({**IMAGE, "extra": extra}) for extra in extras or {""}
    )


def test_every_line_of_the_lock_file_is_a_pin_a_hash_or_a_comment() -> None:
    others = [
        line
        for line in LOCK.splitlines()
        if not re.match(r"[\w.-]+==\S+ \\\Z|    --hash=sha256:[0-9a-f]{64}(?: \\)?\Z| *#", line)
    ]
    assert others == []
    assert len(PINS) == len(re.findall(r"^\S+==", LOCK, flags=re.MULTILINE))


def test_the_lock_file_names_no_index_and_no_address() -> None:
    assert not re.search(r"https?:|file:|--(?:extra-)?index-url|--find-links|@ ", LOCK)


def test_the_lock_file_meets_every_requirement_of_every_locked_package_and_has_no_other() -> None:
    seen = set()
    waiting = declared()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert name in PINS, f"{requirement} is not in docs/deploy/requirements.txt"
        version, hashes = PINS[name]
        assert requirement.specifier.contains(version), f"{requirement}, but {version} is locked"
        assert hashes
        key = (name, frozenset(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            assert name == "audioop-lts", f"{name} is not installed here"  # of Python 3.13 alone
            continue
        waiting += [each for each in map(Requirement, lines) if applies(each, requirement.extras)]
    assert {name for name, _ in seen} == PINS.keys()


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    lines = (PROJECT / "CHANGELOG.md").read_text("utf-8").splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    assert versions[0] == "## [Unreleased]"
    released = [
        re.fullmatch(r"## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", line) for line in versions[1:]
    ]
    assert all(released)
    numbers = [Version(found[1]) for found in released if found]
    assert numbers == sorted(numbers, reverse=True)
    assert all(number <= Version(__version__) for number in numbers)
    kinds = {line.removeprefix("### ") for line in lines if line.startswith("### ")}
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_version_stands_in_one_place() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "bot/__init__.py"
    assert (PROJECT / "bot" / "py.typed").exists()
