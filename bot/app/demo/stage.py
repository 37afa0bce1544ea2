"""The community that the demo's page shows, and the parts of the page besides Discord."""

from typing import Final

from bot.app import StartError
from bot.app.demo.keeper import BotKeeper
from bot.app.demo.scene import Texts, both, files_payload
from bot.app.demo.script import CHIPS
from bot.app.demo.tour import TOUR
from bot.sandbox import Channel, DemoPanel, DiscordMessage, Sandbox

SHOWCASE: Final = "showcase"
OWN: Final = "own"
LOCAL: Final = "local"

_MODELS: Final = (
    (SHOWCASE, ("Showcase: scripted answers", "ショーケース：台本どおりの回答")),
    (
        OWN,
        ("Your model: config.toml, a key, Ollama…", "自分のモデル：config.toml、キー、Ollamaなど"),
    ),
    (
        LOCAL,
        ("Small local model (98 MB, often wrong)", "小さなローカルモデル（98 MB、間違いが多い）"),
    ),
)
_LOCALES: Final = {"en": "en-US", "ja": "ja"}
"""Discord's locale of each language of the page."""

_SCRIPTED: Final = (
    "The answers are **scripted**; the bot, its threads, tools and recovery are real. A real model "
    "is a click away, at the top.",
    "回答は**台本どおり**ですが、ボット、スレッド、ツール、復帰はすべて本物です。"
    "上のメニューで本物のモデルに切り替えられます。",
)
_BETTER_MODEL: Final = (
    "\nMention @Assistant in a channel, or send it a direct message. For a better model, set "
    "`OPENAI_API_KEY`, start Ollama, or configure `[models]` in config.toml, and restart the demo.",
    "\nチャンネルで@Assistantをメンションするか、ダイレクトメッセージを送ってください。"
    "もっとよいモデルを使うには、`OPENAI_API_KEY`を設定するか、Ollamaを起動するか、config.tomlの"
    "`[models]`を設定して、デモを再起動してください。",
)


def _model_text(line: str, *, scripted: bool) -> Texts:
    """Return what the page says about the model; ``line`` is what the bot said about it."""
    if scripted:
        return _SCRIPTED
    english, japanese = _BETTER_MODEL
    return f"**Model:** {line}{english}", f"**モデル：** {line}{japanese}"


class Stage:
    """Furnishes the sandbox for visitors."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._keeper: BotKeeper | None = None
        self._panel = DemoPanel(
            self._perform, models=[{"id": name, "label": both(label)} for name, label in _MODELS]
        )

    def act_with(self, keeper: BotKeeper) -> None:
        """Set the keeper of the bot that the page's buttons kill or restart on another model."""
        self._keeper = keeper

    def model_changed(self, chosen: str, line: str) -> None:
        """Show which model answers now; ``line`` is what the bot said about it."""
        panel = self._panel
        panel.model, panel.scripted = chosen, chosen == SHOWCASE
        if chosen == LOCAL:  # chosen on the page, not in config.toml
            line = line.replace(", because [models] endpoint says so", "")
        text = _model_text(line, scripted=panel.scripted)
        panel.model_text, self._sandbox.page.text = both(text), text[0]

    async def furnish(self) -> None:
        """Add the channels and what their members said, then show the demo panel on the page."""
        guild, (ada, ben) = self._sandbox.guild, self._sandbox.members[:2]
        mira = self._sandbox.admin
        general = guild.text_channel("general")
        talk, topics = guild.add_category("Community"), guild.add_category("Topics")
        guild.move(general, talk)
        help_forum = guild.add_forum(
            "help",
            parent=talk,
            tags=("question", "solved"),
            topic="Ask anything about the group's website.",
        )
        channels = {
            "general": general,
            "help": help_forum,
            "maths": guild.add_text_channel("maths", parent=topics),
            "日本語": guild.add_text_channel("日本語", parent=topics),
        }
        await mira.say(
            general, "Welcome! Mention the bot with a question; it answers in a thread. 👋"
        )
        museum = await ben.say(
            general, "The museum opens at 10 on Sundays. I'd say we meet at 9:30 at the station?"
        )
        await ada.react(museum, "👍")
        await mira.say(channels["maths"], "Formulas welcome: the bot draws them.")
        await mira.say(channels["日本語"], "日本語でどうぞ。ボットも日本語で答えます。")
        post = await ben.create_post(
            help_forum,
            "The calendar shows the wrong week",
            "Since Monday it starts on Sunday for me. Is that only me?",
            tags=("question",),
        )
        await mira.say(post, "Not only you. I am looking at it.")
        self._show(channels, {"museum": museum})

    def _show(self, channels: dict[str, Channel], messages: dict[str, DiscordMessage]) -> None:
        ids = {name: channel.id for name, channel in channels.items()}
        told = {name: message.id for name, message in messages.items()}
        self._panel.chips = [
            {
                "channel_id": str(ids[chip.channel]),
                "text": both(chip.text),
                "files": files_payload(chip.files),
            }
            for chip in CHIPS
        ]
        self._panel.tour = [step.payload(ids, told) for step in TOUR]
        self._sandbox.page.demo_panel = self._panel

    async def _perform(self, name: str, value: str) -> None:
        """Do what a button of the page asks for; raises ``ValueError``."""
        if self._keeper is None:
            raise ValueError("The bot is starting; try again in a moment.")
        if name == "kill":
            await self._keeper.kill()
        elif name == "model":
            try:
                await self._keeper.choose(value)
            except StartError as error:
                raise ValueError(str(error)) from error
        elif name == "language" and value in _LOCALES:
            self._speak(_LOCALES[value])
        else:
            raise ValueError(f"There is no action {name!r} with {value!r}.")

    def _speak(self, locale: str) -> None:
        """Set the language of the visitor's page for the members' Discord and for the server."""
        for person in self._sandbox.people:
            person.user.locale = locale
        guild = self._sandbox.guild
        if guild.state.locale != locale:
            guild.make_community(locale)
