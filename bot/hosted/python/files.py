"""The in-memory directory of sandboxed code: given and written files, within a quota.

Import this module only when code runs: the sandbox's library is heavy.
"""

import errno
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from pydantic_monty import AbstractOS, MontyFileHandle, StatResult

from bot.hosted.python import DIRECTORY

_ROOT: Final = PurePosixPath(DIRECTORY)
_PARENTS: Final = frozenset({_ROOT, *_ROOT.parents})
_MAX_NAME: Final = 255


def file_name(name: str) -> str:
    """Return the path segment for a file called ``name``."""
    plain = "".join("_" if c in "/\\" or not c.isprintable() else c for c in name).strip()
    return plain[:_MAX_NAME] if plain.strip(".") else "file"


class SandboxFiles(AbstractOS):
    """One flat directory, which the sandbox sees as its file system; nothing else is there.

    The sandbox calls the methods ``path_…``, and code in the sandbox sees their ``OSError``.
    Writing to a ``given`` file changes it in here only; ``written`` is what earlier runs left, and
    is copied, so a run that is thrown away leaves no trace. ``quota`` in bytes and ``max_files``
    bound what is written; both fail as a full disk does. A file of more than ``readable`` bytes,
    which the sandbox has no room for, cannot be read.
    """

    def __init__(
        self,
        given: Mapping[str, bytes | Path],
        written: Mapping[str, bytes],
        *,
        quota: int,
        max_files: int,
        readable: int,
    ) -> None:
        self._given = {file_name(name): source for name, source in given.items()}
        # Copied when first appended to: most runs change few of the files there are.
        self._written: dict[str, bytes | bytearray] = dict(written)
        self._quota = quota
        self._max_files = max_files
        self._readable = readable
        self._used = sum(map(len, written.values()))

    @property
    def written(self) -> dict[str, bytes]:
        """All files that code wrote, in this run or earlier."""
        return {name: bytes(data) for name, data in self._written.items()}

    def write(self, name: str, data: bytes) -> None:
        """Write a file as the sandbox does; raises ``OSError`` where the sandbox may not."""
        self.path_write_bytes(PurePosixPath(name), data)

    def path_open(self, path: PurePosixPath, mode: str) -> MontyFileHandle:
        handle = MontyFileHandle(str(path), mode)
        if handle.mode.startswith("w"):
            self.path_write_bytes(path, b"")
        elif handle.mode.startswith("a"):
            self.path_append_bytes(path, b"")
        else:
            self._existing(path)
        return handle

    def path_exists(self, path: PurePosixPath) -> bool:
        return self.path_is_dir(path) or self.path_is_file(path)

    def path_is_dir(self, path: PurePosixPath) -> bool:
        return _plain(path) in _PARENTS

    def path_is_file(self, path: PurePosixPath) -> bool:
        plain = _plain(path)
        return plain.parent == _ROOT and (plain.name in self._written or plain.name in self._given)

    def path_is_symlink(self, path: PurePosixPath) -> bool:
        return False

    def _existing(self, path: Any) -> str:
        if self.path_is_dir(path):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(_plain(path)))
        if not self.path_is_file(path):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(_plain(path)))
        return _plain(path).name

    def path_read_bytes(self, path: Any) -> bytes:
        name = self._existing(path)
        if name in self._written:
            return bytes(self._written[name])
        source = self._given[name]
        if _size(source) > self._readable:
            raise OSError(errno.EFBIG, "File too large for the sandbox", str(_plain(path)))
        return source if isinstance(source, bytes) else source.read_bytes()

    def path_read_text(self, path: Any) -> str:
        return self.path_read_bytes(path).decode().replace("\r\n", "\n")

    def _target(self, path: Any) -> str:
        plain = _plain(path)
        if self.path_is_dir(plain):
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(plain))
        if plain.parent != _ROOT or file_name(plain.name) != plain.name:
            raise PermissionError(
                errno.EACCES, f"Files can only be written directly in {DIRECTORY}", str(plain)
            )
        if plain.name not in self._written and len(self._written) >= self._max_files:
            raise OSError(errno.ENOSPC, f"No more than {self._max_files} files", str(plain))
        return plain.name

    def _reserve(self, path: Any, more: int) -> None:
        if self._used + more > self._quota:
            raise OSError(errno.ENOSPC, "No space left on device", str(_plain(path)))
        self._used += more

    def path_write_bytes(self, path: Any, data: str | bytes) -> int:
        name = self._target(path)
        encoded = _encoded(data)
        self._reserve(path, len(encoded) - len(self._written.get(name, b"")))
        self._written[name] = encoded
        return len(data)

    path_write_text = path_write_bytes

    def path_append_bytes(self, path: Any, data: str | bytes) -> int:
        name = self._target(path)
        if name not in self._written:
            given = self.path_read_bytes(path) if self.path_is_file(path) else b""
            self.path_write_bytes(path, given)
        encoded = _encoded(data)
        self._reserve(path, len(encoded))
        kept = self._written[name]
        if isinstance(kept, bytes):
            kept = self._written[name] = bytearray(kept)
        kept += encoded
        return len(data)

    path_append_text = path_append_bytes

    def path_mkdir(self, path: PurePosixPath, parents: bool, exist_ok: bool) -> None:
        if self.path_is_dir(path) and exist_ok:
            return
        if self.path_is_dir(path) or self.path_is_file(path):
            raise FileExistsError(errno.EEXIST, "File exists", str(path))
        raise PermissionError(errno.EACCES, f"{DIRECTORY} has no subdirectories", str(path))

    def path_unlink(self, path: PurePosixPath) -> None:
        name = self._existing(path)
        if name not in self._written:
            raise PermissionError(errno.EACCES, "An attached file cannot be removed", str(path))
        self._used -= len(self._written.pop(name))

    def path_rmdir(self, path: PurePosixPath) -> None:
        raise PermissionError(errno.EACCES, "A directory cannot be removed", str(path))

    def path_iterdir(self, path: PurePosixPath) -> list[PurePosixPath]:
        plain = _plain(path)
        if plain == _ROOT:
            return [_ROOT / name for name in sorted(self._given.keys() | self._written.keys())]
        if plain in _PARENTS:
            return [p for p in _PARENTS if p.parent == plain and p != plain]
        if self.path_is_file(path):
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", str(plain))
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(plain))

    def path_stat(self, path: PurePosixPath) -> StatResult:
        if self.path_is_dir(path):
            return StatResult.dir_stat(mtime=0.0)
        name = self._existing(path)
        source = self._written[name] if name in self._written else self._given[name]
        return StatResult.file_stat(size=_size(source), mtime=0.0)

    def path_rename(self, path: PurePosixPath, target: PurePosixPath) -> None:
        data = self.path_read_bytes(path)
        if _plain(path) == _plain(target):
            return
        self.path_unlink(path)
        try:
            self.path_write_bytes(target, data)
        except OSError:
            self.path_write_bytes(path, data)  # a file that can't be renamed keeps its name
            raise

    # The code gets the object as it is: a path, not the text that ``AbstractOS`` announces.
    def path_resolve(self, path: PurePosixPath) -> Any:
        return path

    path_absolute = path_resolve

    def getenv(self, key: str, default: str | None = None) -> str | None:
        return default

    def get_environ(self) -> dict[str, str]:
        return {}


def _plain(path: Any) -> PurePosixPath:
    """Return the absolute path of a Path or an open file, with ``..`` resolved."""
    raw = path.path if hasattr(path, "mode") else str(path)
    parts: list[str] = []
    for part in (_ROOT / raw).parts[1:]:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return PurePosixPath("/", *parts)


def _size(source: bytes | bytearray | Path) -> int:
    return source.stat().st_size if isinstance(source, Path) else len(source)


def _encoded(data: str | bytes) -> bytes:
    return data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
