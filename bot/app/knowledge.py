"""Keeps the vector stores of configured assistants in step with their files on this machine.

The ledger holds the digest and id of each uploaded file, and is written after each upload. After a
kill, the next start goes on there and uploads at most one file a second time.
"""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.files import MOST_BYTES, UploadFile
from bot.assistants.schema.vector_stores import CreateVectorStore, CreateVectorStoreFile
from bot.config import AssistantSettings, ConfigError
from bot.store.ledger import Ledger

_MOST_FILES: Final = 1_000
_CHUNK_BYTES: Final = 256 * 1024

_log: Final = logging.getLogger(__name__)


class _KnownFile(Struct, frozen=True):
    """A file in the vector store: the SHA-256 of its content, and its id."""

    digest: str
    file_id: str


class _State(Struct):
    """An assistant's vector store, and the files in it by their paths on this machine."""

    store_id: str
    files: dict[str, _KnownFile] = {}


async def synchronized_store(
    api: AssistantsAPI, ledger: Ledger, url: str, section: AssistantSettings
) -> str | None:
    """Bring the vector store of an assistant up to date and return its id; None without files.

    Raises ``ConfigError`` for paths that can't be read, and ``APIError``.
    """
    key = f"knowledge:{url}:{section.name}"
    stored = await ledger.fact(key)
    state = _State("") if not stored else msgspec.json.decode(stored, type=_State)
    wanted = await asyncio.to_thread(_digests, section)
    if not wanted and not state.store_id:
        return None
    if not await _has_store(api, state.store_id):
        request = CreateVectorStore(name=section.name, metadata={"knowledge_of": section.name})
        state = _State((await api.create_vector_store(request)).id)
        await _save(ledger, key, state)
    for path in [path for path, known in state.files.items() if wanted.get(path) != known.digest]:
        await _delete_file(api, state.files[path].file_id)
        del state.files[path]
        await _save(ledger, key, state)
    for path, digest in wanted.items():
        if path not in state.files:
            file_id = await _upload(api, Path(path))
            await api.create_store_file(state.store_id, CreateVectorStoreFile(file_id=file_id))
            state.files[path] = _KnownFile(digest, file_id)
            await _save(ledger, key, state)
            _log.info("The knowledge of assistant %s has %s now", section.name, path)
    return state.store_id if wanted else None


async def _save(ledger: Ledger, key: str, state: _State) -> None:
    await ledger.set_fact(key, msgspec.json.encode(state).decode())


def _digests(section: AssistantSettings) -> dict[str, str]:
    """Return the SHA-256 of each file of a section by its path.

    A folder stands for all files below it; hidden files are left out. Raises ``ConfigError``.
    """
    found: dict[str, str] = {}
    for entry in section.knowledge:
        path = Path(entry)
        where = f'[[assistants.define]] "{section.name}": knowledge'
        if not path.exists():
            raise ConfigError(f"{where} names {path}, which does not exist.")
        below = path.rglob("*") if path.is_dir() else [path]
        for each in sorted(below):
            hidden = any(part.startswith(".") for part in each.relative_to(path).parts)
            if not each.is_file() or hidden:
                continue
            if each.stat().st_size > MOST_BYTES:
                raise ConfigError(f"{where}: {each} is larger than 512 MiB.")
            try:
                with each.open("rb") as file:
                    found[str(each)] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                raise ConfigError(f"{where}: {each} can't be read: {error.strerror}.") from None
    if len(found) > _MOST_FILES:
        raise ConfigError(f"{where} has {len(found)} files; the most are {_MOST_FILES}.")
    return found


async def _has_store(api: AssistantsAPI, store_id: str) -> bool:
    if not store_id:
        return False
    try:
        await api.retrieve_vector_store(store_id)
    except APIError as error:
        if error.status != 404:
            raise
        return False
    return True


async def _delete_file(api: AssistantsAPI, file_id: str) -> None:
    try:
        await api.delete_file(file_id)
    except APIError as error:
        if error.status != 404:
            raise


async def _upload(api: AssistantsAPI, path: Path) -> str:
    request = UploadFile(filename=path.name, purpose="assistants")
    return (await api.upload_file(request, _chunks(path))).id


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
    finally:
        file.close()
