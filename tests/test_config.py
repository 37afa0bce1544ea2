"""What config.toml may say, and the one line that tells what it may not."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import Config, ConfigError, load, parse

PROJECT = Path(__file__).parents[1]


def _error(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "config.toml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_shipped_file_says_exactly_the_defaults() -> None:
    assert parse((PROJECT / "config.toml").read_text(), "config.toml") == Config()


def test_the_shipped_file_names_every_key() -> None:
    text = (PROJECT / "config.toml").read_text()
    for name in Config.__struct_fields__:
        assert f"[{name}]" in text
        for key in getattr(Config(), name).__struct_fields__:
            assert f"\n{key} =" in text or f"[{name}.{key}]" in text, key
    for key in ("name", "model", "description", "instructions", "tools", "temperature", "top_p"):
        assert key in text.partition("[[assistants.define]]")[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            '[discord]\nanswer_inn = "thread"',
            "Unknown key: [discord] answer_inn. Did you mean answer_in?",
        ),
        ("[dicord]", "Unknown key: [dicord]. Did you mean discord?"),
        ("[storage]\ncolour = 1", "Unknown key: [storage] colour. The known keys are: directory."),
        (
            '[discord]\nanswer_in = "dm"',
            "Invalid value for [discord] answer_in: 'dm'. Supported values are: 'channel' and "
            "'thread'.",
        ),
        (
            "[server]\nport = 99999",
            "Invalid [server] port: integer above maximum value. Expected a value <= 65535, but "
            "got 99999 instead. Write a whole number from 0 to 65535.",
        ),
        (
            '[server]\nport = "8765"',
            "Invalid type for [server] port: expected a whole number, but got a string in quotes "
            "instead. Write a whole number from 0 to 65535.",
        ),
        (
            "[server]\nport = 2026-11-26",
            "expected a whole number, but got a date instead. Write a whole number from 0 to "
            "65535.",
        ),
        (
            "[server]\nenabled = 1",
            "Invalid type for [server] enabled: expected true or false, but got a whole number "
            "instead.",
        ),
        ("[server]\nport = true", "expected a whole number, but got true or false instead."),
        (
            "[storage]\ndirectory = 3",
            "expected a string in quotes, but got a whole number instead.",
        ),
        ('[discord]\nfooter = "time"', "expected an array, but got a string in quotes instead."),
        (
            "discord = 3",
            "Invalid type for [discord]: expected a table, but got a whole number instead.",
        ),
        ('[prices.models."m-1"]\ninput = 2', "Missing required key: [prices] models.m-1.output."),
        (
            '[prices.models."m-1"]\ninput = -2\noutput = 1',
            "Invalid [prices] models.m-1.input: decimal below minimum value. Expected a value >= "
            "0, but got -2 instead. Write a number from 0 to 10000.",
        ),
        ('[prices.models."m-1"]\ninput = 2\noutput = 2e4', "a number from 0 to 10000"),
        ('[prices.models."m-1"]\ninput = nan\noutput = 1', "a number from 0 to 10000"),
        ('[prices.models."m-1"]\ninput = inf\noutput = 1', "a number from 0 to 10000"),
        (
            '[prices.models."m-1"]\ninput = "2"\noutput = 1',
            "Invalid type for [prices] models.m-1.input",
        ),
        (
            "[prices]\nmodels = 3",
            "Invalid type for [prices] models: expected a table, but got a whole number instead.",
        ),
        (
            '[prices.models."m-1"]\ninput = 1\ncached_input = 2\noutput = 1',
            '[prices.models."m-1"] cached_input = 2 is higher than input = 1.',
        ),
        (
            "[limits.member]\ntokens_per_day = -1",
            "Invalid [limits] member.tokens_per_day: integer below minimum value.",
        ),
        ("[limits.member]\nmoney_per_day = nan", "a number from 0 to 1000000"),
        ("[limits.member]\nmoney_per_day = 1", "[prices.models] has no price"),
        (
            "[limits.member]\ntoken_per_day = 1",
            "Unknown key: [limits] member.token_per_day. Did you mean tokens_per_day?",
        ),
        ("[limits.members.ada]\ntokens_per_day = 1", '[limits.members] "ada" is not an id'),
        ("[limits.roles.0]\ntokens_per_day = 1", '[limits.roles] "0" is not an id'),
        (
            "[limits]\ncompletion_tokens = 100",
            "Expected a value >= 256, but got 100 instead. Write 0 for no maximum.",
        ),
        ("[limits]\nburst = 0", "a whole number from 1 to 1000"),
        ("[engine]\nmax_concurrent_runs = 0", "a whole number of at least 1"),
        ("[engine]\nrun_expires_after = 0.5", "a number of at least 1"),
        ("[discord]\ncontext_messages = 51", "a whole number from 0 to 50"),
        ('[discord]\ntime_zone = "Mars/Olympus"', "is not a known time zone"),
        ('[discord]\ntime_zone = "../../etc"', "is not a known time zone"),
        ('[models.transcription]\nurl = "api"', "Invalid [models.transcription] url. Expected"),
        ('[models.transcription]\napi_key_env = "sk-1"', "[models.transcription] api_key_env is"),
        (
            '[models.transcription]\nmodel = ""',
            "string too short. Expected a string with minimum length 1",
        ),
        ('[storage]\ndirectory = ""', "Invalid [storage] directory: string too short."),
        (
            '[[assistants.define]]\nname = "a"\n[[assistants.define]]\nmodel = "x"',
            "Missing required key: name in [[assistants.define]] number 2.",
        ),
        (
            '[[tools.rules]]\ndecision = "maybe"',
            "Invalid value for decision in [[tools.rules]] number 1: 'maybe'. Supported values "
            "are: 'allow', 'ask', and 'deny'.",
        ),
        ("[assistants]\ndefine = [3]", "Invalid type for [assistants] define: expected a table"),
        (
            '[[assistants.define]]\nname = "a"\ntemperature = "hot"',
            "Invalid type for temperature in [[assistants.define]] number 1: expected a number, "
            "but got a string in quotes instead. Write a number from 0 to 2.",
        ),
        ('[[assistants.define]]\nname = "a"\ntemperature = 3', "a number from 0 to 2"),
        (
            '[[assistants.define]]\nname = "a"\n[[assistants.define]]\nname = "a"',
            "Duplicate name: 'a' in [[assistants.define]]. Rename one.",
        ),
        (
            '[assistants]\nassistant = "b"\n[[assistants.define]]\nname = "a"',
            '"b" is not defined. Use "a"',
        ),
        ('[models]\nendpoint = "chat"', "needs url"),
        (
            '[models]\nurl = "localhost:1"',
            "Invalid [models] url. Expected a valid URL, but got a value with an invalid format. "
            "Write one that begins with http:// or https://.",
        ),
        ('[discord]\ngateway_url = "http://x"', "Write one that begins with ws:// or wss://."),
        ("[discord", "is not valid TOML"),
        ("[server]\nport = " + "1" * 5000, "is not valid TOML"),
        (
            "[server]\nport = 0x" + "f" * 5000,
            "integer above maximum value. Expected a value <= 65535",
        ),
        ('[discord]\nattachment_hosts = ["https://cdn"]', "which is not a host name"),
        ("[tools.search]\nengine = 'searxng'", "needs url: the address of your SearXNG"),
        ("[tools.search]\nengine = 'brave'", "needs api_key_env"),
        ('[tools.mcp."a b"]\nurl = "http://x"', "the name of a server has letters"),
        ("[tools.mcp.a]", "needs either command, the program to start, or url"),
        ('[tools.mcp.a]\nurl = "http://x"\ncommand = ["y"]', "needs either command"),
        ('[tools.mcp.a]\nurl = "http://x"\nheaders = { A = "Bearer 1" }', "write only the name"),
        ("[tools.mcp.a]\nurl = 'http://x'\nseconds = 0", "a number above 0, at most 600"),
    ],
)
def test_an_invalid_file_gets_a_one_line_error_with_key_value_and_valid_values(
    text: str, wanted: str
) -> None:
    message = _error(text)
    assert message.startswith("config.toml")
    assert wanted in message


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")))
values = st.recursive(st.booleans() | st.integers(-(2**60), 2**60) | texts, st.lists, max_leaves=5)
keys = [
    (section, key)
    for section in Config.__struct_fields__
    for key in getattr(Config(), section).__struct_fields__
]


@given(st.sampled_from(keys), values)
def test_any_value_of_any_key_is_accepted_or_gets_an_error_with_its_key(
    where: tuple[str, str], value: object
) -> None:
    section, key = where
    text = f"[{section}]\n{key} = {json.dumps(value, ensure_ascii=False)}"
    problem = ""
    try:
        parse(text, "config.toml")
    except ConfigError as error:
        problem = str(error)
    assert not problem or key in problem


@pytest.mark.parametrize("section", ["assistants", "models"])
def test_a_key_in_place_of_its_variables_name_is_not_quoted(section: str) -> None:
    message = _error(f'[{section}]\napi_key_env = "sk-very-secret"')
    assert "is not the name of an environment variable" in message
    assert "secret" not in message


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path / "nowhere.toml")


def test_a_file_that_is_not_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="can't be read"):
        load(path)


def test_relative_paths_are_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[storage]\ndirectory = "here"\n[models]\ngguf = "a.gguf"\n')
    config = load(path)
    assert config.storage.directory == str(tmp_path / "here")
    assert config.models.gguf == str(tmp_path / "a.gguf")
