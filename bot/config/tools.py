"""The settings of functions, which are sections of config.toml."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from bot.config.section import Positive, Section, Snowflakes

Decision = Literal["allow", "ask", "deny"]
"""Whether a function's call is made, waits for a person's approval, or is refused."""


Approver = Literal["askers", "moderators"]
"""Who may decide about a waiting call; moderators have Manage Messages in the channel."""


class ToolRule(Section, frozen=True, kw_only=True):
    """A decision about calls; ``tools`` are patterns of names, and an empty list fits all."""

    decision: Decision
    tools: tuple[str, ...] = ("*",)
    roles: Snowflakes = ()
    channels: Snowflakes = ()
    assistants: tuple[str, ...] = ()


class McpSettings(Section, frozen=True, kw_only=True):
    """An MCP server: ``command`` starts a program, or ``url`` is its address.

    ``headers`` and ``environment`` map names to the environment variables that hold their values.
    """

    command: tuple[str, ...] = ()
    url: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    seconds: Annotated[float, Meta(gt=0, le=600)] = 60.0


class SearchSettings(Section, frozen=True, kw_only=True):
    """The search engine of ``web_search``; without an engine the function does not exist."""

    engine: Literal["", "searxng", "brave"] = ""
    url: str = ""
    api_key_env: str = ""


FREE: Final = (
    "current_time",
    "roll_dice",
    "calculate",
    "read_web_page",
    "recent_messages",
    "search_messages",
    "remind_me",
    "list_reminders",
    "delete_reminder",
    "ask_a_person",
)
"""The functions that come with the bot and cost the operator nothing."""


class ToolsSettings(Section, frozen=True, kw_only=True):
    """The functions that the bot runs for assistants; ``seconds`` is the time limit of a call.

    ``offered`` are patterns of the functions that servers may give to their own assistants.
    """

    offered: tuple[str, ...] = FREE
    directory: Annotated[str, Meta(min_length=1)] = "tools"
    seconds: Annotated[float, Meta(gt=0, le=600)] = 60.0
    output_characters: Annotated[int, Meta(ge=100, le=500_000)] = 20_000
    calls_per_run: Positive = 30
    calls_per_minute: Positive = 60
    calls_per_member_hour: Positive = 120
    approvers: tuple[Approver, ...] = ("askers", "moderators")
    approver_roles: tuple[Positive, ...] = ()
    approval_seconds: Annotated[float, Meta(ge=0, le=300)] = 60.0
    approval_days: Positive = 30
    rules: tuple[ToolRule, ...] = ()
    search: SearchSettings = SearchSettings()
    mcp: dict[str, McpSettings] = msgspec.field(default_factory=dict)

    def problems(self) -> Iterator[str]:
        """Yield an error for each value that is invalid or does not fit another one."""
        if self.search.engine == "searxng" and not self.search.url:
            yield '[tools.search] engine = "searxng" needs url: the address of your SearXNG.'
        if self.search.engine == "brave" and not self.search.api_key_env:
            yield '[tools.search] engine = "brave" needs api_key_env.'
        for name, server in self.mcp.items():
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
                yield f'[tools.mcp.{name}]: the name of a server has letters, digits, "_" and "-".'
            if bool(server.command) == bool(server.url):
                yield (
                    f"[tools.mcp.{name}] needs either command, the program to start, or url, the "
                    "address of a server."
                )
            for variable in (*server.headers.values(), *server.environment.values()):
                if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
                    # The value may be the secret itself, so the error does not quote it.
                    yield (
                        f"[tools.mcp.{name}] has a value that is not the name of an environment "
                        "variable. Put the value into the environment, and write only the name "
                        "here."
                    )
