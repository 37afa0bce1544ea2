import re
from pathlib import Path

import pytest

from tests.scenarios.community import community


@pytest.mark.parametrize(
    ("footer", "line"),
    [
        ((), r"\AYes\.\Z"),
        (("time",), r"\AYes\.\n-# \d+\.\d s\Z"),
        (("tokens", "time"), r"\AYes\.\n-# \d+ tokens · \d+\.\d s\Z"),
        (("model",), r"\AYes\.\n-# scripted\\-model\Z"),
    ],
)
async def test_the_footer_of_an_answer_has_the_facts_that_the_operator_chose(
    tmp_path: Path, footer: tuple[str, ...], line: str
) -> None:
    async with community(tmp_path, "channel", footer=footer) as channels:
        channels.model.say("Yes.")
        await channels.ask("Is it?")
        assert re.match(line, (await channels.finished(channels.general)).content)
