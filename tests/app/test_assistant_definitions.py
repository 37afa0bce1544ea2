"""The assistants that config.toml defines, on a real engine and a real ledger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app.assistant_definitions import DEFAULT_ASSISTANT, answering_assistant
from bot.app.container import StartError, secret, server_keys
from bot.assistants.schema.requests import CreateAssistant, ModifyAssistant
from bot.config import AssistantsSettings, Config, ConfigError, parse
from bot.store.ledger import Ledger
from tests.support.assistants import House, house


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path / "engine", "engine") as home:
        yield home


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    ledger = await Ledger.open(tmp_path / "bot.db", lambda: 1.0)
    yield ledger
    await ledger.close()


def _settings(text: str) -> AssistantsSettings:
    return parse(text, "config.toml").assistants


async def _answering(home: House, ledger: Ledger, settings: AssistantsSettings) -> str:
    return await answering_assistant(home.api, ledger, settings, default_model="some-model")


async def test_with_none_defined_a_sensible_one_answers(home: House, ledger: Ledger) -> None:
    made = await home.api.retrieve_assistant(await _answering(home, ledger, Config().assistants))
    assert made.name == DEFAULT_ASSISTANT.name
    assert made.instructions == DEFAULT_ASSISTANT.instructions
    assert made.model == "some-model"


async def test_one_is_made_once_and_changed_only_when_its_section_was(
    home: House, ledger: Ledger
) -> None:
    text = '[[assistants.define]]\nname = "Ada"\ninstructions = "Be kind."\ntemperature = 0.5\n'
    effort = text + 'reasoning_effort = "low"\n'
    first = await _answering(home, ledger, _settings(effort))
    await home.api.modify_assistant(first, ModifyAssistant(description="changed by hand"))
    assert await _answering(home, ledger, _settings(effort)) == first
    kept = await home.api.retrieve_assistant(first)
    assert (kept.description, kept.reasoning_effort) == ("changed by hand", "low")
    other = text.replace("kind", "brief")
    assert await _answering(home, ledger, _settings(other)) == first
    changed = await home.api.retrieve_assistant(first)
    assert (changed.instructions, changed.temperature) == ("Be brief.", 0.5)
    assert changed.reasoning_effort is None  # taken out of the section, and so out of it
    assert len((await home.api.list_assistants()).data) == 1


async def test_one_that_was_deleted_is_made_again(home: House, ledger: Ledger) -> None:
    settings = _settings('[[assistants.define]]\nname = "Ada"\n')
    first = await _answering(home, ledger, settings)
    await home.api.delete_assistant(first)
    again = await _answering(home, ledger, settings)
    assert again != first
    assert (await home.api.retrieve_assistant(again)).name == "Ada"


async def test_the_named_one_answers_else_the_first(home: House, ledger: Ledger) -> None:
    both = '[[assistants.define]]\nname = "Ada"\n[[assistants.define]]\nname = "Ben"\n'
    ada = await home.api.retrieve_assistant(await _answering(home, ledger, _settings(both)))
    ben = await home.api.retrieve_assistant(
        await _answering(home, ledger, _settings(f'[assistants]\nassistant = "Ben"\n{both}'))
    )
    assert (ada.name, ben.name) == ("Ada", "Ben")


async def test_one_that_exists_is_found_by_id_and_by_name(home: House, ledger: Ledger) -> None:
    for number in range(120):  # more than a page
        made = await home.api.create_assistant(CreateAssistant(model="m", name=f"n{number}"))
    for wanted in (made.id, "n0"):
        found = await _answering(home, ledger, _settings(f'[assistants]\nassistant = "{wanted}"'))
        assert (await home.api.retrieve_assistant(found)).name in ("n119", "n0")
    with pytest.raises(ConfigError, match='"nobody" is not there'):
        await _answering(home, ledger, _settings('[assistants]\nassistant = "nobody"'))


async def test_a_definition_that_the_api_refuses_is_told_with_its_name(
    home: House, ledger: Ledger
) -> None:
    text = '[[assistants.define]]\nname = "Ada"\ntools = [{type = "time_travel"}]\n'
    with pytest.raises(ConfigError, match=r'"Ada": Invalid value for .tools.0..type.'):
        await _answering(home, ledger, _settings(text))


def test_server_keys_come_with_their_projects() -> None:
    environment = {"ASSISTANTS_API_KEYS": "team-a=one, two ,team=b=three"}
    assert server_keys(environment) == {"one": "team-a", "two": "default", "three": "team=b"}
    assert server_keys({}) == {}


@pytest.mark.parametrize("keys", ["a=", "a=same,b=same"])
def test_a_wrong_key_is_told_by_its_place_alone(keys: str) -> None:
    with pytest.raises(StartError) as caught:
        server_keys({"ASSISTANTS_API_KEYS": f"first=secret-one,{keys}"})
    assert "Entry" in str(caught.value)
    assert "same" not in str(caught.value)


def test_a_named_variable_that_is_not_set_is_told() -> None:
    assert secret({}, "models", "") is None
    assert secret({"KEY": " k "}, "models", "KEY") == "k"
    with pytest.raises(StartError, match="names KEY, which is not set"):
        secret({"KEY": " "}, "models", "KEY")
