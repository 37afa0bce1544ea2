"""The request of a model call: how the run's choice of a tool becomes the model's."""

import pytest

from bot.assistants.schema.tools import (
    CodeInterpreterTool,
    FileSearchTool,
    FunctionDefinition,
    FunctionName,
    FunctionTool,
    NamedToolChoice,
    Tool,
    ToolChoice,
)
from bot.engine.prompt.request import request_for
from bot.engine.tool_calls.hosted_tools import HostedTools, ToolWorkspace
from bot.models.types import NamedFunction, NamedHosted
from bot.models.types import ToolChoice as ModelChoice
from tests.support.objects import run, tool_calls_step

FUNCTION = FunctionTool(FunctionDefinition("look_up"))
CODE, SEARCH = CodeInterpreterTool(), FileSearchTool()


def asked(
    choice: ToolChoice | None, *tools: Tool, called: bool = False, hosts: frozenset[str]
) -> ModelChoice | None:
    """The tool choice of the request for a run, perhaps after its first calls."""
    asking = run("in_progress", tools=tools, tool_choice=choice)
    hosted = HostedTools.tools(asking, hosts, ToolWorkspace("default"))
    steps = [tool_calls_step()] if called else []
    return request_for(asking, steps, None, hosted, thoughts=False).tool_choice


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ("auto", None),
        (None, None),
        ("none", "none"),
        ("required", "required"),
        (NamedToolChoice("function", FunctionName("look_up")), NamedFunction("look_up")),
        (NamedToolChoice("function"), "required"),
        (NamedToolChoice("code_interpreter"), NamedFunction("code_interpreter")),
        (NamedToolChoice("file_search"), NamedFunction("file_search")),
    ],
)
def test_the_choice_of_a_tool_reaches_the_model(
    choice: ToolChoice | None, wanted: ModelChoice | None
) -> None:
    assert asked(choice, FUNCTION, CODE, SEARCH, hosts=frozenset()) == wanted


def test_code_that_the_endpoint_runs_is_chosen_as_its_own_tool() -> None:
    choice = NamedToolChoice("code_interpreter")
    assert asked(choice, CODE, hosts=frozenset({"code_interpreter"})) == NamedHosted(
        "code_interpreter"
    )


@pytest.mark.parametrize("choice", ["required", NamedToolChoice("file_search")])
def test_a_call_is_forced_only_once(choice: ToolChoice) -> None:
    assert asked(choice, SEARCH, called=True, hosts=frozenset()) is None


def test_without_tools_there_is_no_choice() -> None:
    assert asked("required", hosts=frozenset()) is None
