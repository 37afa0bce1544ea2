"""No text of a member, no name of a file and no answer is written to the log."""

import logging

import pytest

from tests.scenarios.community import Community
from tests.scenarios.test_privacy import SECRET, conversation, exported, forget
from tests.scenarios.test_unreadable_messages import UNREADABLE, change_new_messages


async def test_no_message_text_is_in_the_log(
    channels: Community, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, "bot")
    caplog.set_level(logging.INFO)
    change_new_messages(monkeypatch, "odd", UNREADABLE[0])
    await channels.restart_bot()
    await conversation(channels)
    await channels.ask(f"odd {SECRET}")
    await channels.finished(channels.general, 3)
    channels.model.fail(400)
    question = await channels.ask(f"failing {SECRET}")
    await channels.finished(channels.general, 4)
    await channels.ended_turns(3)
    await channels.ada.edit(question, f"{channels.sandbox.bot_user.mention} edited {SECRET}")
    await channels.ada.command(channels.general, "runs show", run=SECRET)
    await channels.ada.delete(question)
    # What can't be read of the history is logged as well.
    await channels.stop_bot()
    await channels.ask(f"odd {SECRET} again")
    await channels.start_bot()
    await exported(channels, channels.ada)
    await forget(channels, channels.ada, channels.general)
    assert "is skipped" in caplog.text
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in [*lines, caplog.text] if SECRET in line] == []
