"""Health, readiness and metrics, as an operator reads them."""

import io
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import StartError
from bot.app.container import Container
from bot.app.keys import metrics_key
from bot.app.monitoring import Monitoring
from bot.app.prometheus import PrometheusMetrics
from bot.chat.bot import Spending, Vitals
from bot.config import parse
from bot.config.limits import ModelPrice, PriceSettings
from bot.engine import Engine
from bot.models.chat_completions.model import ChatCompletions
from bot.sandbox import Sandbox
from bot.server import Server, ServerError
from bot.store.database import Database
from bot.store.engine import EngineStore
from bot.store.engine.schema import MIGRATIONS
from bot.store.ledger import OpenCounts
from tests.scenarios.community import community
from tests.support.assistants import IMPATIENT, House
from tests.support.eventually import eventually
from tests.support.fake_clock import FakeClock
from tests.support.model_endpoint import ScriptedModel, TokenUsage

KEY = "mk-0123456789abcdef"


@dataclass
class Watched:
    """An engine that is watched, and the address of the server that shows what was seen."""

    home: House
    url: str

    async def metrics(self) -> dict[str, float]:
        """Return each sample by its name and labels."""
        async with aiohttp.ClientSession() as session:
            response = await session.get(f"{self.url}/metrics")
            assert response.status == 200
            return samples(await response.text())

    async def readiness(self) -> tuple[int, dict[str, object]]:
        """Return the status and the body of /readyz."""
        async with aiohttp.ClientSession() as session:
            response = await session.get(f"{self.url}/readyz")
            return response.status, await response.json()


def samples(text: str) -> dict[str, float]:
    """Return the samples of metrics in Prometheus's text format."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name.removeprefix('assistants_bot_')}{{{labels}}}"] = sample.value
    return found


@asynccontextmanager
async def watched(directory: Path, *, busy_seconds: float = 30.0) -> AsyncIterator[Watched]:
    """Start an engine and a server that shows its metrics.

    ``busy_seconds`` is how long the engine waits for another process that writes.
    """
    clock, metrics = FakeClock(real_below=1.0), PrometheusMetrics()
    monitoring = Monitoring(metrics, clock)
    async with ScriptedModel() as model:
        endpoint = ChatCompletions(model.url, retries=IMPATIENT)
        store = EngineStore(
            await Database.open(
                directory / "engine.db",
                MIGRATIONS,
                synchronous="NORMAL",
                busy_seconds=busy_seconds,
                metrics=metrics,
            )
        )
        engine = Engine(store, endpoint, clock=clock, metrics=metrics)
        await engine.start()
        monitoring.watch_engine(engine)
        server = Server(engine.for_project, keys={}, port=0, monitor=monitoring)
        await server.start()
        try:
            api = engine.for_project("default")
            home = House(engine, model, clock, api, api)
            yield Watched(home, server.url.removesuffix("/v1"))
        finally:
            await server.stop()
            await engine.stop()
            await endpoint.close()
            await store.close()


async def test_runs_model_calls_tokens_and_transactions_are_counted(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        home = seen.home
        home.model.say("fine", usage=TokenUsage(100, 20))
        await home.until(await home.run(await home.thread("hi")), "completed")
        home.model.fail(401)
        await home.until(await home.run(await home.thread("hi")), "failed")
        # A run is counted after the store has its end.
        failed = "runs_total{model=scripted-model,status=failed}"
        shown = await eventually(seen.metrics, lambda found: failed in found)
        assert shown["runs_total{model=scripted-model,status=completed}"] == 1
        assert shown[failed] == 1
        assert shown["tokens_total{kind=prompt,model=scripted-model}"] == 100
        assert shown["tokens_total{kind=completion,model=scripted-model}"] == 20
        assert shown["model_call_seconds_count{model=scripted-model}"] == 2
        assert shown["model_first_event_seconds_count{model=scripted-model}"] == 1
        assert shown["model_errors_total{kind=unauthorized,model=scripted-model}"] == 1
        assert shown["database_seconds_count{database=engine.db,operation=write}"] > 5
        assert shown["database_seconds_count{database=engine.db,operation=read}"] > 1
        assert "process_open_fds{}" in shown


async def test_a_cancelled_call_is_no_failure_of_the_endpoint(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        home = seen.home
        home.model.stall("half")
        run = await home.run(await home.thread("hi"))
        await home.model.until_request(1)
        await home.until(run, "in_progress")
        await home.api.cancel_run(run.thread_id, run.id)
        await home.until(run, "cancelled")
        shown = await seen.metrics()
        assert shown["model_errors_total{kind=interrupted,model=scripted-model}"] == 1
        assert (await seen.readiness())[0] == 200


async def test_a_failing_model_is_not_ready_until_it_answers_or_nobody_knows(
    tmp_path: Path,
) -> None:
    async with watched(tmp_path) as seen:
        home = seen.home
        assert await seen.readiness() == (200, {"status": "ready"})
        thread = await home.thread("hi")
        for end in ("answers", "time"):
            home.model.fail(401)
            await home.until(await home.run(thread), "failed")
            home.clock.advance(6)
            status, body = await seen.readiness()
            assert status == 503
            problems = {"model": "The model's last call failed (unauthorized)."}
            assert body == {"status": "not ready", "problems": problems}
            if end == "answers":
                await home.until(await home.run(thread), "completed")
            home.clock.advance(6 if end == "answers" else 61)
            assert (await seen.readiness())[0] == 200


async def test_a_refused_question_says_nothing_about_the_endpoint(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        seen.home.model.fail(400, message="Content Exists Risk")
        await seen.home.until(await seen.home.run(await seen.home.thread("hi")), "failed")
        assert (await seen.readiness())[0] == 200


async def test_a_database_that_takes_no_writes_is_not_ready(tmp_path: Path) -> None:
    async with watched(tmp_path, busy_seconds=0.05) as seen:
        with closing(sqlite3.connect(tmp_path / "engine.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, body = await seen.readiness()
            assert status == 503
            assert body["problems"] == {"database": "A database can't be written."}
            other.execute("ROLLBACK")
        seen.home.clock.advance(6)
        assert (await seen.readiness())[0] == 200


async def test_many_probes_write_the_database_seldom(tmp_path: Path) -> None:
    async with watched(tmp_path) as seen:
        name = "database_seconds_count{database=engine.db,operation=write}"
        before = (await seen.metrics())[name]
        for _ in range(10):
            await seen.readiness()
        # One is the probe's; the engine's own work at its start may add another.
        assert 1 <= (await seen.metrics())[name] - before <= 2


async def test_names_of_models_make_a_bounded_number_of_labels() -> None:
    metrics = PrometheusMetrics()
    for number in range(1000):
        metrics.run_ended("failed", f"model-{number}", prompt_tokens=0, completion_tokens=0)
    runs = [name for name in samples(metrics.text().body.decode()) if name.startswith("runs_total")]
    assert len(runs) == 51


async def test_invalid_requests_count_for_ten_minutes() -> None:
    clock = FakeClock()
    metrics = PrometheusMetrics(monotonic=clock.monotonic)
    for status in (200, 401, 403, 404, 429):
        metrics.discord_answered(status)
    shown = samples(metrics.text().body.decode())
    assert shown["discord_invalid_requests{}"] == 3
    assert shown["discord_requests_total{status=429}"] == 1
    clock.advance(601)
    assert samples(metrics.text().body.decode())["discord_invalid_requests{}"] == 0


async def test_the_bots_questions_and_turns_are_counted(tmp_path: Path) -> None:
    async with community(tmp_path, start=False) as whole:
        metrics = PrometheusMetrics()
        whole.metrics = metrics
        price = ModelPrice(input=2.0, output=8.0)
        whole.prices = PriceSettings(models={"scripted-model": price})
        await whole.start_engine()
        monitoring = Monitoring(metrics, whole.clock)
        monitoring.expect_bot()
        assert "discord" in await monitoring.problems()
        await whole.start_bot()
        monitoring.watch_bot(whole.bot, whole.ledger)
        gate = whole.model.gate()
        whole.model.say("Sleep is good.", first=gate, usage=TokenUsage(900, 100))
        thread = await whole.thread_of(await whole.ask("why?"))
        await whole.reply(thread)
        await whole.in_state(1, "running")
        shown = samples((await monitoring.metrics()).body.decode())
        assert shown["questions_total{}"] == 1
        assert shown["thinking_seconds_count{}"] == 1
        assert shown["open_turns{state=running}"] == 1
        assert shown["run_slots{state=held}"] == 1
        assert shown["gateway_connected{}"] == 1
        assert shown["discord_requests_total{status=200}"] > 1
        gate.open()
        await whole.finished(thread)

        async def current() -> dict[str, float]:
            return samples((await monitoring.metrics()).body.decode())

        # A turn is counted after the ledger has stored its end.
        shown = await eventually(
            current, lambda found: "turn_seconds_count{outcome=answered}" in found
        )
        assert shown["turn_seconds_count{outcome=answered}"] == 1
        assert shown["open_turns{state=running}"] == 0
        assert shown["waiting_questions{}"] == 0
        for period in ("day", "month"):
            assert shown[f"spent_tokens{{period={period}}}"] == 1_000
            assert shown[f"spent_money{{currency=USD,period={period}}}"] == pytest.approx(0.0026)
        assert "loop_late_seconds{}" in shown


@pytest.mark.parametrize(
    ("sent", "status"),
    [(None, 401), ("Bearer wrong", 401), (f"Basic {KEY}", 401), (f"Bearer {KEY}", 200)],
)
async def test_metrics_need_their_own_key_where_callers_have_keys(
    sent: str | None, status: int
) -> None:
    monitoring = Monitoring(PrometheusMetrics(), FakeClock())
    server = Server(None, keys={"sk-team": "team"}, port=0, monitor=monitoring, metrics_key=KEY)
    await server.start()
    try:
        headers = {"Authorization": sent} if sent else {}
        async with aiohttp.ClientSession(server.url.removesuffix("/v1")) as session:
            assert (await session.get("/metrics", headers=headers)).status == status
            assert (await session.get("/healthz")).status == 200
            assert (await session.get("/v1/assistants", headers=headers)).status == 404
    finally:
        await server.stop()


async def test_metrics_are_off_unless_switched_on() -> None:
    server = Server(None, keys={}, port=0, monitor=Monitoring(None, FakeClock()))
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url.removesuffix("/v1")) as session:
            assert (await session.get("/metrics")).status == 404
            assert (await session.get("/readyz")).status == 200
    finally:
        await server.stop()


async def test_a_web_page_on_another_host_may_not_read_the_metrics() -> None:
    server = Server(None, keys={}, port=0, monitor=Monitoring(PrometheusMetrics(), FakeClock()))
    await server.start()
    try:
        async with aiohttp.ClientSession(server.url.removesuffix("/v1")) as session:
            foreign = {"Host": "evil.example"}
            assert (await session.get("/metrics", headers=foreign)).status == 403
    finally:
        await server.stop()


@pytest.mark.parametrize(("host", "keys"), [("0.0.0.0", {}), ("127.0.0.1", {"sk-a": "a"})])
async def test_metrics_in_reach_of_others_are_refused_without_a_key(
    host: str, keys: dict[str, str]
) -> None:
    monitoring = Monitoring(PrometheusMetrics(), FakeClock())
    server = Server(None, keys=keys, host=host, port=0, monitor=monitoring)
    with pytest.raises(ServerError, match="METRICS_KEY"):
        await server.start()


def test_a_key_that_can_be_guessed_is_refused() -> None:
    assert metrics_key({}) == ""
    assert metrics_key({"METRICS_KEY": f" {KEY} "}) == KEY
    with pytest.raises(StartError, match="METRICS_KEY has fewer than 16"):
        metrics_key({"METRICS_KEY": "short"})


def test_the_page_lists_every_metric() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operation.md").read_text("utf-8")
    metrics = PrometheusMetrics()
    counts = OpenCounts(turns={}, waiting_questions=0)
    vitals = Vitals(connected=True, slots_held=0, slots_waiting=0, loop_late=0.0)
    metrics.measure(vitals, counts, Spending(used={}, currency="USD"))
    for family in metrics.registry.collect():
        if family.name.startswith("assistants_bot_"):
            name = family.name.removeprefix("assistants_bot_")
            listed = f"{name}_total" if family.type == "counter" else name
            assert f"| `{listed}` |" in page


async def test_the_server_is_stopped_before_the_ledger_that_readiness_writes_to(
    tmp_path: Path,
) -> None:
    async with ScriptedModel() as model, Sandbox() as sandbox:
        config = parse(
            f'[discord]\napi_url = "{sandbox.api_url}"\ngateway_url = "{sandbox.gateway_url}"\n'
            f'[models]\nendpoint = "chat"\nurl = "{model.url}"\nmodel = "scripted-model"\n'
            f'[storage]\ndirectory = "{tmp_path}"\n[server]\nenabled = true\nport = 0\n',
            "config.toml",
        )
        reached: list[int] = []

        async def ask() -> None:
            async with aiohttp.ClientSession() as session:
                reached.append((await session.get(f"{url}/readyz")).status)

        async def ask_in_vain() -> None:
            with pytest.raises(aiohttp.ClientConnectionError):
                await ask()

        environment = {"DISCORD_TOKEN": sandbox.token, "OPENAI_API_KEY": "sk-test"}
        async with AsyncExitStack() as stack:
            container = Container(
                config,
                environment,
                stack=stack,
                say=lambda line: None,
                terminal=io.StringIO(),
            )
            engine = await container.engine(with_bot=True)
            server = await container.server(engine, with_bot=True)
            url = server.url.removesuffix("/v1")
            stack.push_async_callback(ask_in_vain)  # when the ledger has just been closed
            ledger = await container.ledger()
            bot = await container.bot(await container.api(engine), ledger, sandbox.token)
            await ask()
            bot.cancel()
        assert reached == [200]
