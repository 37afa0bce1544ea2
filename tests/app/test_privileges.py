"""Neither the program nor its child processes can gain privileges."""

import asyncio
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

from bot.assistants.schema.requests import CreateAssistant, CreateRun, CreateThread
from bot.assistants.schema.tools import CodeInterpreterTool
from bot.client import Client
from tests.app.programs import written_config
from tests.support.eventually import eventually
from tests.support.model_endpoint import ScriptedModel
from tests.support.program import program


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has it")
async def test_neither_the_server_nor_a_child_that_runs_code_can_gain_privileges(
    tmp_path: Path,
) -> None:
    async with ScriptedModel() as model:
        await _code_at_work(model, tmp_path)


async def _code_at_work(model: ScriptedModel, directory: Path) -> None:
    model.call_tools(("code_interpreter", {"code": "while True:\n    pass"}))
    config = written_config(directory, model)
    async with program("serve", "--config", config, "--port", "0") as server:
        url = (await server.until_line("The Assistants API is at ")).split()[5].rstrip(".")
        async with Client(url, None) as client:
            wanted = CreateAssistant(model="scripted-model", tools=(CodeInterpreterTool(),))
            assistant = await client.create_assistant(wanted)
            thread = await client.create_thread(CreateThread())
            await client.create_run(thread.id, CreateRun(assistant_id=assistant.id))
            process = psutil.Process(server.process.pid)
            await eventually(process.children)
            for each in (process, *process.children()):
                status = await asyncio.to_thread(Path(f"/proc/{each.pid}/status").read_text)
                assert "NoNewPrivs:\t1" in status
