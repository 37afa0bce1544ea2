"""What is sent anew is sent as something new: Discord gives back what it has under a nonce."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.community import Community, answer, community

EDIT = "/channels/{channel_id}/messages/{message_id}"


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Community]:
    async with community(tmp_path, "channel") as each:
        yield each


async def test_parts_that_are_sent_again_have_new_nonces(whole: Community) -> None:
    gate = whole.model.gate()
    tokens = ["alpha " * 300 + "\n\n", "beta " * 300, "end"]
    whole.model.say("".join(tokens), tokens=tokens, gate=gate)
    await whole.ask("one")
    gate.let(2)
    sent = [await whole.reply(whole.general, number) for number in (1, 2)]
    whole.sandbox.faults.fail_next(
        "PATCH", EDIT, status=429, code=30046, retry_after=0.001, times=10
    )
    gate.open()
    await whole.ended_turns(1)
    anew = whole.replies(whole.general)
    assert [part.content.split()[0] for part in anew] == ["alpha", "beta"]
    assert answer(anew[1]).endswith("end")
    assert all(part.deleted for part in sent)
    nonces = [str(part.nonce) for part in (*sent, *anew)]
    # Discord may know the messages that were deleted by their nonces still, for minutes.
    assert len(set(nonces)) == 4
    assert all(0 < len(nonce) <= 25 for nonce in nonces)
