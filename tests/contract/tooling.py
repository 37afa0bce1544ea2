"""Function tools and their outputs, as the tests of the contract use them."""

from bot.assistants.schema.objects import Run
from bot.assistants.schema.requests import SubmitToolOutputs, ToolOutput
from bot.assistants.schema.tools import FunctionDefinition, FunctionTool


def tool(name: str) -> FunctionTool:
    """A function that takes one number."""
    return FunctionTool(
        FunctionDefinition(
            name,
            description=f"does {name}",
            parameters={"type": "object", "properties": {"x": {"type": "number"}}},
        )
    )


def submission(*pairs: tuple[str, str]) -> SubmitToolOutputs:
    """These outputs, as (call id, output)."""
    return SubmitToolOutputs(
        tool_outputs=tuple(ToolOutput(tool_call_id=call, output=out) for call, out in pairs)
    )


def called(run: Run) -> list[str]:
    """The ids of the calls that a run waits for."""
    assert run.required_action is not None
    return [call.id for call in run.required_action.submit_tool_outputs.tool_calls]


def outputs(run: Run, value: str = "42") -> SubmitToolOutputs:
    """The same output for every call that a run waits for."""
    return submission(*((call, value) for call in called(run)))
