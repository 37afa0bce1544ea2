"""Known endpoints: which one "auto" takes, what each is asked, and in which form."""

from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web
from msgspec import structs

from bot.config import LocalName, RemoteName
from bot.models.chat_completions.dialect import ChatDialect
from bot.models.chat_completions.request import chat_body
from bot.models.factory import ChoiceError, ModelSettings, alternatives, choose
from bot.models.presets import LOCAL, REMOTE, Preset, running_servers
from bot.models.types import Model
from tests.models.asking import asking, collect
from tests.support.eventually import PATIENCE
from tests.support.model_endpoint import ScriptedModel

ALL = {str(preset.name): preset for preset in (*REMOTE, *LOCAL)}


def at(name: str, url: str) -> Preset:
    return structs.replace(ALL[name], url=url)


async def chosen(directory: Path, said: list[str], **settings: Any) -> Model:
    given = {"servers": (), "probe_seconds": PATIENCE, **settings}
    return await choose(ModelSettings(directory=directory, **given), say=said.append)


def test_config_toml_knows_each_preset_by_name() -> None:
    assert tuple(sorted(ALL)) == tuple(sorted((*get_args(RemoteName), *get_args(LocalName))))


@pytest.mark.parametrize("name", get_args(RemoteName))
async def test_a_key_in_the_environment_chooses_its_endpoint_and_says_so(
    tmp_path: Path, name: str
) -> None:
    said: list[str] = []
    key = ALL[name].key_env
    async with ScriptedModel(api_key="k-1", models=["m-embed", "m-chat"]) as endpoint:
        model = await chosen(
            tmp_path, said, environment={key: " k-1 "}, remote=(at(name, endpoint.url),)
        )
        await collect(model, asking(model="gpt-4o"))
        asked = await endpoint.until_request()
        await model.close()
    assert asked.headers["Authorization"] == "Bearer k-1"
    assert asked.body["model"] == "m-chat"
    assert f"Model: {ALL[name].label}," in said[0]
    assert f"because {key} is set" in said[0]


@pytest.mark.parametrize("name", get_args(LocalName))
async def test_a_server_on_its_usual_port_is_found_and_named(tmp_path: Path, name: str) -> None:
    said: list[str] = []
    async with ScriptedModel(models=["text-embedding-nomic", "qwen3"]) as endpoint:
        model = await chosen(tmp_path, said, servers=(at(name, endpoint.url),))
        await collect(model, asking(model="gpt-4o"))
        assert (await endpoint.until_request()).body["model"] == "qwen3"
        await model.close()
    assert said[0].startswith(f"Model: {ALL[name].label}, ")


async def test_a_key_goes_only_to_its_own_endpoint(tmp_path: Path) -> None:
    keys = {preset.key_env: f"key of {preset.name}" for preset in REMOTE}
    async with ScriptedModel() as endpoint:
        for settings in (
            {"url": endpoint.url},
            {"endpoint": "ollama", "servers": (at("ollama", endpoint.url),)},
        ):
            model = await chosen(tmp_path, [], environment=keys, **settings)
            await collect(model, asking())
            await model.close()
            assert "Authorization" not in endpoint.requests[-1].headers


async def test_a_configured_key_does_not_go_where_auto_finds_another(tmp_path: Path) -> None:
    async with ScriptedModel() as endpoint:
        model = await chosen(
            tmp_path,
            [],
            api_key="sk-other",
            environment={"GROQ_API_KEY": "k"},
            remote=(at("groq", endpoint.url),),
        )
        await collect(model, asking())
        await model.close()
        assert endpoint.requests[-1].headers["Authorization"] == "Bearer k"


async def test_a_named_endpoint_without_its_key_says_where_keys_are_made(tmp_path: Path) -> None:
    for preset in REMOTE:
        with pytest.raises(ChoiceError, match=preset.key_env) as refused:
            await chosen(tmp_path, [], endpoint=preset.name)
        assert preset.keys_page in str(refused.value)


async def test_an_endpoint_that_is_down_keeps_its_place_with_the_preferred_model(
    tmp_path: Path,
) -> None:
    said: list[str] = []
    down = at("groq", "http://127.0.0.1:9/v1")
    model = await chosen(tmp_path, said, environment={"GROQ_API_KEY": "k"}, remote=(down,))
    await model.close()
    assert ALL["groq"].preferred[0] in model.name


@pytest.mark.parametrize(
    ("name", "listed", "best"),
    [
        ("gemini", ["models/gemini-embedding-001", "models/gemini-flash-latest"], None),
        ("gemini", ["models/imagen-4", "models/gemma-3-27b-it"], "gemma-3-27b-it"),
        ("groq", ["whisper-large-v3", "llama-3.3-70b-versatile"], "llama-3.3-70b-versatile"),
        ("groq", ["llama-guard-4-12b", "qwen3"], "qwen3"),
        (
            "mistral",
            ["mistral-ocr-latest", "mistral-embed", "codestral-latest"],
            "codestral-latest",
        ),
        ("ollama", ["bge-m3"], "bge-m3"),
        ("ollama", [], ""),
    ],
)
def test_the_best_of_the_listed_models_chats(
    name: str, listed: list[str], best: str | None
) -> None:
    preset = ALL[name]
    assert preset.best_of(listed) == (preset.preferred[0] if best is None else best)


async def test_a_web_page_on_a_usual_port_is_no_model_server() -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async with ScriptedModel() as other, ScriptedModel(models=["m"]) as real:
        other.list_models = page
        found = await running_servers((at("vllm", other.url), at("llamacpp", real.url)), PATIENCE)
    assert [(each.preset.name, each.models) for each in found] == [("llamacpp", ("m",))]


async def test_the_others_are_listed_beside_the_one_that_is_taken(tmp_path: Path) -> None:
    environment = {"OPENAI_API_KEY": "a", "GROQ_API_KEY": "b"}
    async with ScriptedModel() as server:
        settings = ModelSettings(
            directory=tmp_path,
            environment=environment,
            servers=(at("ollama", server.url),),
            probe_seconds=PATIENCE,
        )
        local = f"Ollama at {server.url}"
        groq = "Groq (GROQ_API_KEY is set)"
        assert await alternatives(settings) == [groq, local]
        named = structs.replace(settings, endpoint="groq")
        assert await alternatives(named) == ["OpenAI (OPENAI_API_KEY is set)", local]


DOCUMENTED = {
    "api.groq.com": {"max_completion_tokens", "stream_options", "user"},
    "api.mistral.ai": {"max_tokens"},
    "generativelanguage.googleapis.com": {"max_tokens", "stream_options"},
    "openrouter.ai": {"max_tokens", "stream_options", "user"},
    "api.openai.com": {"max_completion_tokens", "stream_options", "safety_identifier"},
    "127.0.0.1": {"max_tokens", "stream_options", "user"},
}
"""The fields that the endpoints document, of those in which they differ."""


@pytest.mark.parametrize("host", DOCUMENTED)
def test_each_endpoint_is_sent_only_the_fields_that_it_documents(host: str) -> None:
    request = structs.replace(asking(), max_tokens=100, user_key="u")
    body = chat_body(request, "m", ChatDialect.of_host(host))
    differing = set().union(*DOCUMENTED.values())
    assert body.keys() & differing == DOCUMENTED[host]
