"""No text of a member, no name of a file and no answer is written to the log."""

import logging

import pytest

from tests.scenarios.access.test_privacy import SECRET, conversation, exported, forget
from tests.scenarios.community import Community
from tests.scenarios.questions.test_unreadable_messages import UNREADABLE, change_new_messages
from tests.support import model_turns as turns


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
    # An endpoint may quote what it was sent in whatever it answers.
    channels.model.fail(400, message=f"Invalid prompt: 'failing {SECRET}' ({SECRET} is no word)")
    question = await channels.ask(f"failing {SECRET}")
    await channels.finished(channels.general, 4)
    for quoting in (
        turns.fail(400, message=f"Unsupported parameter: 'temperature' with {SECRET}"),
        turns.fail(500, error={"message": f"{SECRET} overloaded"}),
        turns.error_mid_stream("", f"the engine died at {SECRET}"),
        turns.error_mid_stream("", {"message": f"bad {SECRET}", "code": 400}),
        turns.garble(f"about {SECRET}", data=f"data: {{{SECRET}\n\n".encode()),
        turns.web_page(f"<!doctype html><title>{SECRET}</title>"),
    ):
        channels.model.then(quoting)
    for number in range(5, 9):
        await channels.ask(f"question {number} about the {SECRET}")
        await channels.finished(channels.general, number)
    await channels.ended_turns(7)
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
