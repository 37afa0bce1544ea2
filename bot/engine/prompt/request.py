"""Builds a run's model request: its options and its tools."""

import msgspec
from msgspec.structs import replace

from bot.assistants.schema.objects import Run, RunStep
from bot.assistants.schema.tools import FunctionTool as AssistantFunction
from bot.assistants.schema.tools import NamedToolChoice
from bot.engine.tool_calls.hosted_tools import RunTools
from bot.models.types import FunctionSpec, ModelRequest, NamedFunction, NamedHosted, ToolChoice


def request_for(
    run: Run,
    steps: list[RunStep],
    max_tokens: int | None,
    tools: RunTools,
    *,
    thoughts: bool,
) -> ModelRequest:
    """Return the next request of a run, without its items; ``thoughts`` asks for the reasoning."""
    effort = run.reasoning_effort
    chosen = run.response_format
    return ModelRequest(
        model=run.model,
        items=(),
        tools=(*tools.functions.values(), *_functions(run)),
        hosted=tools.hosted,
        tool_choice=_tool_choice(run, steps, tools),
        parallel_tool_calls=run.parallel_tool_calls if run.tools else None,
        # 1 is the API's default. It is left out, because some models accept no temperature.
        temperature=None if run.temperature == 1 else run.temperature,
        top_p=None if run.top_p == 1 else run.top_p,
        max_tokens=max_tokens,
        response_format=None if chosen in ("auto", None) else msgspec.to_builtins(chosen),
        reasoning_effort=effort if isinstance(effort, str) else None,
        thoughts=thoughts,
    )


def can_leave_tools_out(request: ModelRequest, tools: RunTools) -> bool:
    """Tell whether a request can do without its tools: all are hosted, and none is forced."""
    own = {tool.name for tool in request.tools} - tools.functions.keys()
    return bool(request.tools) and not own and request.tool_choice in (None, "auto", "none")


def without_tools(request: ModelRequest) -> ModelRequest:
    """Return a request without functions, for a model that calls none."""
    return replace(request, tools=(), tool_choice=None, parallel_tool_calls=None)


def _functions(run: Run) -> tuple[FunctionSpec, ...]:
    return tuple(
        FunctionSpec(
            name=tool.function.name,
            description=tool.function.description or None,
            parameters=tool.function.parameters or None,
            strict=tool.function.strict if isinstance(tool.function.strict, bool) else None,
        )
        for tool in run.tools
        if isinstance(tool, AssistantFunction)
    )


def _tool_choice(run: Run, steps: list[RunStep], tools: RunTools) -> ToolChoice | None:
    """Return the run's tool choice; a call is forced only once, or the run would never end."""
    choice = run.tool_choice
    if not run.tools or choice is None or choice == "auto":
        return None
    if choice == "none":
        return "none"
    if any(step.type == "tool_calls" for step in steps):
        return None
    if isinstance(choice, NamedToolChoice):
        named = choice.function
        if named or choice.type == "function":
            return NamedFunction(named.name) if named else "required"
        if choice.type == "code_interpreter" and choice.type not in tools.functions:
            return NamedHosted(choice.type)
        return NamedFunction(choice.type)
    return choice
