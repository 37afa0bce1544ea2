"""The ``demo`` command: builds the sandbox Discord and its stage, and starts the bot."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, TextIO

import click
import msgspec

from bot.app import StartError
from bot.app.assistant_definitions import DEFAULT_ASSISTANT
from bot.app.demo.keeper import BotKeeper
from bot.app.demo.showcase_model import ShowcaseModel
from bot.app.demo.stage import LOCAL, OWN, SHOWCASE, Stage
from bot.app.demo.terminal import HELP, DemoTerminal, read_questions
from bot.config import Config, ModelsSettings
from bot.config.tools import ToolRule
from bot.sandbox import Sandbox

_FUNCTIONS: Final = ("roll_dice", "calculate", "current_time")
_ASK_FIRST: Final = ToolRule(decision="ask", tools=("roll_dice",))
"""Shows what an approval is; the function itself changes nothing."""

_SCRIPTED: Final = (
    "Model: scripted answers. The page offers real models: yours, or a small local one."
)
_TOOLS: Final = ({"type": "code_interpreter"}, {"type": "file_search"})


async def run_demo(
    config: Config,
    environment: Mapping[str, str],
    *,
    port: int,
    question: str | None,
    terminal: TextIO,
) -> int:
    """Run the demo and return its exit code: 0 if every question was answered, else 1.

    The page begins with the scripted showcase model, unless ``config`` names a model or a question
    is given: then that model, or the best one found, answers.
    """
    async with AsyncExitStack() as stack:
        try:
            sandbox = await stack.enter_async_context(Sandbox(port=port))
        except OSError as error:
            raise StartError(
                f"The sandbox can't listen on port {port} ({error.strerror}). Stop what listens "
                "there, or choose another port."
            ) from error
        databases = await asyncio.to_thread(tempfile.mkdtemp, prefix="assistants-bot-demo-")
        stack.callback(shutil.rmtree, databases, ignore_errors=True)
        showcase = await stack.enter_async_context(ShowcaseModel())
        named = msgspec.structs.replace(config.models, transcription=ModelsSettings().transcription)
        models = {
            SHOWCASE: ModelsSettings(
                endpoint="chat",
                url=showcase.url,
                model=showcase.name,
                context_window=32_768,
                transcription=config.models.transcription,
            ),
            OWN: config.models,
            LOCAL: ModelsSettings(endpoint="local", transcription=config.models.transcription),
        }
        own = question is not None or named != ModelsSettings()
        stage = Stage(sandbox)
        await stage.furnish()
        keeper = BotKeeper(
            sandbox,
            _on_sandbox(config, sandbox),
            databases,
            environment,
            models=models,
            chosen=OWN if own else SHOWCASE,
            say=_say,
            model_changed=stage.model_changed,
        )
        stage.act_with(keeper)
        stack.push_async_callback(keeper.stop)
        await keeper.start()
        demo_terminal = DemoTerminal(sandbox, Path(databases) / "bot.db")
        if question is not None:
            return 0 if await demo_terminal.ask(question) else 1
        click.echo(f"The sandbox Discord is at {sandbox.url} (open it in a browser).\n{HELP}\n")
        return await read_questions(demo_terminal)


def _say(line: str) -> None:
    """Print a line of the bot's process; the line about the scripted model is replaced."""
    scripted = line.startswith("Model: ") and ShowcaseModel.name in line
    click.echo(_SCRIPTED if scripted else line, err=True)


def _on_sandbox(config: Config, sandbox: Sandbox) -> Config:
    """Return the configuration with the sandbox's addresses in place of Discord's."""
    replace = msgspec.structs.replace
    assistants, tools = config.assistants, config.tools
    if not assistants.define and not assistants.assistant:
        assistant = replace(DEFAULT_ASSISTANT, tools=_TOOLS, functions=_FUNCTIONS)
        assistants = replace(assistants, define=(assistant,))
        tools = replace(tools, rules=(*tools.rules, _ASK_FIRST))
    return replace(
        config,
        discord=replace(config.discord, api_url=sandbox.api_url, gateway_url=sandbox.gateway_url),
        access=replace(config.access, direct_messages=True, user_installs=True),
        assistants=assistants,
        tools=tools,
    )
