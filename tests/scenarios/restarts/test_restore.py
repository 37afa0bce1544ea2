"""The real program, set back to a backup: what stands in Discord is not answered again."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.chat.texts.fluent import localized
from bot.sandbox import Channel, DiscordMessage, Sandbox
from tests.scenarios.community import UNDER_AN_ANSWER, answer, is_final, labels, says
from tests.support.eventually import PATIENCE, eventually
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import Program, program

DAY = 86_400


class Host:
    """A machine that runs the program, and the Discord it is on."""

    def __init__(self, sandbox: Sandbox, model: ScriptedModel, directory: Path) -> None:
        self.sandbox = sandbox
        self.model = model
        self.directory = directory
        self.data = directory / "data"
        self.general: Channel = sandbox.guild.text_channel("general")
        self.ada = sandbox.members[0]
        self.bot: Program | None = None

    def configure(self, answer_in: str = "thread") -> None:
        (self.directory / "config.toml").write_text(
            f'[storage]\ndirectory = "{self.data}"\n'
            f'[discord]\nanswer_in = "{answer_in}"\n'
            f'api_url = "{self.sandbox.api_url}"\ngateway_url = "{self.sandbox.gateway_url}"\n'
            'name_threads = "question"\n[access]\ndirect_messages = true\n'
            f'[models]\nendpoint = "chat"\nurl = "{self.model.url}"\nmodel = "scripted-model"\n'
        )

    def fill_disk(self) -> None:
        """Let the running bot write nothing more into any file."""
        assert self.bot is not None
        limit = (0, resource.RLIM_INFINITY)
        resource.prlimit(self.bot.process.pid, resource.RLIMIT_FSIZE, limit)

    @property
    def config(self) -> tuple[str, str]:
        return ("--config", str(self.directory / "config.toml"))

    async def start(self) -> None:
        environment = {"DISCORD_TOKEN": self.sandbox.token}
        ready = asyncio.create_task(self.sandbox.bot_ready(timeout=PATIENCE))
        self.bot = await Program.start("run", *self.config, environment=environment)
        await ready

    async def stop(self) -> None:
        bot, self.bot = self.bot, None
        if bot is not None:
            assert await bot.terminated() == 0, bot.errors
            await self.sandbox.until(lambda: self.sandbox.disconnected)

    async def kill(self) -> None:
        bot, self.bot = self.bot, None
        if bot is not None:
            await bot.killed()
            await self.sandbox.until(lambda: self.sandbox.disconnected)

    async def backup(self, name: str = "copy") -> Path:
        target = self.directory / name
        async with program("backup", *self.config, str(target)) as copying:
            assert await copying.ended() == 0, copying.errors
        return target

    def restore(self, copy: Path) -> None:
        """As README says: put the copy in the place of the data directory."""
        shutil.rmtree(self.data)
        shutil.copytree(copy, self.data)

    def replies(self, channel: Channel) -> list[DiscordMessage]:
        bot = self.sandbox.bot_user
        return [m for m in channel.messages if m.author is bot and says(m)]

    async def answered(self, channel: Channel, count: int) -> list[str]:
        """Wait for so many final messages of the bot's in a channel; return what they say."""
        await self.sandbox.until(
            lambda: (
                len(self.replies(channel)) >= count
                and all(is_final(reply) for reply in self.replies(channel)[:count])
            )
        )
        return [answer(reply) for reply in self.replies(channel)]

    async def thread_of(self, question: DiscordMessage) -> Channel:
        await self.sandbox.until(lambda: question.thread is not None)
        assert question.thread is not None
        return question.thread

    async def caught_up(self) -> None:
        """Wait until all that was missed was read: something asked anew in a DM is answered."""
        who = self.sandbox.members[1]
        home = await who.open_dm()
        before = len(self.replies(home))
        await who.say(home, "are you there?")
        assert await self.answered(home, before + 1)

    @property
    def asked(self) -> list[str]:
        """What the model was asked, in order."""
        return [request.question for request in self.model.requests]


@asynccontextmanager
async def on_host(directory: Path, answer_in: str = "thread") -> AsyncIterator[Host]:
    async with Sandbox(rate_limits=False) as sandbox, ScriptedModel() as model:
        whole = Host(sandbox, model, directory)
        whole.configure(answer_in)
        try:
            yield whole
        finally:
            await whole.kill()
        assert sandbox.unknown_routes == []


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with on_host(tmp_path) as whole:
        await whole.start()
        yield whole


async def test_questions_answered_after_the_backup_are_not_answered_again(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    thread = await host.thread_of(await host.ada.say(host.general, "two", mention_bot=True))
    await host.answered(thread, 1)
    copy = await host.backup()
    host.sandbox.advance(DAY)
    # Since then: in a DM, in a channel thread that the backup knows, in one that it doesn't.
    await host.ada.say(home, "three")
    await host.answered(home, 2)
    await host.ada.say(thread, "four")
    await host.answered(thread, 2)
    later = await host.thread_of(await host.ada.say(host.general, "five", mention_bot=True))
    await host.answered(later, 1)
    await host.ada.say(later, "six")
    await host.answered(later, 2)
    archived = await host.thread_of(await host.ada.say(host.general, "seven", mention_bot=True))
    await host.answered(archived, 1)
    host.sandbox.troubles.archive_thread(archived)
    await host.stop()
    # And what nobody has answered.
    await host.ada.say(home, "eight")
    await host.ada.say(later, "nine")
    asked = await host.ada.say(host.general, "ten", mention_bot=True)
    host.restore(copy)
    host.model.requests.clear()
    await host.start()
    assert await host.answered(home, 3) == ["one", "three", "eight"]
    assert await host.answered(later, 3) == ["five", "six", "nine"]
    assert await host.answered(await host.thread_of(asked), 1) == ["ten"]
    await host.caught_up()
    assert [answer(reply) for reply in host.replies(thread)] == ["two", "four"]
    assert [answer(reply) for reply in host.replies(archived)] == ["seven"]
    assert sorted(host.asked) == ["are you there?", "eight", "nine", "ten"]
    # And the conversations go on.
    await host.ada.say(archived, "eleven")
    assert await host.answered(archived, 2) == ["seven", "eleven"]


async def test_a_question_that_only_replied_to_the_bot_is_not_answered_again(
    tmp_path: Path,
) -> None:
    async with on_host(tmp_path, answer_in="channel") as host:
        await host.start()
        await host.ada.say(host.general, "one", mention_bot=True)
        await host.answered(host.general, 1)
        await host.stop()
        host.configure(answer_in="thread")
        await host.start()
        copy = await host.backup()
        (said,) = host.replies(host.general)
        asked = await host.ada.say(host.general, "two", reply_to=said)
        thread = await host.thread_of(asked)
        await host.answered(thread, 1)
        await host.stop()
        host.restore(copy)
        host.model.requests.clear()
        await host.start()
        await host.caught_up()
        (reply,) = host.replies(thread)
        assert answer(reply).splitlines()[0] == "two"
        assert host.asked == ["are you there?"]


async def test_a_question_with_a_reply_in_a_text_channel_is_not_answered_again(
    tmp_path: Path,
) -> None:
    async with on_host(tmp_path, "channel") as host:
        await host.start()
        await host.ada.say(host.general, "one", mention_bot=True)
        await host.answered(host.general, 1)
        copy = await host.backup()
        gate = host.model.stall("t", then="wo")
        await host.ada.say(host.general, "two", mention_bot=True)
        await host.sandbox.until(lambda: len(host.replies(host.general)) == 2)
        # Asked while it answers, and so answered together.
        await host.ada.say(host.general, "three", mention_bot=True)
        await host.ada.say(host.general, "four", mention_bot=True)
        await taken(host, 4)
        gate.open()
        assert await host.answered(host.general, 3) == ["one", "two", "four"]
        await host.stop()
        await host.ada.say(host.general, "five", mention_bot=True)
        host.restore(copy)
        await host.start()
        assert await host.answered(host.general, 4) == ["one", "two", "four", "five"]
        await host.caught_up()
        assert len(host.replies(host.general)) == 4


async def test_a_question_that_waited_in_the_backup_and_has_a_reply_is_not_answered_again(
    host: Host,
) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    host.sandbox.faults.fail_next("POST", "/channels/{channel_id}/messages", status=503, times=None)
    await host.ada.say(home, "two")
    asked = await host.ada.say(host.general, "three", mention_bot=True)
    await host.thread_of(asked)
    await taken(host, 3)
    copy = await host.backup()
    host.sandbox.faults.clear()
    assert await host.answered(home, 2) == ["one", "two"]
    thread = await host.thread_of(asked)
    assert await host.answered(thread, 1) == ["three"]
    await host.stop()
    host.restore(copy)
    host.model.requests.clear()
    await host.start()
    await host.caught_up()
    await host.caught_up()
    assert [answer(reply) for reply in host.replies(home)] == ["one", "two"]
    assert [answer(reply) for reply in host.replies(thread)] == ["three"]
    assert host.asked == ["are you there?"] * 2


async def taken(host: Host, count: int) -> None:
    """Wait until the ledger has so many questions."""

    def counted() -> int:
        with closing(sqlite3.connect(host.data / "bot.db")) as db:
            (found,) = db.execute("SELECT count(*) FROM questions").fetchone()
            return int(found)

    await eventually(lambda: asyncio.to_thread(counted), lambda found: found >= count)


async def test_a_placeholder_of_no_known_turn_does_not_stay(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    copy = await host.backup()
    long = " ".join(f"word{number}" for number in range(400))
    half = host.model.stall(long)
    await host.ada.say(home, "two")
    await host.sandbox.until(lambda: len(host.replies(home)) == 3)
    thinking = host.model.stall()
    thread = await host.thread_of(await host.ada.say(host.general, "three", mention_bot=True))
    await host.sandbox.until(lambda: len(host.replies(thread)) == 1)
    await eventually(lambda: host.asked[-1] == "three")
    await host.kill()
    half.open()
    thinking.open()
    host.restore(copy)
    await host.start()
    await host.sandbox.until(
        lambda: (
            [answer(reply) for reply in host.replies(home)] == ["one", "two"]
            and [answer(reply) for reply in host.replies(thread)] == ["three"]
        )
    )
    await host.answered(home, 2)
    await host.answered(thread, 1)
    for channel, count in ((home, 2), (thread, 1)):
        assert [labels(reply) for reply in host.replies(channel)] == [UNDER_AN_ANSWER] * count


async def test_turn_numbers_used_after_a_backup_are_not_reused(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    copy = await host.backup()
    # Its Retry button stays below the failure.
    host.model.fail(400, times=3)
    await host.ada.say(home, "two")
    await host.answered(home, 2)
    failed = host.replies(home)[1]
    assert labels(failed) == [localized("retry-button")]
    await host.stop()
    host.restore(copy)
    await host.start()
    host.model.fail(400, times=3)
    await host.ada.say(home, "three")
    await host.answered(home, 3)
    before = len(host.model.requests)
    pressed = await host.ada.click(failed, localized("retry-button"))
    await host.sandbox.until(lambda: bool(pressed.responses))
    assert len(host.model.requests) == before
    assert pressed.responses[0].content == localized("too-late-to-retry")


async def test_a_backup_over_the_data_of_a_bot_that_was_killed_is_whole(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    copy = await host.backup()
    for number in range(2, 6):
        await host.ada.say(home, str(number))
        await host.answered(home, number)
    await host.kill()
    assert (host.data / "bot.db-wal").stat().st_size > 0
    # Over it and not in its place: what the killed bot left in its log is not for this database.
    shutil.copytree(copy, host.data, dirs_exist_ok=True)
    await host.start()
    await host.caught_up()
    assert [answer(reply) for reply in host.replies(home)] == ["one", "2", "3", "4", "5"]
    await host.stop()
    for name in ("bot.db", "engine.db"):
        with closing(sqlite3.connect(host.data / name)) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if name == "bot.db":
                taken = {row[0] for row in db.execute("SELECT content FROM questions")}
                assert taken == {"one", "are you there?"}


async def test_a_question_refused_on_a_full_disk_is_not_answered_after_a_kill(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    host.fill_disk()
    await host.ada.say(home, "two")
    asked = await host.ada.say(host.general, "three", mention_bot=True)
    await host.sandbox.until(
        lambda: (
            host.replies(home)[-1].content == localized("not-saved")
            and [reply.content for reply in host.replies(host.general)] == [localized("not-saved")]
        )
    )
    await host.kill()
    # What came then was not refused.
    await host.ada.say(home, "four")
    await host.start()
    assert await host.answered(home, 3) == ["one", localized("not-saved"), "four"]
    await host.caught_up()
    assert asked.thread is None
    assert host.asked == ["one", "four", "are you there?"]
    # Asked again, it is answered.
    await host.ada.say(home, "two")
    assert await host.answered(home, 4) == ["one", localized("not-saved"), "four", "two"]


async def test_a_backup_killed_half_way_leaves_no_copy(host: Host) -> None:
    home = await host.ada.open_dm()
    await host.ada.say(home, "one")
    await host.answered(home, 1)
    files = host.data / "files"
    files.mkdir(exist_ok=True)
    with (files / "file-large").open("wb") as large:
        large.truncate(3_000_000_000)
    copying = await Program.start("backup", *host.config, str(host.directory / "copy"))
    part = host.directory / "copy.part" / "files" / "file-large"
    await eventually(part.exists)
    os.kill(copying.process.pid, signal.SIGKILL)
    await copying.ended()
    assert not (host.directory / "copy").exists()
    (files / "file-large").unlink()
    async with program("backup", *host.config, str(host.directory / "copy")) as again:
        assert await again.ended() != 0
        assert "copy.part exists" in again.errors
    shutil.rmtree(host.directory / "copy.part")
    await host.backup()
