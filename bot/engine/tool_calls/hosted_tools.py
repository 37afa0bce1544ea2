"""The hosted tools: their definitions for the model, and the execution of their calls."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import UNSET, UnsetType

from bot.assistants.ids import new_id
from bot.assistants.schema.files import File
from bot.assistants.schema.objects import SUMMARIZE_HISTORY, Run, ToolResources
from bot.assistants.schema.tools import (
    CalledSearch,
    CodeInterpreterTool,
    FileSearchTool,
    RankingOptions,
    SearchContent,
    SearchResult,
)
from bot.engine.tool_calls.search import ScoredHit, VectorStoreSearch
from bot.engine.tool_calls.streamed_calls import CODE, SEARCH
from bot.hosted.python.sandbox import DESCRIPTION, PARAMETERS, PythonSandbox, SandboxLimits
from bot.hosted.search.query import MOST_CHARACTERS
from bot.models.types import FunctionSpec, HostedTool
from bot.runtime.backoff import backoff
from bot.runtime.clock import Clock
from bot.runtime.fair_queue import FairSlots
from bot.store.engine import EngineStore, SearchStoppedError, Tables

_log: Final = logging.getLogger(__name__)

WEB_SEARCH: Final = "web_search"
"""The metadata key of a run or an assistant that turns on web search; the API has no such tool."""

_RESULTS: Final = 20
"""Results of a search unless the assistant sets max_num_results (the API's default)."""

_MOST_QUERIES: Final = 5
"""Queries of one call that are searched; the tool's description names the number."""

_DAY: Final = 86_400
_INGESTION_SECONDS: Final = 60.0
_FIRST_LOOK: Final = 0.05
_LONGEST_LOOK: Final = 0.5
"""Seconds between two looks at files that are not searchable yet; each look waits longer."""


_SEARCH_DESCRIPTION: Final = (
    "Searches the files that were given to you and answers with the passages that fit best. Ask "
    "with the words that the text would use, in its language. Where you use a passage, quote its "
    "marker, such as 【0:1†name.pdf】, behind the sentence."
)
_SEARCH_PARAMETERS: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "queries": {
            "type": "array",
            "items": {"type": "string"},
            "description": "One to five searches.",  # _MOST_QUERIES
        }
    },
    "required": ["queries"],
    "additionalProperties": False,
}


@dataclass(frozen=True, kw_only=True)
class CodeQuotas:
    """What code of code_interpreter may keep; sizes are in bytes.

    A generated file is deleted after ``file_days`` days. A session has the variables and files that
    stay in memory between two calls.
    """

    file_days: int = 30
    file_bytes_per_thread: int = 128 * 2**20
    file_bytes_per_project: int = 1024 * 2**20
    session_bytes_per_project: int = 64 * 2**20


class _QuotaError(Exception):
    """A generated file exceeds a quota and is not stored; the model is shown the text."""


@dataclass
class ToolWorkspace:
    """What a run's hosted tools use: files by name, vector stores, ids of generated files by name.

    ``message_of_file`` has the message that each generated file is part of, by the file's id.

    Mutable: code adds generated files while the run is executed.
    """

    project: str
    files: dict[str, Path] = field(default_factory=dict)
    store_ids: tuple[str, ...] = ()
    generated_files: dict[str, str] = field(default_factory=dict)
    message_of_file: dict[str, str] = field(default_factory=dict)
    web_search: bool = False
    summarizes: bool = False
    """Whether messages that a prompt has no room for are summarized."""


class RunTools(NamedTuple):
    """A run's hosted tools: the engine runs ``functions``, the model's endpoint runs ``hosted``."""

    functions: dict[str, FunctionSpec]
    hosted: tuple[HostedTool, ...]


class HostedTools:
    """Runs code and searches for the runs of one engine."""

    def __init__(
        self, store: EngineStore, clock: Clock, search_seconds: float, quotas: CodeQuotas
    ) -> None:
        self._store = store
        self._search_seconds = search_seconds
        self._clock = clock
        self._quotas = quotas
        limits = SandboxLimits(group_bytes=quotas.session_bytes_per_project)
        self._sandbox = PythonSandbox(limits, monotonic=clock.monotonic)
        # One project leaves at least one worker process to the others.
        self._code_slots = FairSlots(limits.workers, limits.workers - 1)

    async def close(self) -> None:
        """End the sandbox's processes."""
        await self._sandbox.close()

    @staticmethod
    def tools(run: Run, hosts: frozenset[str], workspace: ToolWorkspace) -> RunTools:
        """Return a run's hosted tools for a model whose endpoint runs the tools in ``hosts``.

        Code that reads files of the workspace runs here, because the endpoint does not have them.
        """
        functions: dict[str, FunctionSpec] = {}
        endpoint_tools: list[HostedTool] = []
        for tool in run.tools:
            if isinstance(tool, CodeInterpreterTool):
                if CODE in hosts and not workspace.files:
                    endpoint_tools.append(HostedTool(CODE))
                else:
                    functions[CODE] = FunctionSpec(CODE, DESCRIPTION, dict(PARAMETERS))
            elif isinstance(tool, FileSearchTool):
                parameters = dict(_SEARCH_PARAMETERS)
                functions[SEARCH] = FunctionSpec(SEARCH, _SEARCH_DESCRIPTION, parameters)
        if workspace.web_search:
            endpoint_tools.append(HostedTool("web_search"))
        return RunTools(functions, tuple(endpoint_tools))

    async def run_code(
        self, run: Run, workspace: ToolWorkspace, code: str, publish: Callable[[str], None]
    ) -> str:
        """Run code in the thread's session and return its output, errors included.

        ``publish`` gets each piece of the output as soon as it is printed.
        """
        project = workspace.project
        async with self._code_slots.hold(project):
            result = await self._sandbox.run(
                run.thread_id, code, group=project, files=workspace.files, on_output=publish
            )
        notices = [result.error, "(Output was cut.)" if result.truncated else None]
        for name, data in result.written.items():
            try:
                workspace.generated_files[name] = await self._keep(run, workspace, name, data)
            except _QuotaError as error:
                notices.append(f"({name} can't be downloaded: {error})")
        logs = result.logs
        for notice in filter(None, notices):
            line = notice if not logs or logs.endswith("\n") else f"\n{notice}"
            logs += line
            publish(line)
        return logs

    async def search(
        self, run: Run, workspace: ToolWorkspace, queries: tuple[str, ...]
    ) -> CalledSearch:
        """Search the run's vector stores and return the search as its run step has it.

        Queries after the fifth are left out, and a search that takes too long is stopped. A notice
        tells the model of both.
        """
        tool = next(tool for tool in run.tools if isinstance(tool, FileSearchTool))
        options = tool.file_search
        most = getattr(options, "max_num_results", UNSET)
        ranking = getattr(options, "ranking_options", UNSET)
        if not isinstance(ranking, RankingOptions):
            ranking = RankingOptions(score_threshold=0.0, ranker="default_2024_08_21")
        limit = most if isinstance(most, int) else _RESULTS
        asked = tuple(dict.fromkeys(query[:MOST_CHARACTERS] for query in queries))
        queries = asked[:_MOST_QUERIES]
        notice: str | UnsetType = UNSET
        if len(asked) > len(queries):
            left_out = len(asked) - len(queries)
            notice = f"(Only the first {_MOST_QUERIES} queries were searched, {left_out} left out.)"
        project = workspace.project
        search = VectorStoreSearch(
            project, workspace.store_ids, queries, limit, ranking.score_threshold
        )
        hits: list[ScoredHit] = []
        try:
            hits = await self._store.search(
                search.run, project=project, seconds=self._search_seconds
            )
        except SearchStoppedError:
            notice = "(The search took too long and was stopped. Try fewer queries or rarer words.)"
            _log.info("A search of run %s took longer than %g s", run.id, self._search_seconds)
        await self.touch(workspace)
        results = tuple(
            SearchResult(hit.file_id, hit.filename, hit.score, (SearchContent(hit.text),))
            for hit in hits
        )
        return CalledSearch(
            ranking_options=ranking, results=results, queries=queries, notice=notice
        )

    async def touch(self, workspace: ToolWorkspace) -> None:
        """Record that the vector stores are used, which postpones their expiration."""
        now = int(self._clock.now())
        await self._store.write(
            lambda tables: tables.files.touch_stores(workspace.project, workspace.store_ids, now)
        )

    async def until_searchable(self, workspace: ToolWorkspace) -> None:
        """Wait until the vector stores' files are indexed, at most a minute (as the API does)."""
        deadline = self._clock.monotonic() + _INGESTION_SECONDS
        looks = 0
        while workspace.store_ids and self._clock.monotonic() < deadline:
            waiting = await self._store.read(
                lambda tables: tables.files.in_progress(workspace.store_ids)
            )
            if not waiting:
                return
            await self._clock.sleep(backoff(looks, _LONGEST_LOOK, first=_FIRST_LOOK))
            looks += 1

    async def _keep(self, run: Run, workspace: ToolWorkspace, name: str, data: bytes) -> str:
        """Store a file that code generated, so that it can be downloaded; return its id.

        Raises ``_QuotaError`` if the thread's or the project's generated files take too much room.
        """
        file_id, now = new_id("file"), int(self._clock.now())

        async def content() -> Any:
            yield data

        box = self._store.files
        await box.save(file_id, content(), len(data))
        file = File(
            id=file_id,
            bytes=len(data),
            created_at=now,
            filename=name,
            purpose="assistants_output",
            expires_at=now + self._quotas.file_days * _DAY,
        )

        def work(tables: Tables) -> None:
            self._check_quota(tables, workspace.project, run.thread_id, len(data))
            tables.files.add_file(workspace.project, file, run)

        try:
            await self._store.write(work)
        except BaseException:  # also for a cancelled run: no bytes without a row
            await box.delete(file_id)
            raise
        return file_id

    def _check_quota(self, tables: Tables, project: str, thread_id: str, size: int) -> None:
        on_thread, in_project = tables.files.generated_bytes(project, thread_id)
        for used, most, whose in (
            (on_thread, self._quotas.file_bytes_per_thread, "this conversation"),
            (in_project, self._quotas.file_bytes_per_project, "this project"),
        ):
            if used + size > most:
                raise _QuotaError(
                    f"the files that code made in {whose} may take {most // 2**20} MiB. Older "
                    f"files are deleted after {self._quotas.file_days} days, or on request."
                )

    def workspace(self, tables: Tables, project: str, run: Run) -> ToolWorkspace:
        """Return the files and vector stores that a run gets from its thread and its assistant."""
        workspace = ToolWorkspace(
            project, generated_files=tables.files.files_of_run(project, run.id)
        )
        thread = tables.threads.readable(id=run.thread_id, project=project)
        assistant = tables.assistants.readable(id=run.assistant_id, project=project)
        store_ids: list[str] = []
        # The thread last: its files replace an assistant's files of the same name.
        for owner in (assistant, thread):
            resources = owner.tool_resources if owner is not None else None
            if resources is not None:
                workspace.files |= self._files(tables, project, resources)
                found = getattr(resources.file_search, "vector_store_ids", ())
                store_ids.extend(found)
        now = self._clock.now()
        stores = (
            tables.files.stores.readable(id=each, project=project)
            for each in dict.fromkeys(store_ids)
        )
        workspace.store_ids = tuple(
            store.id for store in stores if store is not None and not store.is_expired(now)
        )
        of_run, of_thread, of_assistant = (
            (owner.metadata if owner is not None else None) or {}
            for owner in (run, thread, assistant)
        )
        workspace.web_search = "true" in (of_run.get(WEB_SEARCH), of_assistant.get(WEB_SEARCH))
        asked = [each.get(SUMMARIZE_HISTORY) for each in (of_run, of_thread, of_assistant)]
        workspace.summarizes = "true" in asked and "false" not in asked
        return workspace

    def _files(self, tables: Tables, project: str, resources: ToolResources) -> dict[str, Path]:
        files: dict[str, Path] = {}
        for file_id in getattr(resources.code_interpreter, "file_ids", ()):
            file = tables.files.files.readable(id=file_id, project=project)
            if file is not None:
                files[file.filename] = self._store.files.path(file)
        return files
