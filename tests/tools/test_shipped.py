"""The functions that come with the bot."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.app.functions import read_document
from bot.config.tools import SearchSettings
from bot.tools import Context, shipped
from bot.tools.public_session import PublicSession
from bot.tools.python_functions import tool_of
from bot.tools.tool import ArgumentsError, Tool, ToolError
from bot.tools.web import WebSearch, web_page_tool
from tests.support.loopback import Loopback
from tests.tools.contexts import context_of_ada


async def said(tool: Tool, arguments: str, context: Context | None = None) -> str:
    return str(await tool.prepare(arguments)(context or context_of_ada()))


async def calculated(expression: str) -> str:
    return await shipped.calculate(expression)


async def test_the_time_is_told_in_the_zone_of_the_server_or_in_another() -> None:
    tool = tool_of(shipped.current_time)
    told = await said(tool, "")
    assert re.search(r"^\w+day, \d{4}-\d\d-\d\d .*\(Asia/Tokyo, UTC\+0900\)\Z", told)
    assert "(UTC, UTC+0000)" in await said(tool, '{"time_zone": "UTC"}')
    with pytest.raises(ToolError, match="There is no time zone 'Mars/Base'"):
        await said(tool, '{"time_zone": "Mars/Base"}')


async def test_reminders_are_set_listed_and_deleted_by_their_numbers() -> None:
    context = context_of_ada()
    remind = tool_of(shipped.remind_me)
    assert not remind.idempotent
    told = await said(remind, '{"text": "tea", "when": "2 hours"}', context)
    assert "Reminder 1 is set for Friday, 2027-01-15 17:00 (Asia/Tokyo)" in told
    assert "<t:1800000000:f>" in told
    listed = await said(tool_of(shipped.list_reminders), "", context)
    assert listed == "1, Friday, 2027-01-15 17:00 (Asia/Tokyo): tea"
    delete = tool_of(shipped.delete_reminder)
    await said(delete, '{"number": 1}', context)
    with pytest.raises(ToolError, match="no reminder 1"):
        await said(delete, '{"number": 1}', context)
    assert await said(tool_of(shipped.list_reminders), "", context) == "There are none."


@given(st.integers(1, 30), st.integers(1, 100), st.integers(-50, 50))
def test_dice_are_within_their_sides(count: int, sides: int, more: int) -> None:
    told = asyncio.run(shipped.roll_dice(f"{count}d{sides}{more:+}"))
    throws = [int(each) for each in re.findall(r"\d+", told.partition("[")[2].partition("]")[0])]
    assert len(throws) == count
    assert all(1 <= throw <= sides for throw in throws)
    assert told.endswith(f" = {sum(throws) + more}")


async def test_only_the_highest_dice_are_kept() -> None:
    told = await shipped.roll_dice("4d6k3")
    throws = sorted(int(each) for each in re.findall(r"\d", told.partition("[")[2].split("]")[0]))
    assert told.endswith(f" = {sum(throws[1:])}")


@pytest.mark.parametrize("dice", ["", "cat", "999d6", "2d0", "2d99999", "2d6 2d6", "1e9", "2d6+-3"])
async def test_a_text_that_is_no_dice_is_refused_with_a_reason(dice: str) -> None:
    with pytest.raises(ToolError):
        await shipped.roll_dice(dice)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("2^10", "1024"),
        ("-(3 - 5) / 4", "0.5"),
        ("sqrt(16) + max(1, 2)", "6.0"),
        ("factorial(20)", "2432902008176640000"),
        ("10 ** -2", "0.01"),
        ("round(pi, 2)", "3.14"),
    ],
)
async def test_arithmetic_is_calculated(expression: str, value: str) -> None:
    assert await calculated(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "().__class__",
        "9**9**9**9",
        "pow(9, 9**9)",
        "factorial(10**6)",
        "1/0",
        "(-1)**0.5",
        "'a' * 10**9",
        "[1] * 9",
        "True + 1",
        "x",
        "print(1)",
        "sqrt(-1)",
        "2 +",
        "(" * 500 + ")" * 500,
        "10**4000 * 10**4000",
        "round(1, ndigits=2)",
        "1e308 * 10 // 1",
        "lcm(10**3000, 10**3000 + 1)",
    ],
)
async def test_an_expression_that_is_no_arithmetic_or_too_large_is_refused_with_a_reason(
    expression: str,
) -> None:
    with pytest.raises(ToolError):
        await calculated(expression)


class Site(Loopback):
    """A web site, and a SearXNG."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[dict[str, str]] = []

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_get("/page", self._page)
        router.add_get("/away", self._away)
        router.add_get("/search", self._search)
        router.add_get("/res/v1/web/search", self._brave)

    async def _page(self, request: web.Request) -> web.Response:
        html = "<title>Tea</title><script>steal()</script><p>Green &amp; black</p>"
        size = int(request.query.get("size", 0))
        status = int(request.query.get("status", 200))
        return web.Response(text=html + " " * size, content_type="text/html", status=status)

    async def _away(self, request: web.Request) -> web.Response:
        raise web.HTTPFound(f"http://127.0.0.2:{self.port}/page")

    async def _search(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query) | {"key": request.headers.get("Authorization", "")})
        found = {"url": "https://tea.example", "engine": "a", "score": 1.0, "positions": [1]}
        results = [
            {**found, "title": "Tea", "content": "All <b>tea</b>", "publishedDate": None},
            # Some of its engines have no text.
            {**found, "title": "Pictures", "content": None, "img_src": "https://tea.example/a.png"},
            *[{**found, "title": "More"}] * 9,
        ]
        return web.json_response(
            {"query": "tea", "number_of_results": 0, "results": results, "infoboxes": []}
        )

    async def _brave(self, request: web.Request) -> web.Response:
        """Answer as Brave's page about the web search API shows."""
        key = request.headers.get("X-Subscription-Token", "")
        self.asked.append(dict(request.query) | {"key": key})
        if key != "a-key":
            problem = {
                "id": "1",
                "status": 422,
                "code": "SUBSCRIPTION_TOKEN_INVALID",
                "detail": f"The provided subscription token {key} is invalid.",
            }
            return web.json_response(
                {"type": "ErrorResponse", "error": problem, "time": 1}, status=422
            )
        answer: dict[str, Any] = {
            "type": "search",
            "query": {"original": request.query["q"], "more_results_available": False},
            "mixed": {"type": "mixed", "main": [], "top": [], "side": []},
        }
        if request.query["q"] != "nothing":
            result = {
                "type": "search_result",
                "subtype": "generic",
                "title": "Tea &amp; cake",
                "url": "https://tea.example/",
                "is_source_local": False,
                "description": "It&#x27;s all <strong>tea</strong>",
                "page_age": "2026-01-01T00:00:00",
                "profile": {"name": "Tea", "url": "https://tea.example/"},
                "extra_snippets": ["more"],
                "family_friendly": True,
            }
            answer["web"] = {"type": "search", "results": [result] * 3}
        return web.json_response(answer)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as made:
        yield made


PAGE = web_page_tool(read_document)


async def test_a_web_page_is_read_as_text(site: Site) -> None:
    public = PublicSession(lambda address: address == "127.0.0.1")
    text = await said(
        PAGE, f'{{"url": "http://127.0.0.1:{site.port}/page"}}', context_of_ada(public)
    )
    assert text.splitlines() == ["Tea", "Green & black"]
    for query, words in (("status=404", "status 404"), ("size=9000000", "larger than 8 MiB")):
        with pytest.raises(ToolError, match=words):
            await said(
                PAGE,
                f'{{"url": "http://127.0.0.1:{site.port}/page?{query}"}}',
                context_of_ada(public),
            )
    # A redirect to another address is checked, too.
    with pytest.raises(ToolError, match="not on the public network"):
        await said(PAGE, f'{{"url": "http://127.0.0.1:{site.port}/away"}}', context_of_ada(public))
    await public.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "rebound.example"])
async def test_a_page_of_this_machine_is_not_read(
    site: Site, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def rebound(name: Any, *rest: Any, **more: Any) -> Any:
        return look_up("127.0.0.1" if name == "rebound.example" else name, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    public = PublicSession()
    with pytest.raises(ToolError, match="not on the public network"):
        await said(PAGE, f'{{"url": "http://{host}:{site.port}/page"}}', context_of_ada(public))
    await public.close()


async def test_other_addresses_are_no_web_pages() -> None:
    with pytest.raises(ToolError, match="no web address"):
        await said(PAGE, '{"url": "file:///etc/passwd"}')
    with pytest.raises(ArgumentsError, match="arguments do not fit"):
        await said(PAGE, '{"url": 7}')


async def test_a_search_engine_is_asked(site: Site) -> None:
    settings = SearchSettings(engine="searxng", url=f"http://127.0.0.1:{site.port}")
    engine = WebSearch(settings, "a-key")
    found = await said(engine.tool(), '{"query": "tea", "count": 2}')
    assert found == "Tea\nhttps://tea.example\nAll tea\n\nPictures\nhttps://tea.example"
    assert site.asked == [{"q": "tea", "format": "json", "key": "Bearer a-key"}]
    await site.stop()
    with pytest.raises(ToolError, match="does not answer now"):
        await said(engine.tool(), '{"query": "tea"}')
    await engine.close()


async def test_braves_search_is_asked_as_brave_documents(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://127.0.0.1:{site.port}/res/v1/web/search"
    settings = SearchSettings(engine="brave", url=url, api_key_env="BRAVE_KEY")
    engine = WebSearch(settings, "a-key")
    found = await said(engine.tool(), '{"query": "tea & cake", "count": 2}')
    assert found == "\n\n".join(["Tea & cake\nhttps://tea.example/\nIt's all tea"] * 2)
    assert await said(engine.tool(), '{"query": "nothing"}') == "Nothing was found."
    assert site.asked[0] == {"q": "tea & cake", "count": "10", "key": "a-key"}
    await engine.close()
    engine = WebSearch(settings, "wrong-key")
    with pytest.raises(ToolError, match="does not answer now"):
        await said(engine.tool(), '{"query": "tea"}')
    assert "422" in caplog.text
    assert "wrong-key" not in caplog.text
    await engine.close()
