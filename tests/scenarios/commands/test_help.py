"""``/help`` fits the place and the person, in the person's language."""

import pytest

from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import Channel
from tests.scenarios.commands.test_assistants import told
from tests.scenarios.community import Community


async def test_help_says_how_to_ask_in_each_place(threads: Community) -> None:
    async def first_line(channel: Channel = threads.general) -> str:
        return (await told(threads, threads.ada, channel, "help")).partition("\n")[0]

    name = threads.sandbox.bot_user.name
    assert await first_line() == localized("help-ask-mention", name=name)
    assert await first_line(await threads.ada.open_dm()) == localized("help-ask-in-dm")
    home = await threads.thread_of(await threads.ask("one"))
    await threads.finished(home)
    assert await first_line(home) == localized("help-ask-every")
    await told(threads, threads.ada, home, "thread handover")
    assert await first_line(home) == localized("help-ask-people")
    for answer in ("every", "never"):
        await told(threads, threads.admin, threads.general, "channel set", answer=answer)
        assert await first_line() == localized(f"help-ask-{answer}")


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_help_names_the_commands_that_the_person_has(
    channels: Community, language: Language
) -> None:
    channels.ada.user.locale = channels.admin.user.locale = language
    for_ada = await told(channels, channels.ada, channels.general, "help")
    for_admin = await told(channels, channels.admin, channels.general, "help")
    in_dm = await told(channels, channels.admin, await channels.admin.open_dm(), "help")
    commands = {each.name for each in channels.sandbox.backend.commands.all(None) if each.kind == 1}
    with using(language):
        lines = {
            name: f"- `/{localized(f'{name}-command')}` {localized(f'help-does.{name}')}"
            for name in commands - {"help"}
        }
        named = [
            {name for name, line in lines.items() if line in text.splitlines()}
            for text in (for_ada, for_admin, in_dm)
        ]
    managers = {"assistant", "channel", "access", "settings", "limits"}
    assert named == [lines.keys() - managers, lines.keys(), lines.keys() - managers]
