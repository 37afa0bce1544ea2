"""Audio at an endpoint with OpenAI's form: words, or one of three problems."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.models.transcription import TranscriptionEndpoint, TranscriptionError
from bot.runtime.retry import RetryPolicy
from tests.support.fake_clock import FakeClock
from tests.support.transcription import ScriptedTranscriber

AUDIO = b"OggS" + bytes(range(256))


@asynccontextmanager
async def asking(url: str, *, seconds: float = 20.0) -> AsyncIterator[TranscriptionEndpoint]:
    endpoint = TranscriptionEndpoint(
        url,
        "whisper-1",
        api_key="sk-secret",
        clock=FakeClock(skips=True),
        retries=RetryPolicy(attempts=3),
        seconds=seconds,
    )
    try:
        yield endpoint
    finally:
        await endpoint.close()


@pytest.fixture
async def served() -> AsyncIterator[ScriptedTranscriber]:
    async with ScriptedTranscriber() as scripted:
        yield scripted


async def test_the_file_goes_as_openais_form_and_its_words_come_back(
    served: ScriptedTranscriber,
) -> None:
    async with asking(served.url) as endpoint:
        assert await endpoint.transcribe('a "b"\n.ogg', AUDIO) == "Hello there."
    (form,) = served.forms
    assert form == {"model": b"whisper-1", "response_format": b"json", "file": AUDIO}
    assert served.keys == ["Bearer sk-secret"]
    (name,) = served.names
    assert name is not None
    assert name.endswith(".ogg")


@pytest.mark.parametrize("statuses", [[500], [503, 429]])
async def test_a_passing_failure_is_tried_again(
    served: ScriptedTranscriber, statuses: list[int]
) -> None:
    served.statuses = [*statuses]
    async with asking(served.url) as endpoint:
        assert await endpoint.transcribe("a.ogg", AUDIO) == "Hello there."
    assert [form["file"] for form in served.forms] == [AUDIO] * (len(statuses) + 1)


@pytest.mark.parametrize(
    ("statuses", "answer", "problem"),
    [
        ([400], "", "no_audio"),
        ([415], "", "no_audio"),
        ([413], "", "no_audio"),
        ([401], "", "refused"),
        ([404], "", "refused"),
        ([500] * 3, "", "refused"),
        ([], "<html>hello", "unreachable"),
        ([], '{"words": []}', "unreachable"),
        ([], "", "unreachable"),
    ],
)
async def test_a_failed_transcription_is_one_of_three_problems(
    served: ScriptedTranscriber, statuses: list[int], answer: str, problem: str
) -> None:
    served.statuses, served.answer = [*statuses], answer
    async with asking(served.url) as endpoint:
        with pytest.raises(TranscriptionError) as caught:
            await endpoint.transcribe("a.ogg", AUDIO)
    assert caught.value.problem == problem
    assert "secret" not in str(caught.value)


async def test_an_endpoint_that_is_down_is_unreachable(served: ScriptedTranscriber) -> None:
    async with asking("http://127.0.0.1:9/v1") as endpoint:
        with pytest.raises(TranscriptionError) as caught:
            await endpoint.transcribe("a.ogg", AUDIO)
    assert caught.value.problem == "unreachable"


@pytest.mark.parametrize(("url", "key"), [("ftp://x/v1", "sk"), ("http://x/v1", "sk\n2")])
def test_an_unusable_url_or_key_is_refused_at_once(url: str, key: str) -> None:
    with pytest.raises(ValueError, match=r"URL|key"):
        TranscriptionEndpoint(url, "whisper-1", api_key=key, clock=FakeClock())
