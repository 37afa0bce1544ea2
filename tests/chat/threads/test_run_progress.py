from msgspec import UNSET

from bot.assistants.events import RunStepDelta, RunStepDeltaBody, ToolCallsDelta
from bot.assistants.schema.objects import (
    CreatedMessage,
    MessageCreationDetails,
    RunStep,
    StepDetails,
    ToolCallsDetails,
)
from bot.assistants.schema.tools import (
    CalledCode,
    CalledFunction,
    CalledSearch,
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    FunctionCallDelta,
    FunctionDelta,
    ToolCall,
)
from bot.assistants.states import StepStatus
from bot.chat.threads.runs.run_progress import MOST_LINES, RunProgress


def step(number: int, *calls: ToolCall, status: StepStatus = "completed") -> RunStep:
    return described(number, ToolCallsDetails(calls), status)


def described(number: int, details: StepDetails, status: StepStatus) -> RunStep:
    kind = "tool_calls" if isinstance(details, ToolCallsDetails) else "message_creation"
    return RunStep(
        id=f"step_{number}",
        created_at=0,
        assistant_id="asst_1",
        thread_id="thread_1",
        run_id="run_1",
        type=kind,  # type: ignore[arg-type]  # mypy widens the literal
        status=status,
        step_details=details,
    )


def function(name: str, output: str | None = None) -> FunctionCall:
    return FunctionCall("call", CalledFunction(name, "{}", output))


CODE = CodeInterpreterCall("call", CalledCode("1"))
SEARCH = FileSearchCall("call", CalledSearch())


def test_each_of_several_calls_says_which_it_is_and_ticks_off_by_itself() -> None:
    progress = RunProgress()
    calls = (function("a", "done"), function("b"), function("c"))
    assert progress.add(step(1, *calls, status="in_progress"))
    assert progress.lines(None) == [
        "-# ✓ called a (1 of 3)",
        "-# ▸ calling b (2 of 3)",
        "-# ▸ calling c (3 of 3)",
    ]


def test_a_step_that_ended_without_output_is_not_ticked_off() -> None:
    progress = RunProgress()
    progress.add(step(1, CODE, status="failed"))
    assert progress.lines(None) == ["-# ✗ running code"]


def test_the_list_stays_short() -> None:
    progress = RunProgress()
    for number in range(40):
        progress.add(step(number, function(f"f{number}")))
    lines = progress.lines(None)
    assert len(lines) == MOST_LINES + 1
    assert lines[0] == f"-# … {40 - MOST_LINES} earlier"
    assert lines[-1] == "-# ✓ called f39"


def test_the_same_call_again_and_again_is_one_line() -> None:
    progress = RunProgress()
    for number in range(3):
        progress.add(step(number, CODE))
    progress.add(step(3, CODE, status="in_progress"))
    assert progress.lines(None) == ["-# ✓ ran code ×3", "-# ▸ running code"]


def test_the_files_of_a_search_are_counted_once_known() -> None:
    progress = RunProgress()
    progress.add(step(1, SEARCH))
    assert progress.searches
    assert [progress.lines(files)[0] for files in (None, 0, 1, 3)] == [
        "-# ✓ searched files",
        "-# ✓ searched 0 files",
        "-# ✓ searched 1 file",
        "-# ✓ searched 3 files",
    ]


def test_the_step_of_a_message_is_no_tool_call() -> None:
    progress = RunProgress()
    message = MessageCreationDetails(CreatedMessage("msg_1"))
    assert not progress.add(described(1, message, "in_progress"))
    assert progress.lines(None) == []


def test_only_a_new_call_or_name_changes_the_list() -> None:
    progress = RunProgress()

    def add(**fields: str) -> bool:
        call = FunctionCallDelta(index=0, function=FunctionDelta(**fields))
        details = ToolCallsDelta(tool_calls=(call,))
        return progress.add(RunStepDelta(id="step_1", delta=RunStepDeltaBody(details)))

    assert add(name="we_ther" * 40)
    assert not add(arguments='{"city": ')
    assert not progress.add(RunStepDelta(id="step_1", delta=RunStepDeltaBody(UNSET)))
    (line,) = progress.lines(None)
    assert line.startswith("-# ▸ calling we\\_ther")
    assert len(line) < 100
