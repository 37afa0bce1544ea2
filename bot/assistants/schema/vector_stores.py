"""Vector stores: the API's objects and the requests of their operations."""

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from bot.assistants.schema.base import Metadata, Modification, Page, Request
from bot.assistants.schema.chunking import Chunking, ChunkingRequest, OtherChunking
from bot.assistants.schema.tools import SearchContent

Attributes = Annotated[
    dict[
        Annotated[str, Meta(max_length=64)],
        Annotated[str, Meta(max_length=512)] | bool | float,
    ],
    Meta(max_length=16),
]
"""Values that search filters compare: at most 16, keys of 64 and texts of 512 characters."""

MOST_QUERIES: Final = 20
"""Queries of one search at most (this project's own limit)."""

_DAY: Final = 86_400

FileStatus = Literal["in_progress", "completed", "cancelled", "failed"]


class FileCounts(Struct, frozen=True, kw_only=True):
    """The numbers of files in each status."""

    in_progress: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    total: int = 0


class StoreExpiration(Struct, frozen=True, kw_only=True):
    """When a vector store expires: ``days`` after its last use."""

    anchor: Literal["last_active_at"]
    days: Annotated[int, Meta(ge=1, le=365)]


class VectorStore(Struct, frozen=True, kw_only=True):
    """A collection of files that can be searched; times are seconds since 1970."""

    id: str
    object: Literal["vector_store"] = "vector_store"
    created_at: int
    name: str = ""
    usage_bytes: int = 0
    file_counts: FileCounts = FileCounts()
    status: Literal["expired", "in_progress", "completed"] = "completed"
    expires_after: StoreExpiration | UnsetType | None = UNSET
    expires_at: int | None = None
    last_active_at: int | None = None
    metadata: dict[str, str] | None = None

    def is_expired(self, now: float) -> bool:
        """Return whether the vector store has expired: it is kept, but no longer searched."""
        return self.expires_at is not None and self.expires_at <= now

    def used(self, now: int) -> "VectorStore":
        """Return the vector store as used at ``now``, which postpones its expiration."""
        after = self.expires_after
        expires_at = now + after.days * _DAY if isinstance(after, StoreExpiration) else None
        return replace(self, last_active_at=now, expires_at=expires_at)


class FileProblem(Struct, frozen=True):
    """Why a file could not be indexed."""

    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class VectorStoreFile(Struct, frozen=True, kw_only=True):
    """A file in a vector store; its id is the file's id."""

    id: str
    object: Literal["vector_store.file"] = "vector_store.file"
    usage_bytes: int = 0
    created_at: int
    vector_store_id: str
    status: FileStatus = "in_progress"
    last_error: FileProblem | None = None
    chunking_strategy: Chunking = OtherChunking()
    attributes: dict[str, str | bool | float] | None = None


class VectorStoreFileBatch(Struct, frozen=True, kw_only=True):
    """Several files that were added to a vector store by one request."""

    id: str
    object: Literal["vector_store.files_batch"] = "vector_store.files_batch"
    created_at: int
    vector_store_id: str
    status: FileStatus = "in_progress"
    file_counts: FileCounts = FileCounts()


class CreateVectorStore(Request, frozen=True, kw_only=True):
    """A new vector store and its first files."""

    name: str | None = None
    description: str | None = None
    file_ids: Annotated[tuple[str, ...], Meta(max_length=500)] = ()
    expires_after: StoreExpiration | None = None
    chunking_strategy: ChunkingRequest | None = None
    metadata: Metadata | None = None


class ModifyVectorStore(Modification, frozen=True, kw_only=True):
    """Changes to a vector store."""

    name: str | UnsetType | None = UNSET
    expires_after: StoreExpiration | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET


class CreateVectorStoreFile(Request, frozen=True, kw_only=True):
    """A file to add to a vector store."""

    file_id: str
    chunking_strategy: ChunkingRequest | None = None
    attributes: Attributes | None = None


class ModifyVectorStoreFile(Modification, frozen=True, kw_only=True):
    """New attributes of a file in a vector store."""

    attributes: Attributes | None


class CreateFileBatch(Request, frozen=True, kw_only=True):
    """Files to add to a vector store: ``file_ids``, or ``files`` with their own settings."""

    file_ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=2000)] | UnsetType = UNSET
    files: (
        Annotated[tuple[CreateVectorStoreFile, ...], Meta(min_length=1, max_length=2000)]
        | UnsetType
    ) = UNSET
    chunking_strategy: ChunkingRequest | None = None
    attributes: Attributes | None = None


class StoreFilePage(Page, frozen=True, kw_only=True):
    """The part of a vector store's files that is requested, all or in one status."""

    filter: FileStatus | None = None


class SearchRanking(Request, frozen=True, kw_only=True):
    """How results are ranked; those below the threshold (0 to 1) are left out."""

    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    score_threshold: Annotated[float, Meta(ge=0, le=1)] = 0.0


class SearchVectorStore(Request, frozen=True, kw_only=True):
    """A search: its queries and filters on the attributes of files.

    ``rewrite_query`` allows a server to rewrite the queries; the engine never does.
    """

    query: str | Annotated[tuple[str, ...], Meta(min_length=1, max_length=MOST_QUERIES)]
    rewrite_query: bool = False
    max_num_results: Annotated[int, Meta(ge=1, le=50)] = 10
    filters: dict[str, Any] | None = None
    ranking_options: SearchRanking | None = None


class SearchHit(Struct, frozen=True, kw_only=True):
    """A passage that matches a search, and its file; the score is 0 to 1."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | bool | float] | None
    content: tuple[SearchContent, ...]


class SearchPage(Struct, frozen=True, kw_only=True):
    """The results of a search, best first."""

    object: Literal["vector_store.search_results.page"] = "vector_store.search_results.page"
    search_query: tuple[str, ...]
    data: tuple[SearchHit, ...]
    has_more: bool = False
    next_page: str | None = None


class FileContentPage(Struct, frozen=True, kw_only=True):
    """A part of a file's searchable text."""

    object: Literal["vector_store.file_content.page"] = "vector_store.file_content.page"
    data: tuple[SearchContent, ...]
    has_more: bool = False
    next_page: str | None = None
