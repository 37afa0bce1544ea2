"""The gallery of answers in a real browser, light and dark; skipped aloud where there is none.

With GALLERY_PICTURES=DIRECTORY it takes the pictures of docs/gallery.md.
"""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect

from bot.assistants.schema.requests import ModifyAssistant
from bot.assistants.schema.tools import CodeInterpreterTool
from bot.hosted.pictures import Painter
from tests.scenarios.community import Community, community
from tests.support.browser import CHROMIUM, PATIENCE

PICTURES = os.environ.get("GALLERY_PICTURES")

MATHS = r"""By parts, with \(u = x\) and \(dv = e^x\,dx\):

\[ \int x e^x \, dx = x e^x - \int e^x \, dx = (x-1)\,e^x + C \]

The same for a product of matrices:

$$\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix} \begin{pmatrix} x \\ y \end{pmatrix}
= \begin{pmatrix} x + 2y \\ 3x + 4y \end{pmatrix}$$

So \(x^2\), \(\frac{1}{2}\) and \(\alpha \le \beta\) stay in the line."""
JAPANESE = r"""速さの公式は次のとおりです。

\[ \text{速さ} = \frac{\text{距離}}{\text{時間}} \]

| 道のり | 時間 | 速さ |
|---|--:|--:|
| 120km | 2時間 | 時速60km |
| 90km | 1.5時間 | 時速60km |"""
CODE = """Count with a dictionary:

```python
def count(words: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
```

| Way | Time | Memory |
|:--|:-:|--:|
| dict | O(n) | O(k) |
| sort | O(n log n) | O(1) |

- [x] works for any words
- [ ] ignores case
  1. lower the words first"""
PLOT = (
    "import chart\n"
    "chart.line(['Mon', 'Tue', 'Wed', 'Thu', 'Fri'],"
    " {'sold': [3, 5, 4, 7, 8], 'returned': [1, 1, 2, 1, 3]},"
    " title='Sales of the week', ylabel='pieces', file='week.png')\n"
    "open('week.csv', 'w').write('day,sold,returned\\nMon,3,1\\n')"
)
QUESTIONS = (
    ("maths", "How do I integrate x·eˣ?", MATHS),
    ("chart", "Plot this week's sales.", "Sales rose, and returns stayed below 4. ↗"),
    ("code", "How do I count words?", CODE),
    ("japanese", "速さの公式を教えて", JAPANESE),
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look with")


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    painter = Painter(seconds=60)
    async with community(tmp_path, "thread", drawer=painter) as each:
        yield each
    await painter.close()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as playwright:
        one = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield one
        await one.close()


async def test_answers_look_as_the_gallery_shows_in_light_and_in_dark(
    whole: Community, browser: Browser
) -> None:
    tools = (CodeInterpreterTool(),)
    await whole.api.modify_assistant(whole.assistant_id, ModifyAssistant(tools=tools))
    for number, (name, question, text) in enumerate(QUESTIONS, 1):
        if name == "chart":
            whole.model.call_tools(("code_interpreter", {"code": PLOT}))
        whole.model.say(text)
        await whole.ask(question)
        await whole.settled(number)
    for scheme in ("light", "dark"):
        page = await browser.new_page(
            viewport={"width": 900, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        await page.goto(whole.sandbox.url)
        threads = page.locator("#channels .thread")
        await expect(threads).to_have_count(len(QUESTIONS))
        for number, (name, _, text) in enumerate(QUESTIONS):
            await threads.nth(number).click()
            reply = page.locator("#messages .message").last
            # The answer of the thread before stays until the page has the messages of this one.
            await expect(reply).to_contain_text(text[:8])
            await expect(reply.locator("button").first).to_be_visible()
            if name == "maths":
                await expect(reply.locator("img")).to_have_count(2)
                await expect(reply.locator("img").first).to_have_attribute(
                    "alt", r"\int x e^x \, dx = x e^x - \int e^x \, dx = (x-1)\,e^x + C"
                )
                await expect(reply).to_contain_text("So x², ½ and α ≤ β stay in the line.")
            if name == "chart":
                await expect(reply.get_by_alt_text("week.png")).to_be_visible()
                await expect(reply.locator(".file a")).to_have_text("week.csv")
            if name == "japanese":
                await expect(reply.locator("img")).to_have_attribute(
                    "alt", r"\text{速さ} = \frac{\text{距離}}{\text{時間}}"
                )
            for picture in await reply.locator("img").all():
                await expect(picture).not_to_have_js_property("naturalWidth", 0)
            if PICTURES:
                await reply.screenshot(path=Path(PICTURES, f"{name}-{scheme}.png"))
        await page.close()
