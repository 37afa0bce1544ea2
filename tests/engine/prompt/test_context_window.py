"""What the model is shown of a thread, and what a token limit makes of it."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bot.assistants.schema.content import TextPart, TextValue
from bot.assistants.schema.objects import Message, Run, TruncationStrategy
from bot.assistants.schema.requests import CreateMessage, Truncation
from bot.engine import EngineOptions
from bot.engine.prompt import history
from bot.engine.prompt.images import PromptMessage
from bot.models.types import AssistantMessage, SystemMessage, Text
from tests.support.assistants import house
from tests.support.model_turns import TokenUsage

Role = st.sampled_from(["user", "assistant"])


def _run(**fields: object) -> Run:
    made = {"id": "run_1", "created_at": 1, "thread_id": "thread_1", "assistant_id": "asst_1"}
    return Run(status="in_progress", model="m", **made, **fields)  # type: ignore[arg-type]  # whatever a test wants


def _message(number: int, role: str, text: str) -> Message:
    return Message(
        id=f"msg_{number}",
        created_at=1,
        thread_id="thread_1",
        role="user" if role == "user" else "assistant",
        content=(TextPart(TextValue(text)),),
    )


@given(
    st.lists(st.tuples(Role, st.text(min_size=1, max_size=200)), min_size=1),
    st.integers(0, 2000),
    st.text(max_size=50),
)
def test_the_newest_part_that_fits_is_shown_in_order(
    said: list[tuple[str, str]], budget: int, instructions: str
) -> None:
    messages = [_message(number, role, text) for number, (role, text) in enumerate(said)]
    items = list(
        history.build(
            _run(instructions=instructions), history.PromptSource(reversed(messages)), budget
        ).items
    )
    if instructions:
        assert items.pop(0) == SystemMessage(instructions)
    shown = [
        ("user", item.parts[0].text)
        if isinstance(item, PromptMessage) and isinstance(item.parts[0], Text)
        else ("assistant", item.text if isinstance(item, AssistantMessage) else "")
        for item in items
    ]
    assert shown  # the newest is always there
    assert shown == said[-len(shown) :]
    head = history.tokens(SystemMessage(instructions)) if instructions else 0
    assert len(shown) == 1 or head + sum(map(history.tokens, items)) <= budget


@given(st.integers(1, 10), st.integers(1, 10))
def test_last_messages_puts_the_newest_messages_into_the_prompt(count: int, last: int) -> None:
    messages = [_message(number, "user", str(number)) for number in range(count)]
    strategy = TruncationStrategy("last_messages", last)
    items = history.build(
        _run(truncation_strategy=strategy), history.PromptSource(reversed(messages)), 100_000
    ).items
    texts = [item.parts[0].text for item in items if isinstance(item, PromptMessage)]  # type: ignore[union-attr]  # all are text
    assert texts == [str(number) for number in range(max(0, count - last), count)]


def test_only_as_much_is_read_as_fits() -> None:
    read = []

    def newest() -> "object":
        for number in range(10_000):
            read.append(number)
            yield _message(number, "user", "x" * 100)

    history.build(_run(), history.PromptSource(newest()), 1000)  # type: ignore[arg-type]  # a generator of messages
    assert len(read) < 50


async def test_a_thread_longer_than_the_window_is_answered_from_its_newest_part(
    tmp_path: Path,
) -> None:
    options = EngineOptions(context_window=2000)
    async with house(tmp_path, "engine", options=options) as home:
        texts = [f"{number} " + "word " * 100 for number in range(40)]
        run = await home.run(await home.thread(*texts))
        assert (await home.until(run)).status == "completed"
        shown = [message["content"] for message in home.model.requests[0].messages]
        assert shown == texts[-len(shown) :]
        assert 1 < len(shown) < 20


async def test_a_window_is_learned_from_the_endpoints_refusal(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        too_long = {
            "message": "This model's maximum context length is 3000 tokens. However, your "
            "messages resulted in 9000 tokens.",
            "type": "invalid_request_error",
            "code": "context_length_exceeded",
        }
        home.model.fail(400, error=too_long)
        home.model.say("short enough")
        thread = await home.thread(*[f"{number} " + "word " * 100 for number in range(60)])
        assert (await home.until(await home.run(thread))).status == "completed"
        asked = home.model.requests
        assert len(asked[1].messages) < len(asked[0].messages)
        await home.api.create_message(thread, CreateMessage(role="user", content="and now"))
        assert (await home.until(await home.run(thread))).status == "completed"
        assert len(asked) == 3  # learned: not found too long again


async def test_one_message_longer_than_the_window_fails_the_run_and_not_the_thread(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, "engine") as home:
        too_long = {
            "message": "maximum context length is 100 tokens",
            "code": "context_length_exceeded",
        }
        home.model.fail(400, error=too_long, times=20)
        thread = await home.thread("word " * 1000)
        ended = await home.until(await home.run(thread))
        assert ended.status == "failed"
        assert ended.last_error is not None
        assert ended.last_error.code == "invalid_prompt"
        await home.api.create_message(thread, CreateMessage(role="user", content="short"))


async def test_completion_tokens_are_limited_over_the_whole_run(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        home.model.say("cut short", finish="length", usage=TokenUsage(10, 300))
        run = await home.run(await home.thread("go on"), max_completion_tokens=300)
        ended = await home.until(run)
        assert ended.status == "incomplete"
        assert ended.incomplete_details is not None
        assert ended.incomplete_details.reason == "max_completion_tokens"
        assert home.model.requests[0].body.get("max_tokens") == 300
        newest = (await home.api.list_messages(run.thread_id)).data[0]
        assert newest.status == "incomplete"
        assert newest.incomplete_details is not None
        assert newest.incomplete_details.reason == "max_tokens"


async def test_prompt_tokens_are_limited_by_showing_less(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        thread = await home.thread(*["word " * 50 for _ in range(30)])
        run = await home.run(thread, max_prompt_tokens=400)
        assert (await home.until(run)).status == "completed"
        assert len(home.model.requests[0].messages) < 10


async def test_a_question_over_the_prompt_limit_ends_the_run_incomplete(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        run = await home.run(await home.thread("word " * 1000), max_prompt_tokens=256)
        ended = await home.until(run)
        assert ended.status == "incomplete"
        assert ended.incomplete_details is not None
        assert ended.incomplete_details.reason == "max_prompt_tokens"
        assert home.model.requests == []


async def test_last_messages_limits_what_the_model_sees(tmp_path: Path) -> None:
    async with house(tmp_path, "engine") as home:
        run = await home.run(
            await home.thread("one", "two", "three"),
            truncation_strategy=Truncation(type="last_messages", last_messages=2),
        )
        await home.until(run)
        assert [m["content"] for m in home.model.requests[0].messages] == ["two", "three"]
