"""Strangers' files in real child processes: bounded in time and memory, never in the loop's way."""

import asyncio
import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

from bot.hosted.extract import ExtractionError, ExtractionLimits, extract_text
from tests.hosted.extract.files import docx, packed, paragraph, pdf, slide
from tests.support.eventually import PATIENCE, eventually

LONG = ExtractionLimits(seconds=600, memory_bytes=2**30)


def slow_page() -> bytes:
    """A page that takes a quarter of a minute and shows nothing."""
    return b"<b></b>" * 12_000_000


def children() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it ended since it was listed
            if any("bot.hosted.extract" in argument for argument in process.cmdline()):
                found.append(process)
    return found


async def working_child() -> psutil.Process:
    """The child once it has been at work for a while."""

    def working() -> list[psutil.Process]:
        found = []
        for process in children():
            with suppress(psutil.NoSuchProcess):
                if process.cpu_times().user > 0.3:
                    found.append(process)
        return found

    return (await eventually(working))[0]


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.txt", "größer 日本".encode(), "größer 日本"),
        ("a.json", b'"\\u65e5"', '"日"'),
        ("a.html", "<p>日本&amp;".encode(), "日本&"),
        ("a.pdf", pdf("日本"), "日本"),
        ("a.docx", docx(paragraph("日本")), "日本"),
        ("a.pptx", packed({"ppt/slides/slide1.xml": slide("日本")}), "日本"),
    ],
)
async def test_text_comes_back_whole(name: str, data: bytes, text: str) -> None:
    assert (await extract_text(name, data)).strip() == text


async def test_a_large_file_goes_there_and_back() -> None:
    text = await extract_text("a.html", b"<p>" + "日本 ".encode() * 1_000_000)
    assert len(text) > 2_999_000


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"%PDF-1.7\nbroken", "invalid_file"),
        ("a.docx", docx(paragraph("x"))[:-30], "invalid_file"),
        ("a.zip", packed({"a.txt": "x"}), "unsupported_file"),
        ("a.png", b"\x89PNG\x00", "unsupported_file"),
        ("a.txt", b"", "invalid_file"),
    ],
)
async def test_an_error_comes_back_as_it_was_raised(name: str, data: bytes, code: str) -> None:
    with pytest.raises(ExtractionError) as refused:
        await extract_text(name, data)
    assert refused.value.code == code
    assert children() == []


async def test_a_file_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(ExtractionError, match=r"longer than 0\.5 seconds"):
        await extract_text("a.html", slow_page(), limits=ExtractionLimits(seconds=0.5))
    assert children() == []


async def test_a_file_that_takes_too_much_memory_is_given_up() -> None:
    limits = ExtractionLimits(memory_bytes=120 * 2**20)
    with pytest.raises(ExtractionError) as refused:
        await extract_text("a.html", b"<p>x " * 10_000_000, limits=limits)
    assert refused.value.code == "invalid_file"


@pytest.mark.parametrize("page", [b"<" * 3_000_000, b"<!--" * 500_000, b"</script" * 300_000])
async def test_pages_made_to_keep_a_parser_busy_do_not_hold_anything_up(page: bytes) -> None:
    # how long Python's parser takes for them differs by its version, from no time to hours
    async with asyncio.timeout(PATIENCE):
        with suppress(ExtractionError):
            await extract_text("a.html", page, limits=ExtractionLimits(seconds=0.5))
    assert children() == []


async def test_the_loop_goes_on_meanwhile_and_the_child_has_no_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a secret")
    reading = asyncio.create_task(extract_text("a.html", slow_page(), limits=LONG))
    child = await working_child()
    assert not reading.done()
    assert "OPENAI_API_KEY" not in child.environ()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert children() == []


async def test_a_child_that_dies_is_a_broken_file() -> None:
    reading = asyncio.create_task(extract_text("a.html", slow_page(), limits=LONG))
    (await working_child()).kill()
    with pytest.raises(ExtractionError, match="reading it failed") as refused:
        await reading
    assert refused.value.code == "invalid_file"


async def test_several_files_are_read_at_once() -> None:
    texts = await asyncio.gather(*(extract_text("a.pdf", pdf(f"file {n}")) for n in range(6)))
    assert [text.strip() for text in texts] == [f"file {n}" for n in range(6)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b'"' + rb"\u0041" * 100_000 + b'"'),
        ("a.txt", "größer ".encode("cp1252") * 50_000),
        ("a.csv", b"a,\x02b\r\n" * 100_000),
    ],
)
async def test_text_and_json_are_read_in_a_child_too(name: str, data: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    await extract_text(name, data)
    # The time of children counts once they have ended.
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime > before


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", "🙂".encode() * 20_000_000),
        ("a.json", rb"\ud83d\ude42" * 7_000_000),
        ("a.html", "<p>🙂".encode() * 12_000_000),
        ("a.txt", "日本".encode("utf-16") * 20_000_000),
    ],
)
async def test_characters_are_counted_while_the_file_is_read(name: str, data: bytes) -> None:
    # decoded whole, each of these takes more memory than the child may have
    limits = ExtractionLimits(characters=1000, memory_bytes=250 * 2**20)
    with pytest.raises(ExtractionError, match="more than 1,000 characters"):
        await extract_text(name, data, limits=limits)


@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are told by Linux")
async def test_a_child_is_confined_before_it_reads_a_file() -> None:
    reading = asyncio.create_task(extract_text("a.html", slow_page(), limits=LONG))
    child = await working_child()
    told = await asyncio.to_thread(Path(f"/proc/{child.pid}/status").read_text)
    bounds = {
        what: child.rlimit(what)
        for what in (psutil.RLIMIT_AS, psutil.RLIMIT_CPU, psutil.RLIMIT_FSIZE, psutil.RLIMIT_CORE)
    }
    files = child.rlimit(psutil.RLIMIT_NOFILE)
    processes = child.rlimit(psutil.RLIMIT_NPROC)
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading
    assert "NoNewPrivs:\t1" in told
    assert bounds == {
        psutil.RLIMIT_AS: (2**30, 2**30),
        psutil.RLIMIT_CPU: (601, 601),
        psutil.RLIMIT_FSIZE: (0, 0),
        psutil.RLIMIT_CORE: (0, 0),
    }
    assert files == (32, 32)
    assert processes == (0, 0)


async def test_a_file_on_disk_is_read_by_the_child_alone(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    path.write_bytes("größer 日本".encode())
    assert await extract_text("a.txt", path) == "größer 日本"
    with path.open("wb") as file:
        file.truncate(2**20 + 1)
    with pytest.raises(ExtractionError, match="larger than 1 MiB"):
        await extract_text("a.txt", path, limits=ExtractionLimits(file_bytes=2**20))
    with pytest.raises(FileNotFoundError):
        await extract_text("a.txt", tmp_path / "gone")
