"""Packages of npm that tests need: installed once, outside of the checkout."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

WITHOUT_NODE = "node and npm are not installed (Debian: apt-get install nodejs npm, 18 or newer)"


def skip_without_npm() -> None:
    """Skip the test aloud where npm is missing; on CI its absence is a failure."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        assert "CI" not in os.environ, WITHOUT_NODE
        pytest.skip(WITHOUT_NODE)


def npm_packages(package: Path, name: str) -> Path:
    """Return a directory with the packages that a ``package.json`` pins.

    The directory is kept from one test run to the next; ``name`` is a part of its name.
    """
    version = hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    base = os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()
    place = Path(base) / f"{name}-{os.getuid()}-{version}"
    if not (place / "node_modules" / ".package-lock.json").exists():
        fresh = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        shutil.copy(package, fresh)
        flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--silent")
        done = subprocess.run(
            ("npm", "install", *flags), cwd=fresh, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"npm: {done.stdout}{done.stderr}"
        try:
            fresh.rename(place)
        except OSError:  # another test run was faster
            shutil.rmtree(fresh)
    return place
