"""Reads an uploaded file from a multipart body, with limits and never whole in memory.

Fields may come in any order, even the purpose after the file, so a temporary file stores the bytes
until the end of the body.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Final

from aiohttp import BodyPartReader, MultipartReader, hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from bot.assistants.errors import APIError, file_too_large, invalid, storage_unavailable
from bot.assistants.schema.files import UploadFile
from bot.assistants.validation import from_raw, refused
from bot.runtime.problems import duplicate, missing, unknown
from bot.server.context import CONTEXT, Limits
from bot.server.parsing import integer, refuse_query, require_known_encoding, too_slow

_MOST_PARTS: Final = 8
_MOST_FIELD: Final = 4096
_AROUND: Final = 256 * 1024
"""Bytes allowed beside the file itself: boundaries, headers and fields."""
_PIECE: Final = 64 * 1024
_IN_MEMORY: Final = 1024 * 1024
_PLAIN_ENCODINGS: Final = frozenset({"", "binary", "8bit", "7bit"})
_PARAMETER: Final = re.compile(
    r""";\s*(?P<key>[A-Za-z*]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^;"\s]*))"""
)
_ESCAPED: Final = re.compile(r"""\\(["\\])""")
_NESTED: Final = {"expires_after[anchor]": "anchor", "expires_after[seconds]": "seconds"}


@asynccontextmanager
async def received(request: web.Request) -> AsyncIterator[tuple[UploadFile, AsyncIterator[bytes]]]:
    """Read an upload; yield its request and its bytes; raises ``APIError`` 400, 408 or 413."""
    refuse_query(request)
    require_known_encoding(request)
    limits = request.app[CONTEXT].limits
    if request.content_type != "multipart/form-data":
        raise invalid(
            "Upload the file as multipart/form-data, with the parts 'file' and 'purpose'.",
            code="invalid_content_type",
        )
    if (request.content_length or 0) > limits.upload + _AROUND:
        raise file_too_large(limits.upload)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=request.app[CONTEXT].spool) as spool:
        try:
            async with asyncio.timeout(limits.upload_seconds):
                fields = await _read(request, spool, limits)
        except TimeoutError:
            raise too_slow() from None
        except (web.RequestPayloadError, HttpProcessingError, ValueError, LookupError) as error:
            raise _unreadable(error) from None
        except (RuntimeError, AssertionError) as error:  # aiohttp raises these for a broken body
            raise _unreadable(error) from None
        spool.seek(0)
        yield from_raw(UploadFile, fields), _pieces(spool)


async def _read(request: web.Request, spool: Any, limits: Limits) -> dict[str, object]:
    """Write the file's bytes to ``spool``; return the other fields and the file name."""
    fields: dict[str, object] = {}
    nested: dict[str, object] = {}
    seen: set[str] = set()
    parts = await request.multipart()
    while (part := await _next_piece(limits, parts.next())) is not None:
        name = _name(part)
        assert isinstance(part, BodyPartReader), "nested multipart was refused"
        if name in seen:
            raise refused(duplicate(name))
        seen.add(name)
        if len(seen) > _MOST_PARTS:
            raise invalid(f"The upload has too many parts: at most {_MOST_PARTS} are taken.")
        if name == "file":
            fields["filename"] = _filename(part)
            await _save_file(part, spool, limits)
            continue
        value = await _field(part, name, limits)
        if name in _NESTED:
            nested[_NESTED[name]] = integer(value) if name.endswith("[seconds]") else value
        else:
            fields[name] = _json_or_text(value) if name == "expires_after" else value
    if nested:
        if "expires_after" in fields:
            raise refused(duplicate("expires_after"))
        fields["expires_after"] = nested
    if "file" not in seen:
        raise refused(missing("file"))
    return fields


def _name(part: MultipartReader | BodyPartReader) -> str:
    """Return the field name of a part; raises ``APIError`` for an invalid part."""
    if not isinstance(part, BodyPartReader):
        raise invalid("A part of the upload is multipart itself. Send all parts on one level.")
    name = _parameters(part).get("name")
    if not name:
        raise invalid("A part of the upload has no name. Send the parts 'file' and 'purpose'.")
    if name not in ("file", "purpose", "expires_after", *_NESTED):
        raise refused(unknown(_valid_utf8(name[:100])))
    for header in (hdrs.CONTENT_ENCODING, hdrs.CONTENT_TRANSFER_ENCODING):
        if part.headers.get(header, "").strip().lower() not in _PLAIN_ENCODINGS:
            raise invalid(f"The part '{name}' is encoded ({header}). Send its bytes unencoded.")
    return name


def _parameters(part: BodyPartReader) -> dict[str, str]:
    """Parse a part's ``name`` and ``filename`` by the rules of browsers, not of e-mail."""
    header = part.headers.get(hdrs.CONTENT_DISPOSITION, "")[:_MOST_FIELD]
    if not header.lower().startswith("form-data"):
        return {}
    return {
        found["key"].lower(): _ESCAPED.sub(r"\1", found["quoted"])
        if found["quoted"] is not None
        else found["plain"]
        for found in _PARAMETER.finditer(header)
    }


def _filename(part: BodyPartReader) -> str:
    # Clients encode quotation marks as %22 and nothing else.
    filename = _valid_utf8(_parameters(part).get("filename", "")).replace("%22", '"')
    if not filename:
        raise invalid(
            "Invalid 'file': the part has no filename. Name the file in its Content-Disposition.",
            "file",
            "invalid_value",
        )
    return filename


async def _save_file(part: BodyPartReader, spool: Any, limits: Limits) -> None:
    size = 0
    while piece := await _next_piece(limits, part.read_chunk(_PIECE)):
        size += len(piece)
        if size > limits.upload:
            raise file_too_large(limits.upload)
        if size <= _IN_MEMORY:
            _write(spool, piece)
        else:
            await asyncio.to_thread(_write, spool, piece)


async def _field(part: BodyPartReader, name: str, limits: Limits) -> str:
    data = b""
    while piece := await _next_piece(limits, part.read_chunk(_PIECE)):
        data += piece
        if len(data) > _MOST_FIELD:
            text = f"Invalid '{name}': at most {_MOST_FIELD} bytes are taken."
            raise invalid(text, name, "string_above_max_length")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise invalid(f"Invalid '{name}': it is not UTF-8.", name, "invalid_value") from None


async def _next_piece(limits: Limits, piece: Any) -> Any:
    """Await the next piece of the body for at most ``silence_seconds``."""
    async with asyncio.timeout(limits.silence_seconds):
        return await piece


async def _pieces(spool: Any) -> AsyncIterator[bytes]:
    file: IO[bytes] = spool
    while piece := await asyncio.to_thread(file.read, 4 * _PIECE):
        yield piece


def _json_or_text(value: str) -> object:
    """Decode a JSON field; return invalid JSON unchanged, so that validation refuses it."""
    try:
        found: object = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found


def _valid_utf8(text: str) -> str:
    """Replace bytes that are not UTF-8, which JSON can't represent."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _unreadable(error: Exception) -> APIError:
    detail = " ".join(_valid_utf8(str(error)).split())[:200]
    return invalid(
        f"The upload is not valid multipart/form-data ({detail}). It was cut off, or its boundary "
        "differs from the one in its Content-Type. Send it again.",
        code="invalid_body",
    )


def _write(spool: Any, piece: bytes) -> None:
    try:
        spool.write(piece)
    except OSError as error:  # usually a full disk
        raise storage_unavailable() from error
