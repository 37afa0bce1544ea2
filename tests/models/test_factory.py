"""Which model the settings mean."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from bot.models.factory import OPENAI_MODEL, OPENAI_URL, ChoiceError, ModelSettings, choose
from bot.models.local.model import LocalModel
from bot.models.presets import LOCAL, REMOTE, Preset
from bot.models.types import HostedTool, Model, NamedHosted, ResumableModel, Started
from tests.models.asking import asking, collect, collect_until_error
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel
from tests.support.responses_endpoint import ScriptedResponses


class Choosing:
    """Chooses by settings in which nothing of this machine plays a part."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        self.chosen: list[Model] = []

    async def __call__(self, **settings: Any) -> Model:
        chosen = await choose(self.settings(**settings), say=self.said.append)
        self.chosen.append(chosen)
        return chosen

    def settings(self, **settings: Any) -> ModelSettings:
        """Settings by which no server of this machine is found but those that ``servers`` has."""
        return ModelSettings(
            directory=self.directory, probe_seconds=PATIENCE, **{"servers": (), **settings}
        )


def at(name: str, url: str) -> Preset:
    """A known endpoint, at a scripted address."""
    return structs.replace(next(each for each in (*REMOTE, *LOCAL) if each.name == name), url=url)


OPENAI = {"OPENAI_API_KEY": "sk-1"}


@pytest.fixture
async def choosing(tmp_path: Path) -> AsyncIterator[Choosing]:
    choosing = Choosing(tmp_path)
    yield choosing
    for model in choosing.chosen:
        await model.close()


async def test_a_key_in_the_environment_means_openai(choosing: Choosing) -> None:
    async with ScriptedModel() as ollama:
        model = await choosing(environment=OPENAI, servers=(at("ollama", ollama.url),))
    assert model.name == "OpenAI, each assistant's model"
    assert choosing.said == [
        "Model: OpenAI, each assistant's model, because OPENAI_API_KEY is set."
    ]
    assert OPENAI_URL == "https://api.openai.com/v1"


async def test_a_url_means_chat_completions_there_and_openais_key_stays_here(
    choosing: Choosing,
) -> None:
    async with ScriptedModel() as endpoint:
        model = await choosing(
            url=endpoint.url, environment={"OPENAI_API_KEY": "sk-openai"}, model="m"
        )
        await collect(model)
        asked = await endpoint.until_request()
        assert "Authorization" not in asked.headers
        assert asked.path == "/v1/chat/completions"
        named = await choosing(
            url=endpoint.url, environment={"OPENAI_API_KEY": "sk-openai"}, api_key="sk-named"
        )
        await collect(named)
        assert endpoint.requests[-1].headers["Authorization"] == "Bearer sk-named"
    assert "because [models] url is set" in choosing.said[0]


async def test_without_a_key_a_model_server_here_is_used_with_the_model_it_has(
    choosing: Choosing,
) -> None:
    async with ScriptedModel(models=["nomic-embed-text", "llama3.2", "qwen3"]) as ollama:
        model = await choosing(servers=(at("ollama", ollama.url),))
        await collect(model, asking(model="gpt-4o"))
        assert (await ollama.until_request()).body["model"] == "llama3.2"
    assert "because it answers there" in choosing.said[0]


async def test_a_model_that_is_named_is_used_there(choosing: Choosing) -> None:
    async with ScriptedModel(models=["llama3.2", "qwen3"]) as ollama:
        model = await choosing(servers=(at("ollama", ollama.url),), model="qwen3")
        await collect(model)
        assert (await ollama.until_request()).body["model"] == "qwen3"


async def test_with_nothing_there_the_local_model_is_used_and_its_limits_are_said(
    choosing: Choosing,
) -> None:
    assert isinstance(await choosing(), LocalModel)
    assert "no endpoint's key is set" in choosing.said[0]
    assert "calls no tools" in choosing.said[0]
    assert "downloaded once, 98 MB" in choosing.said[0]


async def test_a_model_server_without_a_model_is_passed_over(choosing: Choosing) -> None:
    async with ScriptedModel(models=[]) as ollama:
        assert isinstance(await choosing(servers=(at("ollama", ollama.url),)), LocalModel)
    assert "none of Ollama answers" in choosing.said[0]


async def test_a_configured_endpoint_is_used_whatever_else_is_available(choosing: Choosing) -> None:
    async with ScriptedModel() as endpoint:
        model = await choosing(
            endpoint="chat", url=endpoint.url, api_key="k", environment=OPENAI, model="x"
        )
        await collect(model)
        asked = await endpoint.until_request()
    assert asked.headers["Authorization"] == "Bearer k"
    assert asked.body["model"] == "x"
    assert isinstance(await choosing(endpoint="local", environment=OPENAI), LocalModel)


async def test_openai_behind_another_url_is_still_openai(choosing: Choosing) -> None:
    async with ScriptedResponses(api_key="sk-1") as proxy:
        model = await choosing(endpoint="openai", environment=OPENAI, url=proxy.url)
        await collect(model, asking(model="gpt-4o"))
        asked = await proxy.until_request()
    assert asked.path == "/v1/responses"
    assert asked.body["model"] == "gpt-4o"
    assert asked.body["store"] is False


async def test_openai_is_asked_for_a_model_that_it_has_where_nobody_chose_one(
    choosing: Choosing,
) -> None:
    async with ScriptedResponses() as proxy:
        model = await choosing(endpoint="openai", environment=OPENAI, url=proxy.url)
        await collect(model, asking(model="default"))
        asked = await proxy.until_request()
    assert asked.body["model"] == OPENAI_MODEL


async def test_openai_answers_in_the_background_where_that_is_set(choosing: Choosing) -> None:
    async with ScriptedResponses() as proxy:
        model = await choosing(
            endpoint="openai", environment=OPENAI, url=proxy.url, background=True
        )
        events = await collect(model)
        assert (await proxy.until_request()).body["background"] is True
    assert isinstance(model, ResumableModel)
    assert isinstance(events[0], Started)


async def test_only_openai_runs_tools_of_its_own(choosing: Choosing, tmp_path: Path) -> None:
    tool = structs.replace(asking(), hosted=(HostedTool("web_search"),))
    choice = structs.replace(asking(), tool_choice=NamedHosted("web_search"))
    openai = await choosing(environment=OPENAI)
    assert openai.hosts == {"code_interpreter", "web_search"}
    async with ScriptedModel() as endpoint:
        chat = await choosing(endpoint="chat", url=endpoint.url)
        local = await choosing(endpoint="local", gguf=tmp_path / "mine.gguf")
        for model in (chat, local):
            assert model.hosts == frozenset()
            assert not isinstance(model, ResumableModel)
            for request in (tool, choice):
                _, error = await collect_until_error(model, request)
                assert (error.kind, error.code) == ("unsupported", "invalid_prompt")
                assert "does not run web_search itself" in error.message
        assert endpoint.requests == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"endpoint": "openai"}, "OPENAI_API_KEY is not set"),
        ({"endpoint": "chat"}, r"\[models\] url is not set"),
        ({"endpoint": "chat", "url": "localhost:8000"}, "begins with http"),
        ({"environment": {"OPENAI_API_KEY": "sk-1\nsk-2"}}, "copied whole"),
    ],
)
async def test_settings_that_choose_nothing_say_what_to_set(
    choosing: Choosing, settings: dict[str, Any], told: str
) -> None:
    with pytest.raises(ChoiceError, match=told) as refused:
        await choosing(**settings)
    assert "sk-1" not in str(refused.value)
