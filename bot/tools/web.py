"""Functions that read the web: a page as text, and a search engine that the operator configured."""

import html
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import aiohttp
from msgspec import Meta, Struct
from yarl import URL

from bot.config.tools import SearchSettings
from bot.tools.context import Context
from bot.tools.python_functions import tool, tool_of
from bot.tools.tool import Tool, ToolError
from bot.wire.bodies import BodyError, decode_json, read_bounded
from bot.wire.http_client import TRANSPORT_ERRORS, HttpClient, StatusError

PAGE_BYTES: Final = 8 * 2**20
"""The largest page that is read."""

BRAVE_URL: Final = "https://api.search.brave.com/res/v1/web/search"
"""Described at https://api-dashboard.search.brave.com/app/documentation/web-search/get-started"""

_REDIRECTS: Final = 5
_CONNECT_SECONDS: Final = 10.0
_SEARCH_BYTES: Final = 4 * 2**20
_MOST_RESULTS: Final = 10
_ENDINGS: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "application/json": ".json",
    "application/pdf": ".pdf",
}

_log: Final = logging.getLogger(__name__)

DocumentReader = Callable[[str, bytes], Awaitable[str]]
"""Returns the text of a file by its name and bytes; raises ``ToolError``."""


def web_page_tool(read: DocumentReader) -> Tool:
    """Return the function that reads a web page."""

    @tool(read_only=True)
    async def read_web_page(  # noqa: D417 - the model gives no context
        context: Context, url: Annotated[str, Meta(max_length=2_000)]
    ) -> str:
        """Return the text of a public web page, or of a PDF or another document on the web.

        Args:
            url: The address, which begins with https:// or http://.

        """
        if not re.match(r"https?://[^/\s]+", url):
            raise ToolError("This is no web address. It begins with https:// or http://.")
        try:
            async with context.http.get(url, max_redirects=_REDIRECTS) as response:
                if response.status != 200:
                    raise ToolError(f"The page answered with status {response.status}.")
                body = await read_bounded(response, PAGE_BYTES)
                kind, path = response.content_type, response.url.path
        except BodyError:
            raise ToolError(f"The page is larger than {PAGE_BYTES // 2**20} MiB.") from None
        except TimeoutError:
            raise ToolError("The page did not answer in time.") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            context.log.info("A web page can't be read: %s", error)
            raise ToolError("The page can't be reached, or is not on the public network.") from None
        ending = _ENDINGS.get(kind) or (".txt" if kind.startswith("text/") else "")
        name = f"page{ending}" if ending else URL(path).name or "page"
        return await read(name, body)

    return tool_of(read_web_page)


class _Result(Struct, frozen=True):
    """A found page; some search engines have no title or no text of a page."""

    title: str | None = None
    url: str | None = None
    content: str | None = None
    description: str | None = None

    def text(self) -> str:
        """Return the page as the model reads it."""
        lines = (_plain(self.title), self.url, _plain(self.content or self.description))
        return "\n".join(filter(None, lines))


class _Results(Struct, frozen=True):
    results: tuple[_Result, ...] = ()


class _BraveAnswer(Struct):
    web: _Results = _Results()


class WebSearch:
    """A search engine: SearXNG with its JSON format, or Brave's API."""

    def __init__(self, settings: SearchSettings, key: str | None) -> None:
        self._settings = settings
        headers = {"Accept": "application/json"}
        if key is not None:
            name = "X-Subscription-Token" if settings.engine == "brave" else "Authorization"
            headers[name] = key if settings.engine == "brave" else f"Bearer {key}"
        self._http = HttpClient(connect=_CONNECT_SECONDS, headers=headers, secret=key)

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        await self._http.close()

    def tool(self) -> Tool:
        """Return the function that searches the web."""

        @tool(read_only=True)
        async def web_search(
            query: Annotated[str, Meta(min_length=1, max_length=400)],
            count: Annotated[int, Meta(ge=1, le=_MOST_RESULTS)] = 5,
        ) -> str:
            """Search the web; return titles, addresses and beginnings of the best pages.

            Args:
                query: The words to search for.
                count: How many pages to return.

            """
            found = (await self._search(query))[:count]
            if not found:
                return "Nothing was found."
            return "\n\n".join(each.text() for each in found)

        return tool_of(web_search)

    async def _search(self, query: str) -> tuple[_Result, ...]:
        brave = self._settings.engine == "brave"
        if brave:
            url = URL(self._settings.url or BRAVE_URL).with_query(q=query, count=_MOST_RESULTS)
        else:
            base = URL(self._settings.url.rstrip("/"))
            base = base if base.path.endswith("/search") else base / "search"
            url = base.with_query(q=query, format="json")
        try:
            body = await self._http.fetch("GET", url, most_bytes=_SEARCH_BYTES)
            if brave:
                return decode_json(body, _BraveAnswer).web.results
            return decode_json(body, _Results).results
        except (StatusError, BodyError, *TRANSPORT_ERRORS) as error:
            _log.warning(
                "The search engine gave no usable answer: %s", self._http.scrub(str(error))
            )
            raise ToolError("The search engine does not answer now.") from error


def _plain(text: str | None) -> str:
    """Return the first 500 characters of HTML as text, without tags."""
    return " ".join(html.unescape(re.sub(r"</?\w+>", "", text or "")).split())[:500]
