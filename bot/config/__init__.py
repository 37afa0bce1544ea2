"""Reads config.toml into frozen sections. Errors name the key, its value and valid values.

Sections hold no secrets: they name environment variables, which ``app`` reads.
"""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from bot.config.errors import explained
from bot.config.limits import LimitSettings, PriceSettings
from bot.config.section import Positive, Section, Snowflakes
from bot.config.tools import ToolsSettings
from bot.runtime.problems import duplicate, not_a_url

Port = Annotated[int, Meta(ge=0, le=65535)]

FooterField = Literal["time", "tokens", "cost", "model"]
"""A fact in the small last line of an answer."""

AnswerButton = Literal["continue", "answer_again", "steps", "votes"]
"""Buttons under an answer."""


class DiscordSettings(Section, frozen=True, kw_only=True):
    """How the bot connects to Discord and answers there."""

    answer_in: Literal["thread", "channel"] = "thread"
    name_threads: Literal["model", "question"] = "model"
    footer: tuple[FooterField, ...] = ("time", "tokens")
    buttons: tuple[AnswerButton, ...] = ("continue", "answer_again", "steps", "votes")
    show_thoughts: bool = False
    time_zone: str = "UTC"
    admin_permission: Literal[
        "manage_guild", "administrator", "manage_channels", "manage_messages"
    ] = "manage_guild"
    guild: Annotated[int, Meta(ge=0)] = 0
    message_content: bool = True
    context_messages: Annotated[int, Meta(ge=0, le=50)] = 0
    context_minutes: Positive = 60
    summarize_history: bool = True
    forget_after_removal_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    alert_channel: Annotated[int, Meta(ge=0)] = 0
    api_url: str = "https://discord.com/api/v10"
    gateway_url: str = ""
    attachment_hosts: tuple[str, ...] = ("cdn.discordapp.com", "media.discordapp.net")


class AccessSettings(Section, frozen=True, kw_only=True):
    """The operator's rules about who may use the bot; servers can narrow them."""

    direct_messages: bool = False
    user_installs: bool = False
    allow_members: Snowflakes = ()
    deny_members: Snowflakes = ()
    allow_roles: Snowflakes = ()
    deny_roles: Snowflakes = ()
    allow_channels: Snowflakes = ()
    deny_channels: Snowflakes = ()
    allow_servers: Snowflakes = ()
    deny_servers: Snowflakes = ()


class SchedulesSettings(Section, frozen=True, kw_only=True):
    """Limits of schedules, and what happens to a due time that the bot missed."""

    missed: Literal["once", "skip"] = "once"
    most_per_server: Positive = 50
    least_minutes: Positive = 15
    most_reminders: Positive = 25


class AssistantSettings(Section, frozen=True, kw_only=True):
    """An assistant that the start creates, and updates once the section has changed."""

    name: Annotated[str, Meta(min_length=1, max_length=256)]
    model: str = ""
    description: str = ""
    instructions: str = ""
    tools: tuple[dict[str, Any], ...] = ()
    functions: tuple[str, ...] = ()
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    reasoning_effort: str = ""
    response_format: dict[str, Any] | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    knowledge: tuple[str, ...] = ()
    place: bool = True


class AssistantsSettings(Section, frozen=True, kw_only=True):
    """The Assistants API that the bot uses, and the assistant that answers."""

    url: str = "embedded"
    api_key_env: str = ""
    assistant: str = ""
    place: bool = True
    define: tuple[AssistantSettings, ...] = ()


class EngineSettings(Section, frozen=True, kw_only=True):
    """Limits of the engine; times in seconds."""

    max_concurrent_runs: Positive = 64
    run_expires_after: Annotated[float, Meta(ge=1)] = 600.0
    ingestion_seconds_per_hour: Annotated[float, Meta(ge=1)] = 3600.0


class CodeInterpreterSettings(Section, frozen=True, kw_only=True):
    """Limits of the files and sessions of ``code_interpreter``."""

    files_expire_after_days: Positive = 30
    files_mib_per_thread: Positive = 128
    files_mib_per_project: Positive = 1024
    sessions_mib_per_project: Positive = 64


class TranscriptionSettings(Section, frozen=True, kw_only=True):
    """The endpoint that transcribes voice messages and audio files; off without a url."""

    url: str = ""
    model: Annotated[str, Meta(min_length=1)] = "whisper-1"
    api_key_env: str = ""


RemoteName = Literal["openrouter", "gemini", "groq", "mistral"]
"""Endpoints elsewhere whose addresses the program knows."""

LocalName = Literal["ollama", "lmstudio", "llamacpp", "vllm"]
"""Servers on this machine whose default ports the program knows."""

EndpointName = Literal["auto", "openai", "chat", "local"] | RemoteName | LocalName
"""The model endpoint: the first suitable one, a known one, or one at a URL."""


class ImagesSettings(Section, frozen=True, kw_only=True):
    """The endpoint that draws pictures for the function ``make_image``; off without a url."""

    url: str = ""
    model: Annotated[str, Meta(min_length=1)] = "gpt-image-1"
    size: str = ""
    api_key_env: str = ""


class ModelsSettings(Section, frozen=True, kw_only=True):
    """The model endpoint and the model."""

    endpoint: EndpointName = "auto"
    url: str = ""
    model: str = ""
    api_key_env: str = ""
    gguf: str = ""
    context_window: Annotated[int, Meta(ge=0)] = 0
    background: bool = False
    transcription: TranscriptionSettings = TranscriptionSettings()
    images: ImagesSettings = ImagesSettings()


class StorageSettings(Section, frozen=True, kw_only=True):
    """The directory of databases, files and the local model."""

    directory: Annotated[str, Meta(min_length=1)] = "data"


class ServerSettings(Section, frozen=True, kw_only=True):
    """The server of the Assistants API over HTTP, and of the metrics."""

    enabled: bool = False
    metrics: bool = False
    host: str = "127.0.0.1"
    port: Port = 8765
    allowed_origins: tuple[str, ...] = ()


class Config(Section, frozen=True, kw_only=True):
    """The whole config.toml; a missing key has its default."""

    discord: DiscordSettings = DiscordSettings()
    access: AccessSettings = AccessSettings()
    schedules: SchedulesSettings = SchedulesSettings()
    limits: LimitSettings = LimitSettings()
    prices: PriceSettings = PriceSettings()
    assistants: AssistantsSettings = AssistantsSettings()
    engine: EngineSettings = EngineSettings()
    code_interpreter: CodeInterpreterSettings = CodeInterpreterSettings()
    models: ModelsSettings = ModelsSettings()
    tools: ToolsSettings = ToolsSettings()
    storage: StorageSettings = StorageSettings()
    server: ServerSettings = ServerSettings()


class ConfigError(Exception):
    """The configuration is invalid; the message is one line for the operator."""


def load(path: Path) -> Config:
    """Read a config file; raises ``ConfigError`` with the file, the key and valid values.

    All returned paths are absolute: a relative path starts at the file's directory.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{path} does not exist. Name an existing file with --config, or copy the project's "
            "config.toml."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"{path} can't be read: {reason}.") from None
    config = parse(text, str(path))

    def absolute(name: str) -> str:
        return str(path.resolve().parent / Path(name).expanduser()) if name else ""

    define = tuple(
        replace(section, knowledge=tuple(map(absolute, section.knowledge)))
        for section in config.assistants.define
    )
    return replace(
        config,
        assistants=replace(config.assistants, define=define),
        models=replace(config.models, gguf=absolute(config.models.gguf)),
        storage=StorageSettings(directory=absolute(config.storage.directory)),
        tools=replace(config.tools, directory=absolute(config.tools.directory)),
    )


def parse(text: str, source: str) -> Config:
    """Parse the text of a config file; ``source`` names the file in a ``ConfigError``."""
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of 4,300 digits
        raise ConfigError(f"{source} is not valid TOML: {error}.") from None
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{source}: {explained(error, raw, Config)}") from None
    for problem in _problems(config):
        raise ConfigError(f"{source}: {problem}")
    return config


def _problems(config: Config) -> Iterator[str]:
    """Yield an error for each value that is invalid or does not fit another one."""
    models, assistants = config.models, config.assistants
    yield from config.limits.problems()
    yield from config.prices.problems()
    yield from config.tools.problems()
    if config.limits.limits_money() and not config.prices.models:
        yield (
            "[limits] limits money, but [prices.models] has no price. Add the prices of your "
            "models, or limit tokens."
        )
    if models.endpoint == "chat" and not models.url:
        yield (
            '[models] endpoint = "chat" needs url: the endpoint\'s address, such as '
            '"http://127.0.0.1:11434/v1".'
        )
    for key, url, scheme in (
        ("[models] url", models.url, "http"),
        ("[models.transcription] url", models.transcription.url, "http"),
        ("[models.images] url", models.images.url, "http"),
        ("[tools.search] url", config.tools.search.url, "http"),
        *((f"[tools.mcp.{name}] url", each.url, "http") for name, each in config.tools.mcp.items()),
        ("[discord] api_url", config.discord.api_url, "http"),
        ("[discord] gateway_url", config.discord.gateway_url, "ws"),
        ("[assistants] url", "" if assistants.url == "embedded" else assistants.url, "http"),
    ):
        if url and not re.match(rf"{scheme}s?://[^/\s]+", url):
            advice = f"Write one that begins with {scheme}:// or {scheme}s://."
            yield f"{not_a_url().sentence(key)} {advice}"
    for host in config.discord.attachment_hosts:
        if not re.fullmatch(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]", host):
            yield (
                f'[discord] attachment_hosts has "{host}", which is not a host name. Write a '
                'name such as "cdn.discordapp.com", without scheme, port or path.'
            )
    zone = config.discord.time_zone
    try:
        ZoneInfo(zone)
    except (OSError, ValueError, LookupError):  # LookupError: no such name; others: odd names
        yield (
            f'[discord] time_zone = "{zone}" is not a known time zone. Write a name such as '
            '"Europe/Berlin", or "UTC".'
        )
    for section, variable in (
        ("assistants", assistants.api_key_env),
        ("models", models.api_key_env),
        ("models.transcription", models.transcription.api_key_env),
        ("models.images", models.images.api_key_env),
        ("tools.search", config.tools.search.api_key_env),
    ):
        if variable and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            # The value may be the key itself, so the error does not quote it.
            yield (
                f"[{section}] api_key_env is not the name of an environment variable. Put the key "
                "into the environment, and write only the variable's name here."
            )
    names = [each.name for each in assistants.define]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        place = f"'{repeated}' in [[assistants.define]]"
        yield duplicate(field="name").sentence(place) + " Rename one."
    if names and assistants.assistant not in ("", *names) and not _is_id(assistants.assistant):
        yield (
            f'[assistants] assistant = "{assistants.assistant}" is not defined. Use '
            + " or ".join(f'"{name}"' for name in names)
            + ", or the id of an existing assistant (asst_…)."
        )


def _is_id(name: str) -> bool:
    return name.startswith("asst_")
