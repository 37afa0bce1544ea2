"""The assistants that config.toml defines, on a real engine and a real ledger."""

from pathlib import Path

import pytest

from bot.app import StartError
from bot.app.assistant_definitions import DEFAULT_ASSISTANT, configured_assistants
from bot.app.keys import secret, server_keys
from bot.assistants.schema.requests import CreateAssistant, ModifyAssistant
from bot.config import AssistantsSettings, Config, ConfigError, ModelsSettings, parse
from bot.store.ledger import Ledger
from bot.tools.functions import Functions
from tests.support.assistants import House


def _settings(text: str) -> AssistantsSettings:
    return parse(text, "config.toml").assistants


async def _answering(home: House, ledger: Ledger, settings: AssistantsSettings) -> str:
    config = Config(assistants=settings, models=ModelsSettings(model="some-model"))
    return (
        await configured_assistants(home.api, ledger, config, functions=lambda _: [])
    ).default_id


async def test_an_assistant_gets_the_functions_that_its_section_names(
    home: House, ledger: Ledger
) -> None:
    settings = _settings(
        '[[assistants.define]]\nname = "Ada"\nfunctions = ["roll_*", "calculate"]\n'
        'tools = [{ type = "code_interpreter" }]\n'
    )
    functions = Functions()
    await functions.reload()

    async def names(patterns_known: bool) -> list[str]:
        made = await configured_assistants(
            home.api,
            ledger,
            Config(assistants=settings),
            functions=functions.definitions if patterns_known else lambda patterns: [],
        )
        assistant = await home.api.retrieve_assistant(made.default_id)
        return [getattr(getattr(tool, "function", None), "name", "") for tool in assistant.tools]

    assert await names(True) == ["", "roll_dice", "calculate"]
    # A function that is gone leaves the assistant.
    assert await names(False) == [""]
    await functions.close()


async def test_without_a_defined_assistant_a_default_one_answers(
    home: House, ledger: Ledger
) -> None:
    made = await home.api.retrieve_assistant(await _answering(home, ledger, Config().assistants))
    assert made.name == DEFAULT_ASSISTANT.name
    assert made.instructions == DEFAULT_ASSISTANT.instructions
    assert made.model == "some-model"


async def test_an_assistant_is_created_once_and_changed_only_with_its_section(
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


async def test_a_deleted_assistant_is_created_again(home: House, ledger: Ledger) -> None:
    settings = _settings('[[assistants.define]]\nname = "Ada"\n')
    first = await _answering(home, ledger, settings)
    await home.api.delete_assistant(first)
    again = await _answering(home, ledger, settings)
    assert again != first
    assert (await home.api.retrieve_assistant(again)).name == "Ada"


async def test_the_named_assistant_answers_else_the_first(home: House, ledger: Ledger) -> None:
    both = '[[assistants.define]]\nname = "Ada"\n[[assistants.define]]\nname = "Ben"\n'
    ada = await home.api.retrieve_assistant(await _answering(home, ledger, _settings(both)))
    ben = await home.api.retrieve_assistant(
        await _answering(home, ledger, _settings(f'[assistants]\nassistant = "Ben"\n{both}'))
    )
    assert (ada.name, ben.name) == ("Ada", "Ben")


async def test_an_existing_assistant_is_found_by_id_and_by_name(
    home: House, ledger: Ledger
) -> None:
    for number in range(120):  # more than a page
        made = await home.api.create_assistant(CreateAssistant(model="m", name=f"n{number}"))
    for wanted, name in ((made.id, "n119"), ("n0", "n0")):
        found = await _answering(home, ledger, _settings(f'[assistants]\nassistant = "{wanted}"'))
        assert (await home.api.retrieve_assistant(found)).name == name
    with pytest.raises(ConfigError, match='"nobody" does not exist'):
        await _answering(home, ledger, _settings('[assistants]\nassistant = "nobody"'))


async def test_a_definition_that_the_api_refuses_is_told_with_its_name(
    home: House, ledger: Ledger
) -> None:
    text = '[[assistants.define]]\nname = "Ada"\ntools = [{type = "time_travel"}]\n'
    with pytest.raises(ConfigError, match=r'"Ada": Invalid value for .tools.0..type.'):
        await _answering(home, ledger, _settings(text))


SECRET = "0123456789abcdef"
OTHER = "fedcba9876543210"


@pytest.mark.parametrize(
    ("listed", "keys"),
    [
        ("", {}),
        (" , ", {}),
        (f"team={SECRET}", {SECRET: "team"}),
        (f" team = {SECRET} ,", {SECRET: "team"}),
        (f"team={SECRET},other={OTHER}", {SECRET: "team", OTHER: "other"}),
        (f"team={SECRET},team={OTHER}", {SECRET: "team", OTHER: "team"}),
        # The first equals sign ends the project's name, so that a key may hold more of them.
        (f"team={SECRET}==,b==={OTHER}", {f"{SECRET}==": "team", f"=={OTHER}": "b"}),
        (SECRET, {SECRET: "default"}),
    ],
)
def test_server_keys_come_with_their_projects(listed: str, keys: dict[str, str]) -> None:
    assert server_keys({"ASSISTANTS_API_KEYS": listed}) == keys


@pytest.mark.parametrize(
    ("listed", "entry", "told"),
    [
        (f"team={SECRET},{OTHER}", 2, "names no project"),
        (f"{SECRET},team={OTHER}", 1, "names no project"),
        (f"team={SECRET},after the comma", 2, "A key that contains a comma"),
        (f"={SECRET}", 1, "names no project"),
        ("team=", 1, "fewer than 16 characters"),
        ("team=0123456789abcde", 1, "fewer than 16 characters"),
        ("0123456789abcde", 1, "fewer than 16 characters"),
        ("0123456789abcdef0123456789abcdef==", 1, "fewer than 16 characters"),
        (f"a={SECRET},,b={SECRET}", 3, "the key of another entry"),
    ],
)
def test_a_wrong_key_is_told_by_its_place_alone(listed: str, entry: int, told: str) -> None:
    with pytest.raises(
        StartError, match=f"Entry {entry} of ASSISTANTS_API_KEYS .*{told}"
    ) as caught:
        server_keys({"ASSISTANTS_API_KEYS": listed})
    for secret_part in ("0123456789", OTHER, "after the comma"):
        assert secret_part not in str(caught.value)


def test_keys_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"\ufeff# the teams\n\nteam={SECRET},with,commas\r\n  other={OTHER}\n")
    environment = {"ASSISTANTS_API_KEYS_FILE": str(file)}
    keys = {f"{SECRET},with,commas": "team", OTHER: "other"}
    assert server_keys(environment) == keys
    environment["ASSISTANTS_API_KEYS"] = f"third={SECRET}"
    assert server_keys(environment) == {SECRET: "third", **keys}
    file.write_text(f"team={SECRET}\nother=short\n")
    with pytest.raises(StartError, match=r"Line 2 of .*keys has a key of fewer"):
        server_keys({"ASSISTANTS_API_KEYS_FILE": str(file)})
    file.write_text(f"{SECRET}\n")
    assert server_keys({"ASSISTANTS_API_KEYS_FILE": str(file)}) == {SECRET: "default"}


@pytest.mark.parametrize("content", [None, b"", b"# nobody\n", b"\xff\xfe\x00"])
def test_a_file_of_keys_that_gives_none_is_told(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartError, match="ASSISTANTS_API_KEYS_FILE names"):
        server_keys({"ASSISTANTS_API_KEYS_FILE": str(file)})


def test_a_named_variable_that_is_not_set_is_told() -> None:
    assert secret({}, "models", "") is None
    assert secret({"KEY": " k "}, "models", "KEY") == "k"
    with pytest.raises(StartError, match="names KEY, which is not set"):
        secret({"KEY": " "}, "models", "KEY")
