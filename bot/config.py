"""config.toml to frozen sections; every error names the key, the value and what would do.

Secrets are not here: sections name environment variables, and ``app`` reads those.
"""

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, inspect

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every section has in common: a key it does not know is refused."""


class DiscordSettings(Section, frozen=True, kw_only=True):
    """How the bot is on Discord."""

    answer_in: Literal["thread", "channel"] = "thread"
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = ""
    attachment_hosts: tuple[str, ...] = ("cdn.discordapp.com", "media.discordapp.net")


class AssistantSettings(Section, frozen=True, kw_only=True):
    """An assistant that the bot defines: made at start, changed only when this section was."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    model: str = ""
    description: str = ""
    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasoning_effort: str = ""
    response_format: dict[str, Any] | None = None
    metadata: dict[str, str] = {}


class AssistantsSettings(Section, frozen=True, kw_only=True):
    """Which Assistants API the bot uses, and which assistant of it answers."""

    url: str = "embedded"
    api_key_env: str = ""
    assistant: str = ""
    define: tuple[AssistantSettings, ...] = ()


class EngineSettings(Section, frozen=True, kw_only=True):
    """How runs are executed."""

    max_concurrent_runs: Positive = 64
    run_expires_after: Annotated[float, Meta(ge=1)] = 600.0
    ingestion_seconds_per_hour: Annotated[float, Meta(ge=1)] = 3600.0


class CodeInterpreterSettings(Section, frozen=True, kw_only=True):
    """What the code that models write may keep."""

    files_expire_after_days: Positive = 30
    files_mib_per_thread: Positive = 128
    files_mib_per_project: Positive = 1024
    sessions_mib_per_project: Positive = 64


class ModelsSettings(Section, frozen=True, kw_only=True):
    """Which model answers."""

    endpoint: Literal["auto", "openai", "chat", "local"] = "auto"
    url: str = ""
    model: str = ""
    api_key_env: str = ""
    gguf: str = ""
    context_window: Annotated[int, Meta(ge=0)] = 0
    background: bool = False


class StorageSettings(Section, frozen=True, kw_only=True):
    """Where the databases are."""

    directory: Annotated[str, Meta(min_length=1)] = "data"


class ServerSettings(Section, frozen=True, kw_only=True):
    """The Assistants API over HTTP, beside the bot."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: Port = 8765
    allowed_origins: tuple[str, ...] = ()


class Config(Section, frozen=True, kw_only=True):
    """All of config.toml; what is not written there has these defaults."""

    discord: DiscordSettings = DiscordSettings()
    assistants: AssistantsSettings = AssistantsSettings()
    engine: EngineSettings = EngineSettings()
    code_interpreter: CodeInterpreterSettings = CodeInterpreterSettings()
    models: ModelsSettings = ModelsSettings()
    storage: StorageSettings = StorageSettings()
    server: ServerSettings = ServerSettings()


class ConfigError(Exception):
    """A configuration that can't be used, in one line for the person who wrote it."""


def load(path: Path) -> Config:
    """Read a config file; raises ``ConfigError`` naming the file, the key and what would do.

    Paths come back absolute: a relative one is beside the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is not there. Name the file with --config, or start from the project's "
            "config.toml."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path} can't be read: {reason}.") from None
    config = parse(text, str(path))
    beside = path.resolve().parent
    directory = beside / Path(config.storage.directory).expanduser()
    config = msgspec.structs.replace(config, storage=StorageSettings(directory=str(directory)))
    if config.models.gguf:
        gguf = str(beside / Path(config.models.gguf).expanduser())
        models = msgspec.structs.replace(config.models, gguf=gguf)
        config = msgspec.structs.replace(config, models=models)
    return config


def parse(text: str, source: str) -> Config:
    """Read the text of a config file; ``source`` names it in errors (``ConfigError``)."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not valid TOML: {error}.") from None
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {_worded(str(error), raw)}") from None
    problem = _contradiction(config)
    if problem:
        raise ConfigError(f"{source}: {problem}")
    return config


_WHERE: Final = re.compile(r" - at `\$(?P<path>[^`]*)`\Z")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


def _contradiction(config: Config) -> str:
    models, assistants = config.models, config.assistants
    if models.endpoint == "chat" and not models.url:
        return (
            '[models] endpoint = "chat" needs url: the endpoint\'s address, such as '
            '"http://127.0.0.1:11434/v1".'
        )
    for key, url in (
        ("[models] url", models.url),
        ("[discord] api_url", config.discord.api_url),
        ("[assistants] url", "" if assistants.url == "embedded" else assistants.url),
    ):
        if url and not re.match(r"https?://[^/\s]+", url):
            return f'{key} = "{url}" is not an address: it begins with http:// or https://.'
    for host in config.discord.attachment_hosts:
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host):
            return (
                f'[discord] attachment_hosts has "{host}", which is not a host\'s name: write '
                '"cdn.discordapp.com", with no scheme, port or path.'
            )
    gateway = config.discord.gateway_url
    if gateway and not re.match(r"wss?://[^/\s]+", gateway):
        return (
            f'[discord] gateway_url = "{gateway}" is not a gateway: it begins with ws:// or wss://.'
        )
    for section, variable in (
        ("assistants", assistants.api_key_env),
        ("models", models.api_key_env),
    ):
        if variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            # Somebody may have put the key itself there: it is not repeated.
            return (
                f"[{section}] api_key_env is not a variable's name. Put the key into the "
                "environment, and here only the name of the variable that holds it."
            )
    names = [each.name for each in assistants.define]
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled:
        return f'two [[assistants.define]] sections have the name "{doubled}": give each its own.'
    if names and assistants.assistant not in ("", *names) and not _is_id(assistants.assistant):
        return (
            f'[assistants] assistant = "{assistants.assistant}" is not defined: use '
            + " or ".join(f'"{name}"' for name in names)
            + ", or the id of one that exists (asst_…)."
        )
    return ""


def _is_id(name: str) -> bool:
    return name.startswith("asst_")


def _worded(problem: str, raw: dict[str, Any]) -> str:
    """Turn msgspec's sentence into one about config.toml."""
    where = _WHERE.search(problem)
    what = problem[: where.start()] if where else problem
    value: Any = raw
    kind: inspect.Type = inspect.type_info(Config)
    steps: list[str] = []
    for name, index in _STEP.findall(where["path"] if where else ""):
        kind = _inner(kind, name)
        if name:
            value = value[name] if isinstance(value, dict) and name in value else None
            steps.append(name)
        elif index != "..." and isinstance(value, list):
            value = value[int(index)]
    key = _key(steps)
    unknown = re.fullmatch(r"Object contains unknown field `(.+)`", what)
    if unknown:
        return _unknown(unknown[1], kind, steps)
    missing = re.fullmatch(r"Object missing required field `(.+)`", what)
    if missing:
        return f"{key or 'the file'} needs {missing[1]}."
    return f"{key} = {_toml(value)} won't do: it must be {_expected(kind)}."


def _unknown(name: str, kind: inspect.Type, steps: list[str]) -> str:
    known = [field.name for field in kind.fields] if isinstance(kind, inspect.StructType) else []
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
    what = f"[{name}] is not a section" if not steps else f"{_key([*steps, name])} is not a key"
    return f"{what}: {hint}"


def _key(steps: list[str]) -> str:
    if not steps:
        return ""
    if len(steps) == 1:
        return f"[{steps[0]}]"
    section = steps[0] if steps[1] != "define" else "[assistants.define]"
    rest = steps[1:] if steps[1] != "define" else steps[2:]
    return f"[{section}] {'.'.join(rest)}".rstrip()


def _inner(kind: inspect.Type, name: str) -> inspect.Type:
    """Return the type of a struct's field, or of an array's items where ``name`` is empty."""
    for choice in kind.types if isinstance(kind, inspect.UnionType) else (kind,):
        if name and isinstance(choice, inspect.StructType):
            return next((field.type for field in choice.fields if field.name == name), kind)
        if not name and isinstance(choice, inspect.VarTupleType):
            return choice.item_type
        if isinstance(choice, inspect.DictType):
            return choice.value_type
    return kind


def _expected(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.UnionType):
        kinds = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
        return " or ".join(_expected(each) for each in kinds)
    if isinstance(kind, inspect.LiteralType):
        return " or ".join(f'"{value}"' for value in kind.values)
    if isinstance(kind, inspect.BoolType):
        return "true or false"
    if isinstance(kind, inspect.IntType | inspect.FloatType):
        noun = "a whole number" if isinstance(kind, inspect.IntType) else "a number"
        if kind.gt is not None:
            return f"{noun} above {kind.gt:g}"
        if kind.ge is not None and kind.le is not None:
            return f"{noun} from {kind.ge:g} to {kind.le:g}"
        return f"{noun} of at least {kind.ge:g}" if kind.ge is not None else noun
    if isinstance(kind, inspect.StrType):
        longest = f" of at most {kind.max_length} characters" if kind.max_length else ""
        return f"a text in quotes{longest}" + (", not empty" if kind.min_length else "")
    if isinstance(kind, inspect.StructType):
        return "a section with keys of its own"
    if isinstance(kind, inspect.DictType):
        return "a table"
    return "a list"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:59]}…"'
    return "{…}" if isinstance(value, dict) else "[…]" if isinstance(value, list) else str(value)
