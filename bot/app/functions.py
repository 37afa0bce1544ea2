"""Builds the functions that the bot runs from the configuration."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from bot.app import StartError
from bot.app.keys import secret
from bot.app.model_endpoints import images_endpoint
from bot.config import Config
from bot.hosted.extract import ExtractionError, ExtractionLimits, extract_text
from bot.models.images import DrawingError, ImagesEndpoint
from bot.runtime.clock import Clock
from bot.tools import ToolError
from bot.tools.functions import Functions
from bot.tools.mcp_servers import McpServer
from bot.tools.shipped import picture_tool
from bot.tools.web import WebSearch, web_page_tool

_LIMITS: Final = ExtractionLimits(seconds=20.0, memory_bytes=512 * 2**20)


def build_functions(
    config: Config,
    environment: Mapping[str, str],
    clock: Clock,
    close_with: Callable[[Callable[[], Awaitable[None]]], None],
) -> Functions:
    """Build the functions; ``close_with`` is given the ``close`` of each part to be closed.

    Raises ``StartError`` for a secret that is not set.
    """
    tools = [web_page_tool(read_document)]
    search = config.tools.search
    if search.engine:
        engine = WebSearch(search, secret(environment, "tools.search", search.api_key_env))
        close_with(engine.close)
        tools.append(engine.tool())
    images = images_endpoint(config, environment, clock)
    if images is not None:
        close_with(images.close)
        tools.append(picture_tool(_drawer(images)))
    servers = [
        McpServer(
            name,
            settings,
            clock,
            headers=_values(environment, name, settings.headers),
            variables=_values(environment, name, settings.environment),
        )
        for name, settings in config.tools.mcp.items()
    ]
    functions = Functions(config.tools, tools=tools, servers=servers)
    close_with(functions.close)
    return functions


def patterns_of(config: Config) -> list[str]:
    """Return the patterns of functions of all configured assistants."""
    return [each for section in config.assistants.define for each in section.functions]


def _values(
    environment: Mapping[str, str], server: str, names: Mapping[str, str]
) -> dict[str, str]:
    """Return an MCP server's secrets by the names that the server gives them.

    ``names`` maps these names to the bot's environment variables. Raises ``StartError`` for a
    variable that is not set.
    """
    found: dict[str, str] = {}
    for name, variable in names.items():
        value = environment.get(variable, "").strip()
        if not value:
            raise StartError(f"[tools.mcp.{server}] names {variable}, which is not set.")
        found[name] = value
    return found


async def read_document(name: str, data: bytes) -> str:
    """Return the text of a file from the web, read in a child process; raises ``ToolError``."""
    try:
        return await extract_text(name, data, limits=_LIMITS)
    except ExtractionError as error:
        raise ToolError(str(error)) from error


def _drawer(images: ImagesEndpoint) -> Callable[[str], Awaitable[bytes]]:
    async def draw(description: str) -> bytes:
        try:
            return await images.draw(description)
        except DrawingError as error:
            raise ToolError(str(error)) from error

    return draw
