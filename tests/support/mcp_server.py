"""A small MCP server, made with the official SDK: over stdio, or over HTTP on a port."""

import base64
import os
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp.server.mcpserver import Image
from mcp.types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    ContentBlock,
    EmbeddedResource,
    ResourceLink,
    TextContent,
    TextResourceContents,
    ToolAnnotations,
)

PNG = bytes.fromhex("89504e470d0a1a0a") + b"rest of a picture"

server = MCPServer("tiny")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def add(first: int, second: int) -> int:
    """Add two numbers."""
    return first + second


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def variables() -> str:
    """Return the variables of the environment."""
    return " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()))


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def picture() -> Image:
    """Return a picture."""
    return Image(data=PNG, format="png")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def table() -> EmbeddedResource:
    """Return a file whose address has no ending."""
    blob = base64.b64encode(b"a,b").decode()
    contents = BlobResourceContents(uri="tiny://tables/first", mime_type="text/csv", blob=blob)
    return EmbeddedResource(type="resource", resource=contents)


@server.tool()
def mixture() -> list[ContentBlock]:
    """Return a text, a link, a text file, and an audio file that is no base64."""
    contents = TextResourceContents(uri="tiny://notes", text="a note")
    return [
        TextContent(type="text", text="first"),
        ResourceLink(type="resource_link", name="Docs", uri="https://docs.example/"),
        EmbeddedResource(type="resource", resource=contents),
        AudioContent(type="audio", data="%%", mime_type="audio/mpeg"),
    ]


@server.tool()
def structured() -> CallToolResult:
    """Return data without a text."""
    return CallToolResult(content=[], structured_content={"city": "Zürich"})


@server.tool()
def refuse() -> CallToolResult:
    """Say that the call failed, without a reason."""
    return CallToolResult(content=[], is_error=True)


@server.tool()
def die(path: str) -> str:
    """Write a line, and end the server in the middle of the call."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("called\n")
    os._exit(1)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
    else:
        server.run()
