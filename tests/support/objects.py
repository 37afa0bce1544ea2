"""Objects of the Assistants API as tests need them: every required field has a value."""

from typing import Any

from bot.assistants.schema.objects import Run, RunStep, ToolCallsDetails
from bot.assistants.schema.tools import ToolCall


def run(status: Any = "queued", **fields: Any) -> Run:
    return Run(
        id="run_1",
        created_at=1,
        thread_id="thread_1",
        assistant_id="asst_1",
        status=status,
        model="m",
        **fields,
    )


def tool_calls_step(*calls: ToolCall) -> RunStep:
    return RunStep(
        id="step_1",
        created_at=1,
        assistant_id="asst_1",
        thread_id="thread_1",
        run_id="run_1",
        type="tool_calls",
        status="completed",
        step_details=ToolCallsDetails(calls),
    )
