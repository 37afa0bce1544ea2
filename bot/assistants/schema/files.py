"""Files: the API's object and the requests of its operations."""

from collections.abc import AsyncIterator
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bot.assistants.schema.base import Request

MOST_BYTES: Final = 512 * 1024 * 1024
"""The largest file, in bytes (the API's limit)."""

UploadPurpose = Literal["assistants", "batch", "fine-tune", "vision", "user_data", "evals"]


class File(Struct, frozen=True, kw_only=True):
    """An uploaded or generated file; times are seconds since 1970."""

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: Literal["uploaded", "processed", "error"] = "processed"
    status_details: str | UnsetType | None = UNSET
    expires_at: int | UnsetType | None = UNSET


class FileExpiration(Struct, frozen=True, kw_only=True):
    """When a file is deleted: ``seconds`` after its creation."""

    anchor: Literal["created_at"]
    seconds: Annotated[int, Meta(ge=3600, le=2_592_000)]


class UploadFile(Request, frozen=True, kw_only=True):
    """A new file; its bytes are sent beside this request."""

    filename: Annotated[str, Meta(min_length=1, max_length=512)]
    purpose: UploadPurpose
    expires_after: FileExpiration | None = None


class FilePage(Request, frozen=True, kw_only=True):
    """The part of the list of files that is requested: ``limit`` is 1 to 10,000."""

    limit: Annotated[int, Meta(ge=1, le=10_000)] = 10_000
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    purpose: str | None = None


Chunks = AsyncIterator[bytes]
"""A file's bytes in pieces."""
