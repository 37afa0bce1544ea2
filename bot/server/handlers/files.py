"""HTTP handlers of operations that stream a file's content, in either direction."""

from typing import Final
from urllib.parse import quote

from aiohttp import web

from bot.assistants.api import AssistantsAPI
from bot.server.context import CONTEXT
from bot.server.middleware import unexpected
from bot.server.parsing import refuse_query
from bot.server.responses import answer, cut, send
from bot.server.uploads import received

_QUOTABLE: Final = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\')


async def upload_file(api: AssistantsAPI, request: web.Request) -> web.Response:
    """POST /v1/files."""
    async with received(request) as (asked, content):
        return answer(await api.upload_file(asked, content))


async def file_content(api: AssistantsAPI, request: web.Request) -> web.StreamResponse:
    """GET /v1/files/{file_id}/content."""
    refuse_query(request)
    file = await api.retrieve_file(request.match_info["file_id"])
    silence = request.app[CONTEXT].limits.silence_seconds
    async with await api.file_content(file.id) as pieces:
        response = web.StreamResponse(
            headers={
                # Browsers must save the bytes and never show them as a page.
                "Content-Type": "application/octet-stream",
                "Content-Disposition": _attachment(file.filename),
                "Content-Length": str(file.bytes),
                "X-Content-Type-Options": "nosniff",
            }
        )
        await response.prepare(request)
        try:
            await send(response, pieces, silence)
        except (ConnectionError, TimeoutError):
            cut(request)  # the reader has disconnected or does not read
        except Exception:  # noqa: BLE001 - `unexpected` logs the exception; the reader sees the abort
            unexpected(request)
            cut(request)
    return response


def _attachment(filename: str) -> str:
    """Return the ``Content-Disposition`` header for any file name (RFC 6266)."""
    plain = "".join(chr(c) if c in _QUOTABLE else "_" for c in map(ord, filename))
    header = f'attachment; filename="{plain}"'
    if plain != filename:
        header += f"; filename*=UTF-8''{quote(filename, safe='')}"
    return header
