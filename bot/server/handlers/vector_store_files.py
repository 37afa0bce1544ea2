"""HTTP handlers for files and file batches of vector stores."""

from typing import Final

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.vector_stores import (
    CreateFileBatch,
    CreateVectorStoreFile,
    ModifyVectorStoreFile,
    StoreFilePage,
)
from bot.server.parsing import parameters, part_of, read, refuse_query
from bot.server.responses import answer

POLL_AFTER: Final = {"openai-poll-after-ms": "500"}
"""Tells pollers when to ask again for files in progress."""


async def create(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/files."""
    asked = await read(request, CreateVectorStoreFile)
    return answer(await api.create_store_file(request.match_info["store_id"], asked))


async def list_(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}/files."""
    part, _ = part_of(request, StoreFilePage)
    return answer(await api.list_store_files(request.match_info["store_id"], part))


async def retrieve(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}/files/{file_id}."""
    refuse_query(request)
    file = await api.retrieve_store_file(*_file(request))
    return answer(file, POLL_AFTER if file.status == "in_progress" else None)


async def modify(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/files/{file_id}."""
    changes = await read(request, ModifyVectorStoreFile)
    return answer(await api.modify_store_file(*_file(request), changes))


async def delete(api: AssistantsAPI, request: web.Request) -> web.Response:
    """DELETE /v1/vector_stores/{store_id}/files/{file_id}."""
    refuse_query(request)
    return answer(await api.delete_store_file(*_file(request)))


async def content(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}/files/{file_id}/content."""
    more = parameters(request, ("page",))
    return answer(await api.store_file_content(*_file(request), **more))


async def create_batch(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/file_batches."""
    asked = await read(request, CreateFileBatch)
    return answer(await api.create_file_batch(request.match_info["store_id"], asked))


async def retrieve_batch(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}/file_batches/{batch_id}."""
    refuse_query(request)
    batch = await api.retrieve_file_batch(*_batch(request))
    return answer(batch, POLL_AFTER if batch.status == "in_progress" else None)


async def cancel_batch(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/vector_stores/{store_id}/file_batches/{batch_id}/cancel."""
    refuse_query(request)
    return answer(await api.cancel_file_batch(*_batch(request)))


async def list_batch(api: AssistantsAPI, request: web.Request) -> web.Response:
    """GET /v1/vector_stores/{store_id}/file_batches/{batch_id}/files."""
    part, _ = part_of(request, StoreFilePage)
    store_id, batch_id = _batch(request)
    return answer(await api.list_store_files(store_id, part, batch_id=batch_id))


def _file(request: web.Request) -> tuple[str, str]:
    return request.match_info["store_id"], request.match_info["file_id"]


def _batch(request: web.Request) -> tuple[str, str]:
    return request.match_info["store_id"], request.match_info["batch_id"]
