"""Tools of MCP servers, by the official SDK: programs that the bot starts, and servers over HTTP.

The import of the SDK takes half a second and much memory, so the first connection imports it. A
server is started when a tool is first needed, and again after the server has died.
"""

import asyncio
import base64
import binascii
import json
import logging
import mimetypes
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.config.tools import McpSettings
from bot.runtime.clock import Clock
from bot.tools.context import Context, PreparedCall
from bot.tools.tool import ArgumentsError, FunctionResult, Tool, ToolError, ToolFile

if TYPE_CHECKING:
    from mcp import Client
    from mcp.types import CallToolResult
    from mcp.types import Tool as McpTool

START_SECONDS: Final = 30.0
"""How long a server may take to start and to list its tools, in seconds."""

_REST_SECONDS: Final = 10.0
"""How long the bot waits before it starts a failed server again, in seconds."""

_MOST_TOOLS: Final = 500
_MOST_EVENT_BYTES: Final = 64 * 2**20

_log: Final = logging.getLogger(__name__)


class McpServer:
    """An MCP server, connected at the first use, and again after the connection was lost.

    ``headers`` are sent over HTTP, ``variables`` are the environment of a program. Both may hold
    secrets.
    """

    def __init__(
        self,
        name: str,
        settings: McpSettings,
        clock: Clock,
        *,
        headers: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        self.name: Final = name
        self._settings = settings
        self._clock = clock
        self._headers = dict(headers)
        self._variables = dict(variables)
        self._connecting = asyncio.Lock()
        self._client: Client | None = None
        self._holder: asyncio.Task[None] | None = None
        self._end = asyncio.Event()
        self._failed_at: float | None = None
        self._failure = ""

    async def tools(self) -> list[Tool]:
        """Return the server's tools; raises ``ToolError`` where the server can't be reached."""
        client = await self._connected()
        found: list[McpTool] = []
        cursor: str | None = None
        try:
            async with asyncio.timeout(START_SECONDS):
                while len(found) < _MOST_TOOLS:
                    page = await client.list_tools(cursor=cursor)
                    found += page.tools
                    cursor = page.next_cursor
                    if cursor is None:
                        break
        except Exception as error:
            await self._disconnect()
            raise ToolError(f"The MCP server {self.name} does not list its tools.") from error
        return [self._tool(each) for each in found[:_MOST_TOOLS]]

    async def close(self) -> None:
        """End the connection, and the server's process."""
        async with self._connecting:
            await self._disconnect()

    def _tool(self, listed: "McpTool") -> Tool:
        hints = listed.annotations
        read_only = bool(hints and hints.read_only_hint)
        return Tool(
            name=f"mcp.{self.name}.{listed.name}",
            description=listed.description or listed.title or listed.name,
            parameters=listed.input_schema,
            prepare=partial(self._prepare, listed.name, _validator(listed.input_schema)),
            read_only=read_only,
            idempotent=read_only or bool(hints and hints.idempotent_hint),
            seconds=self._settings.seconds,
        )

    def _prepare(self, tool: str, validator: Any, text: str) -> PreparedCall:
        try:
            arguments = json.loads(text.strip() or "{}")
        except (ValueError, RecursionError) as error:
            raise ArgumentsError(f"the arguments are not JSON: {error}") from None
        if not isinstance(arguments, dict):
            raise ArgumentsError("the arguments are not a JSON object")
        problem = next(validator.iter_errors(arguments), None)
        if problem is not None:
            where = f" (at {problem.json_path})" if problem.path else ""
            raise ArgumentsError(f"the arguments do not fit: {problem.message[:500]}{where}")

        async def run(context: Context) -> FunctionResult:
            return await self._call(tool, arguments)

        return run

    async def _call(self, tool: str, arguments: dict[str, Any]) -> FunctionResult:
        client = await self._alive()
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        try:
            result = await client.call_tool(tool, arguments)
        except Exception as error:
            if isinstance(error, MCPError) and error.code != CONNECTION_CLOSED:
                raise ToolError(f"The MCP server {self.name} refused: {error}") from error
            await self._lost(client)
            _log.warning("The MCP server %s was lost during a call: %s", self.name, error)
            raise ToolError(
                f"The MCP server {self.name} ended during the call. Whether the call had an "
                "effect is not known."
            ) from error
        return _read(tool, result)

    async def _alive(self) -> "Client":
        """Return a connection that answers; start a server again that died while it was idle."""
        client = await self._connected()
        try:
            async with asyncio.timeout(START_SECONDS):
                await client.list_tools()
        except Exception as error:  # noqa: BLE001 - any error means that a new connection is needed
            _log.info(
                "The MCP server %s does not answer and is connected again: %s", self.name, error
            )
            await self._lost(client)
            return await self._connected()
        return client

    async def _lost(self, client: "Client") -> None:
        async with self._connecting:
            if self._client is client:
                await self._disconnect()

    async def _connected(self) -> "Client":
        """Return the connection, after connecting if there is none; raises ``ToolError``."""
        async with self._connecting:
            if self._client is not None:
                return self._client
            if self._failed_at is not None:
                rested = self._clock.monotonic() - self._failed_at
                if 0 <= rested < _REST_SECONDS:
                    raise ToolError(self._failure)
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._end = asyncio.Event()
            self._holder = asyncio.create_task(self._hold(ready, self._end))
            try:
                async with asyncio.timeout(START_SECONDS):
                    self._client = await asyncio.shield(ready)
            except Exception as error:
                reason = "it did not answer in time"
                if not isinstance(error, TimeoutError):
                    reason = str(_cause_of(error))
                if self._settings.command:
                    reason += ". Run its command by hand to see what it prints."
                _log.error("The MCP server %s can't be used: %s", self.name, reason)
                self._failed_at = self._clock.monotonic()
                self._failure = f"The MCP server {self.name} can't be reached now."
                await self._disconnect()
                raise ToolError(self._failure) from error
            self._failed_at = None
            return self._client

    async def _hold(self, ready: "asyncio.Future[Client]", end: asyncio.Event) -> None:
        """Hold the connection until ``end``: the SDK demands that one task opens and closes it."""
        try:
            async with self._open() as client:
                ready.set_result(client)
                await end.wait()
        except BaseException as error:
            if not ready.done():
                ready.set_exception(
                    error if isinstance(error, Exception) else ConnectionAbortedError()
                )
                ready.exception()  # read, in case the caller has given up
            elif isinstance(error, Exception):
                _log.info("The MCP server %s ended: %s", self.name, error)
            if isinstance(error, asyncio.CancelledError):
                raise

    @asynccontextmanager
    async def _open(self) -> AsyncIterator["Client"]:
        try:
            from mcp import Client, StdioServerParameters
            from mcp.client.stdio import stdio_client
            from mcp.client.streamable_http import streamable_http_client
        except ImportError as error:
            raise RuntimeError("the extra is missing: pip install 'assistants-bot[mcp]'") from error
        async with AsyncExitStack() as stack:
            if self._settings.command:
                program, *arguments = self._settings.command
                parameters = StdioServerParameters(
                    command=program, args=arguments, env=self._variables
                )
                # What the program prints to its standard error may hold secrets.
                errors = stack.enter_context(Path(os.devnull).open("w"))  # noqa: ASYNC230,SIM115 - the stack closes it
                transport = stdio_client(parameters, errlog=errors)
            else:
                import httpx2

                http = await stack.enter_async_context(
                    httpx2.AsyncClient(headers=self._headers, timeout=self._settings.seconds)
                )
                transport = streamable_http_client(
                    self._settings.url, http_client=http, max_sse_event_size=_MOST_EVENT_BYTES
                )
            yield await stack.enter_async_context(Client(transport, cache=None))

    async def _disconnect(self) -> None:
        self._client = None
        holder, self._holder = self._holder, None
        if holder is None:
            return
        self._end.set()
        done, _ = await asyncio.wait({holder}, timeout=5.0)
        if not done:
            holder.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait({holder}, timeout=5.0)


def _cause_of(error: BaseException) -> BaseException:
    """Return the first error of a group; the SDK's tasks raise groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _validator(schema: dict[str, Any]) -> Any:
    """Return a validator of a tool's schema; an invalid schema admits everything."""
    from jsonschema import (  # type: ignore[import-untyped]  # it declares no types
        Draft202012Validator,
        SchemaError,
    )

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        _log.warning("An MCP tool has an invalid schema: %s", error.message)
        return Draft202012Validator({})
    return Draft202012Validator(schema)


def _read(tool: str, result: "CallToolResult") -> FunctionResult:
    """Return a tool's result: texts for the model, pictures and files for the reply."""
    texts: list[str] = []
    files: list[ToolFile] = []
    for part in result.content:
        match part.type:
            case "text":
                texts.append(part.text)
            case "image" | "audio":
                _add_file(files, texts, part.data, part.mime_type, f"{tool}-{len(files) + 1}")
            case "resource_link":
                texts.append(f"{part.name}: {part.uri}")
            case "resource":
                resource = part.resource
                text = getattr(resource, "text", None)
                if text is not None:
                    texts.append(text)
                else:
                    name = str(resource.uri).rstrip("/").rpartition("/")[2] or tool
                    data = getattr(resource, "blob", "")
                    _add_file(files, texts, data, resource.mime_type or "", name)
    if not texts and result.structured_content is not None:
        texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    text = "\n".join(texts)
    if result.is_error:
        raise ToolError(text or "The MCP server says that the call failed.")
    return FunctionResult(text or "Done.", tuple(files))


def _add_file(files: list[ToolFile], texts: list[str], data: str, kind: str, name: str) -> None:
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error:
        texts.append("[A file of the result can't be read.]")
        return
    if "." not in name:
        name += mimetypes.guess_extension(kind) or ""
    files.append(ToolFile(name, content))
    texts.append(f"[The file {name} is shown below the answer.]")
