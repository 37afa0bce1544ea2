"""A local model: a child process that loads, answers, crashes, and never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import pytest

from bot.models.local.model import LocalModel
from bot.models.local.process import LocalSettings
from bot.models.local.weights import fetch_weights
from bot.models.types import Finished, ModelError, ModelRequest, ModelTextDelta, Text, UserMessage
from tests.models.asking import asking, collect, collect_until_error, said
from tests.support.eventually import eventually

STAND_IN = Path(__file__).parents[1] / "stand_in"
ROOT = Path(__file__).parents[3]
REAL = os.environ.get("ASSISTANTS_BOT_TEST_GGUF", "")
"""Another GGUF file to try than the small one, which the demo takes and keeps in data/models."""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF weights")
    return path


@pytest.fixture
async def make(
    stand_in: None,
) -> AsyncIterator[Callable[..., LocalModel]]:
    models = []

    def build(
        weights: Path | Callable[[], Awaitable[Path]], settings: LocalSettings | None = None
    ) -> LocalModel:
        model = LocalModel(weights, label="small", settings=settings)
        models.append(model)
        return model

    yield build
    for model in models:
        await model.close()


async def until_gone(process_id: int) -> None:
    """Return when the process has ended."""

    def gone() -> bool:
        try:
            return bool(psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return True

    await eventually(gone)


async def test_requests_made_elsewhere_go_on_to_the_child(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    model = make(gguf)
    async with model.forward("GET", "models", None) as listed:
        assert b'"local"' in b"".join([piece async for piece in listed.pieces])
    assert model.process_id is not None
    body = b'{"model": "any", "messages": [{"role": "user", "content": "hello"}]}'
    async with model.forward("POST", "chat/completions", body) as answer:
        assert answer.content_type == "text/event-stream"
        assert b'"hello"' in b"".join([piece async for piece in answer.pieces])


async def test_the_first_question_starts_it_and_it_answers(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    model = make(gguf)
    assert model.process_id is None
    assert said(await collect(model, asking("Hello"))) == "Hello"
    first = model.process_id
    assert said(await collect(model, asking("Again"))) == "Again"
    assert model.process_id == first


async def test_the_model_computes_on_all_cores_but_one(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    cores = os.sched_getaffinity(0)
    expected = max(1, len(cores) - 1)
    assert said(await collect(make(gguf), asking("threads"))) == f"{expected} {expected}"
    os.sched_setaffinity(0, {min(cores)})
    try:
        assert said(await collect(make(gguf), asking("threads"))) == "1 1"
    finally:
        os.sched_setaffinity(0, cores)


async def test_many_first_questions_start_one_process(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    started = 0

    async def fetch() -> Path:
        nonlocal started
        started += 1
        return gguf

    model = make(fetch)
    texts = [f"question {number}" for number in range(10)]
    answers = await asyncio.gather(*(collect(model, asking(text)) for text in texts))
    assert [said(events) for events in answers] == texts
    assert started == 1


async def test_closing_ends_the_process(make: Callable[..., LocalModel], gguf: Path) -> None:
    model = make(gguf)
    await model.start()
    process_id = model.process_id
    assert process_id is not None
    await model.close()
    await model.close()
    assert not psutil.pid_exists(process_id)
    _, error = await collect_until_error(model)
    assert "was closed" in error.message


async def test_a_crash_before_the_first_word_is_not_seen(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    model = make(gguf)
    await model.start()
    first = model.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert said(await collect(model, asking("still here"))) == "still here"
    assert model.process_id != first


async def test_a_crash_in_the_middle_of_an_answer_is_an_error_and_the_next_question_is_answered(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    model = make(gguf)
    text, error = await collect_until_error(model, asking("crash later"))
    assert text == "So far "
    assert error.kind == "cut"
    assert "crashed in the middle of its answer (signal 11): stand-in: out of memory" in (
        error.message
    )
    assert said(await collect(model, asking("still here"))) == "still here"


async def test_a_question_that_crashes_it_every_time_is_not_asked_for_ever(
    make: Callable[..., LocalModel], gguf: Path
) -> None:
    model = make(gguf, LocalSettings(crashes=2))
    _, error = await collect_until_error(model, asking("crash"))
    assert error.kind == "cut"
    _, error = await collect_until_error(model, asking("crash"))
    assert error.kind == "unreachable"
    assert "crashed 3 times" in error.message
    assert model.process_id is None


async def test_a_key_keeps_everybody_else_out(make: Callable[..., LocalModel], gguf: Path) -> None:
    model = make(gguf)
    await model.start()
    assert model.process_id is not None
    command = psutil.Process(model.process_id).cmdline()
    assert command[1:] == ["-m", "bot.models.local.child"], "no key where every user can read it"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GGUF broken", "failed to load the model"),
        (b"GGUF fatal", "ended while loading (signal 6)"),
        (b"MZ", "is no GGUF file"),
        (None, "can't be read (No such file or directory)"),
    ],
)
async def test_weights_that_do_not_load_are_an_error_in_a_sentence(
    make: Callable[..., LocalModel], tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "x.gguf"
    if content is not None:
        path.write_bytes(content)
    model = make(path)
    with pytest.raises(ModelError, match=r".") as failed:
        await model.start()
    assert failed.value.kind == "unreachable"
    assert told in failed.value.message


@pytest.mark.parametrize(
    ("library", "told"),
    [
        ("raise ModuleNotFoundError(\"No module named 'xllamacpp'\")", "assistants-bot[local]"),
        ("raise ImportError('libgomp.so.1: cannot open shared object file')", "libgomp1"),
        ("raise ImportError('libstdc++.so.6: cannot open shared object file')", "libstdc++6"),
        ("raise ImportError('invalid ELF header')", "install it again"),
    ],
)
async def test_a_library_that_is_missing_says_what_to_install(
    tmp_path: Path, gguf: Path, monkeypatch: pytest.MonkeyPatch, library: str, told: str
) -> None:
    (tmp_path / "xllamacpp.py").write_text(library)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    model = LocalModel(gguf, label="small")
    with pytest.raises(ModelError, match=r".") as failed:
        await model.start()
    assert told in failed.value.message
    assert "Traceback" not in failed.value.message
    status = await model.check()
    assert not status.ok
    assert told in status.sentence
    await model.close()


async def test_a_check_describes_the_model_without_loading_it(
    make: Callable[..., LocalModel], gguf: Path, tmp_path: Path
) -> None:
    model = make(gguf)
    assert (await model.check()).ok
    assert model.process_id is None
    await model.start()
    status = await model.check()
    assert (status.ok, status.context_window) == (True, 64)
    assert not (await make(tmp_path / "nothing.gguf").check()).ok


async def test_what_the_library_prints_stays_off_the_terminal(
    make: Callable[..., LocalModel], gguf: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await make(gguf).start()
    assert capfd.readouterr() == ("", "")


async def test_the_child_ends_with_its_parent_however_the_parent_ends(
    stand_in: None, gguf: Path
) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio, pathlib, sys\n"
        "from bot.models.local.model import LocalModel\n"
        "async def main():\n"
        "    model = LocalModel(pathlib.Path(sys.argv[1]), label='small')\n"
        "    await model.start()\n"
        "    print(model.process_id, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n",
        str(gguf),
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert psutil.pid_exists(child)
    parent.kill()
    await parent.wait()
    await until_gone(child)


async def test_the_child_ends_with_its_standard_input(stand_in: None) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.models.local.child",
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    _, told = await child.communicate(b"")
    assert b"started by the bot" in told
    assert child.returncode == 1


class TestTheRealOne:
    async def test_the_model_answers_counts_tokens_and_stops_when_nobody_listens(self) -> None:
        gguf = Path(REAL) if REAL else await fetch_weights(ROOT / "data" / "models")
        settings = LocalSettings(
            context=2048, temperature=0.0, repeat_penalty=1.1, longest_answer=100
        )
        model = LocalModel(gguf, label="real", settings=settings)
        try:
            question = UserMessage((Text("What is the capital of France?"),))
            events = await collect(model, ModelRequest(model="m", items=(question,)))
            assert "Paris" in said(events)
            finished = events[-1]
            assert isinstance(finished, Finished)
            assert finished.usage is not None
            assert not finished.usage.estimated
            assert finished.usage.completion_tokens > 0
            assert (await model.check()).context_window == 2048
            async with aclosing(model.stream(asking("Tell me a very long story."))) as stream:
                assert isinstance(await anext(stream), ModelTextDelta)
            # With both slots free again, two more questions are answered at once.
            short = ModelRequest(model="m", items=(UserMessage((Text("Hi"),)),), max_tokens=5)
            both = await asyncio.gather(collect(model, short), collect(model, short))
            assert [events[-1].reason for events in both if isinstance(events[-1], Finished)] == [
                "length",
                "length",
            ]
            _, error = await collect_until_error(model, asking("hello " * 5000))
            assert (error.kind, error.context_window) == ("context_length", 2048)
        finally:
            await model.close()
