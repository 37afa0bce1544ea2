"""A model in a process of its own that does as the last question says.

``code: …`` and ``search: [queries]`` have it call that tool once; ``slow`` holds its answer back.
It says so when it is shown an image that holds the neighbour's secret.
"""

import asyncio
import base64
import binascii
import json
import random
import sys

from tests.hostile.caller import SECRET
from tests.support.model_answers import Asked
from tests.support.model_endpoint import ScriptedModel, turns
from tests.support.model_turns import Turn

SLOW_SECONDS = 20.0


async def answer(asked: Asked) -> Turn | str:
    """Return the next turn for a conversation."""
    if any(_shows_secret(url) for url in asked.images):
        return SECRET
    question = asked.question
    if asked.messages and asked.messages[-1].get("role") == "tool":
        return "Done."
    if question.startswith("code: "):
        arguments = {"code": question.removeprefix("code: ")}
        return turns.call_tools(("code_interpreter", arguments))
    if question.startswith("search: "):
        queries = json.loads(question.removeprefix("search: "))
        return turns.call_tools(("file_search", {"queries": queries}))
    if question.startswith("slow"):
        # Not all at the same moment, as no model answers.
        await asyncio.sleep(random.uniform(0.5, 1.5) * SLOW_SECONDS)
    return question[:200]


def _shows_secret(url: str) -> bool:
    try:
        return SECRET.encode() in base64.b64decode(url.partition(",")[2], validate=False)
    except (ValueError, binascii.Error):
        return False


async def _serve() -> None:
    async with ScriptedModel() as model:
        model.otherwise = answer
        sys.stdout.write(f"{model.url}\n")
        sys.stdout.flush()
        reading = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not reading.done():
            await asyncio.sleep(1)
            model.requests.clear()


if __name__ == "__main__":
    asyncio.run(_serve())
