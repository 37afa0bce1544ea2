"""The steps of a run as a member reads them."""

from msgspec.structs import replace

from bot.assistants.schema.objects import (
    CreatedMessage,
    MessageCreationDetails,
    Run,
    RunStep,
    StepDetails,
    ToolCallsDetails,
    Usage,
)
from bot.assistants.schema.tools import (
    CalledCode,
    CalledFunction,
    CalledSearch,
    CodeInterpreterCall,
    FileSearchCall,
    FunctionCall,
    LogsOutput,
    SearchResult,
)
from bot.chat.commands.run_steps import describe_steps

RUN = Run(
    id="run_1",
    created_at=0,
    started_at=10,
    completed_at=15,
    thread_id="thread_1",
    assistant_id="asst_1",
    status="completed",
    model="small-model",
)

WEATHER = FunctionCall(id="1", function=CalledFunction("weather", '{"city":"K\\u00f6ln"}', "rain"))
CODE = CodeInterpreterCall(
    id="2", code_interpreter=CalledCode("print('```')", (LogsOutput(logs="`````"),))
)
SEARCH = FileSearchCall(
    id="3", file_search=CalledSearch(results=(SearchResult("file_1", "rules`.md", 0.5),))
)
EMPTY_SEARCH = FileSearchCall(id="4", file_search=CalledSearch())
ANSWER = MessageCreationDetails(message_creation=CreatedMessage("msg_1"))


def step(details: StepDetails, seconds: int | None = 2, **fields: object) -> RunStep:
    """A completed step; None: the step has not ended."""
    given = {"status": "completed", **fields}
    return RunStep(
        id="step_1",
        created_at=10,
        completed_at=None if seconds is None else 10 + seconds,
        assistant_id="asst_1",
        thread_id="thread_1",
        run_id="run_1",
        type="message_creation" if isinstance(details, MessageCreationDetails) else "tool_calls",
        step_details=details,
        **given,  # type: ignore[arg-type]  # fields of RunStep
    )


def test_each_tool_call_shows_its_arguments_and_what_came_of_it() -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=2, total_tokens=12)
    steps = [step(ToolCallsDetails((WEATHER, CODE, SEARCH, EMPTY_SEARCH)), usage=usage)]
    text, whole = describe_steps(RUN, [*steps, step(ANSWER)], show_thoughts=False)
    assert whole is None
    blocks = text.split("\n**")
    assert blocks[0] == "**small\\-model** · 2 s"
    # The time and the tokens are those of all calls of the step, so the first call shows them.
    assert blocks[1] == (
        "1.** `weather` · 2 s · 12 tokens (10 in, 2 out)\n"
        '```json\n{"city": "Köln"}\n```\n```\nrain\n```'
    )
    # Discord would end the block at a fence inside.
    assert blocks[2] == "2.** `code_interpreter`\n```py\nprint('ʻʻʻ')\n```\n```\nʻʻʻʻʻ\n```"
    assert blocks[3] == "3.** `file_search`\n> `rulesʻ.md` 0.50"
    assert blocks[4] == "4.** `file_search`"
    assert blocks[5] == "5.** answer · 2 s"


def test_thoughts_are_shown_only_where_the_operator_wants_it() -> None:
    thinking = [step(ANSWER, thoughts="It rains often.")]
    assert "It rains often." in describe_steps(RUN, thinking, show_thoughts=True)[0]
    assert "It rains often." not in describe_steps(RUN, thinking, show_thoughts=False)[0]


def test_a_step_that_did_not_complete_says_so() -> None:
    running = replace(RUN, completed_at=None)
    failed = [step(ANSWER, None, status="failed", failed_at=12)]
    text, _ = describe_steps(running, failed, show_thoughts=False)
    assert text == "**small\\-model**\n**1.** answer\n-# This step failed."


def test_a_long_message_is_shortened_and_the_whole_is_a_file() -> None:
    long = FunctionCall(id="1", function=CalledFunction("log", '{"text":"' + "a" * 2_500 + '"}'))
    many = [step(ToolCallsDetails((long,))) for _ in range(9)]
    text, whole = describe_steps(RUN, many, show_thoughts=False)
    assert len(text) <= 2_000
    assert text.endswith("-# Shortened; the file has everything.")
    assert whole is not None
    assert whole.count("a" * 2_500) == 9
