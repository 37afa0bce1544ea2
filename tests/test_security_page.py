"""docs/security.md says the limits that the code has."""

from pathlib import Path

import pytest

from bot.assistants.schema.files import MOST_BYTES as UPLOAD_BYTES
from bot.assistants.schema.vector_stores import MOST_QUERIES
from bot.chat.intake.attachments import LARGEST_IMAGE
from bot.config import CodeInterpreterSettings, DiscordSettings, EngineSettings
from bot.engine import CodeQuotas, EngineOptions
from bot.engine.prompt import images
from bot.hosted.extract.limits import ExtractionLimits
from bot.hosted.python.sandbox import SandboxLimits
from bot.hosted.search.query import MOST_CHARACTERS
from bot.models.local.weights import SMOLLM2
from bot.store.engine.rows import MOST_PAGE_BYTES

MIB = 1024 * 1024
ENGINE, QUOTAS = EngineOptions(), CodeQuotas()
CODE, READING = SandboxLimits(), ExtractionLimits()
PAGE = " ".join((Path(__file__).parents[1] / "docs" / "security.md").read_text("utf-8").split())


@pytest.mark.parametrize(
    "said",
    [
        f"| Queries of a request, of a model's own call | {MOST_QUERIES}, 5 |",
        f"of each the first {MOST_CHARACTERS:,} characters count; {ENGINE.search_seconds:g} sec",
        f"newest {images.MOST_BYTES_TOGETHER // MIB} MiB of images",
        f"| An image shown to a model | {images.MOST_BYTES // MIB} MiB;",
        f"| Images fetched from their addresses | {images.MOST_FETCHED} a request,",
        f"| {ENGINE.max_concurrent_runs} (`[engine] max_concurrent_runs`)",
        f"| Unfinished runs of a project | {ENGINE.max_unfinished_runs:,};",
        f"| A run | {ENGINE.run_expires_after:g} seconds",
        f"| Messages of a thread | {ENGINE.max_thread_messages:,} ",
        f"| An uploaded file | {UPLOAD_BYTES // MIB} MiB |",
        f"| {READING.file_bytes // MIB} MiB, {READING.unpacked_bytes // MIB} MiB unpacked, "
        f"{READING.pages:,} pages, {READING.characters:,} characters |",
        f"| {READING.seconds:g} seconds, {READING.memory_bytes // 2**30} GiB of memory |",
        f"| {ENGINE.ingestion_seconds_per_hour:,.0f} seconds an hour",
        f"| {QUOTAS.file_bytes_per_thread // MIB} MiB a thread, "
        f"{QUOTAS.file_bytes_per_project // MIB:,} MiB a project, {QUOTAS.file_days} days",
        f"| {CODE.seconds:g} seconds of computing, {CODE.wall_seconds:g} seconds in all, "
        f"{CODE.memory_bytes // MIB} MiB, {CODE.code_characters:,} characters of code |",
        f"| {CODE.output_characters:,} characters handed on; it is stopped after "
        f"{CODE.printed_characters:,} |",
        f"| Calls at once | {CODE.workers}, of one project {CODE.workers - 1};",
        f"| {CODE.state_bytes // MIB} MiB of variables, {CODE.files_bytes // MIB} MiB in "
        f"{CODE.files} files,",
        f"| {QUOTAS.session_bytes_per_project // MIB} MiB a project",
        f"{CODE.kept_bytes // MIB} MiB and {CODE.sessions:,} threads in all |",
        f"images of at most {LARGEST_IMAGE // MIB} MiB",
        f"ends {(SMOLLM2.most_wheel_bytes - SMOLLM2.size) // MIB} MiB above the expected size",
        f"their JSON would take more than {MOST_PAGE_BYTES // MIB} MiB",
    ],
)
def test_a_limit_on_the_page_is_the_one_in_the_code(said: str) -> None:
    assert said in PAGE


def test_the_configurations_defaults_are_the_engines() -> None:
    settings, code = EngineSettings(), CodeInterpreterSettings()
    assert settings.max_concurrent_runs == ENGINE.max_concurrent_runs
    assert settings.run_expires_after == ENGINE.run_expires_after
    assert settings.ingestion_seconds_per_hour == ENGINE.ingestion_seconds_per_hour
    assert code.files_expire_after_days == QUOTAS.file_days
    assert code.files_mib_per_thread * MIB == QUOTAS.file_bytes_per_thread
    assert code.files_mib_per_project * MIB == QUOTAS.file_bytes_per_project
    assert code.sessions_mib_per_project * MIB == QUOTAS.session_bytes_per_project
    assert all("discordapp" in host for host in DiscordSettings().attachment_hosts)
