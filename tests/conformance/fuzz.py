"""Whatever the description allows, and what it forbids, sent to a server: `--cases 20000`.

Every answer must be a success or an error in the API's shape, below 500 and in time.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from tests.conformance import description
from tests.support.assistants import house

SECONDS: Final = 20.0
"""How long an answer may take."""
HEADERS: Final = {"Authorization": "Bearer sk-default", "OpenAI-Beta": "assistants=v2"}
_ID_FIELDS: Final = re.compile(r"(assistant|file|vector_store)_ids?\Z")


@dataclass
class Outcome:
    """What came of it: answers by their statuses, and each that was not the API's."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


@contextmanager
def served() -> Iterator[str]:
    """Serve a fresh engine on a thread of its own and give its base URL."""
    started: dict[str, Any] = {}
    ready = threading.Event()

    async def main() -> None:
        with tempfile.TemporaryDirectory() as directory:
            async with house(Path(directory), "client") as home:
                assert home.server is not None
                started.update(url=home.server.url, loop=asyncio.get_running_loop())
                started["stop"] = asyncio.Event()
                ready.set()
                await started["stop"].wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        if not ready.wait(60):
            raise RuntimeError("The server did not start.")
        yield started["url"]
    finally:
        if ready.is_set():
            started["loop"].call_soon_threadsafe(started["stop"].set)
        thread.join()


class World:
    """Objects that exist, so that not every request ends at an id that nobody knows."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self._url = url
        self._session = session
        self.ids: dict[str, str] = {}

    def renew(self) -> None:
        """Make all objects anew: the last operation may have deleted any of them."""
        post, ids = self._post, self.ids
        ids["file_id"] = post(
            "/files", data={"purpose": "assistants"}, files={"file": ("a.txt", b"Bees dance.")}
        )
        ids["vector_store_id"] = post("/vector_stores", json={"file_ids": [ids["file_id"]]})
        path = f"/vector_stores/{ids['vector_store_id']}/file_batches"
        ids["batch_id"] = post(path, json={"file_ids": [ids["file_id"]]})
        ids["assistant_id"] = post("/assistants", json={"model": "scripted-model"})
        ids["thread_id"] = post("/threads", json={})
        path = f"/threads/{ids['thread_id']}"
        ids["message_id"] = post(f"{path}/messages", json={"role": "user", "content": "hi"})
        ids["run_id"] = post(f"{path}/runs", json={"assistant_id": ids["assistant_id"]})
        self._until_completed(f"{path}/runs/{ids['run_id']}")
        self._until_completed(f"/vector_stores/{ids['vector_store_id']}")
        steps = self._session.get(f"{self._url}{path}/runs/{ids['run_id']}/steps").json()
        ids["step_id"] = steps["data"][0]["id"]

    def known(self, value: Any, field: str = "") -> Any:
        """Return a body with ids that exist where it has ids."""
        if isinstance(value, dict):
            return {key: self.known(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self.known(each, field) for each in value]
        if isinstance(value, str) and _ID_FIELDS.match(field):
            return self.ids[field.removesuffix("s")]
        return value

    def _until_completed(self, path: str) -> None:
        while self._session.get(f"{self._url}{path}", timeout=SECONDS).json()["status"] in (
            "queued",
            "in_progress",
        ):
            time.sleep(0.005)  # this program is synchronous, and its server another process

    def _post(self, path: str, **given: Any) -> str:
        answer = self._session.post(f"{self._url}{path}", timeout=SECONDS, **given)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        made: str = answer.json()["id"]
        return made


def fuzz(cases: int, *, fixed: bool = True, progress: bool = False) -> Outcome:
    """Send at least so many cases, where there are so many, and return what came of it."""
    outcome = Outcome()
    schema = schemathesis.openapi.from_dict(description.raw())
    operations = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]  # an error raises here
    both = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # Nothing can be wrong with a request that has neither body nor parameters.
    kinds = [both if any(each.query) or any(each.body) else both[:1] for each in operations]
    each = -(-cases // sum(map(len, kinds)))
    with served() as url, requests.Session() as session:
        session.headers.update(HEADERS)
        world = World(url, session)
        for operation, modes in zip(operations, kinds, strict=True):
            for mode in modes:
                world.renew()
                before = outcome.statuses.total()
                _fuzz(operation, mode, each, world, session, url, outcome, fixed=fixed)
                if progress:
                    name = f"{operation.method.upper()} {operation.path}"
                    sent = outcome.statuses.total() - before
                    print(f"{sent:5} {mode.value:8} {name}", flush=True)
    return outcome


def _fuzz(
    operation: Any,
    mode: GenerationMode,
    cases: int,
    world: World,
    session: requests.Session,
    url: str,
    outcome: Outcome,
    *,
    fixed: bool,
) -> None:
    @settings(
        max_examples=cases,
        derandomize=fixed,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), real=st.sampled_from([1, 1, 1, 0]))
    def send(case: Any, real: int) -> None:
        if real:
            case.path_parameters = {name: world.ids[name] for name in (case.path_parameters or {})}
            if isinstance(case.body, dict | list):
                case.body = world.known(case.body)
        try:
            answer = case.call(base_url=url, session=session, headers=HEADERS, timeout=SECONDS)
        except (requests.exceptions.InvalidHeader, UnicodeError, ValueError):
            return  # what cannot be sent at all
        except requests.RequestException as error:
            outcome.wrong.append(f"{case.as_curl_command()}: {error}")
            return
        outcome.statuses[answer.status_code] += 1
        if not _right(answer):
            told = f"{answer.status_code} {answer.content[:500]!r}"
            outcome.wrong.append(f"{case.as_curl_command()}\n{told}")

    if not fixed:
        send = seed(int(time.time()))(send)
    send()


def _right(answer: Any) -> bool:
    """Tell whether an answer is a success, or an error in the API's shape."""
    if answer.status_code == 200:
        return True
    if not 400 <= answer.status_code < 500:
        return False
    try:
        error = json.loads(answer.content)["error"]
        return set(error) == {"message", "type", "param", "code"} and bool(error["message"])
    except (ValueError, KeyError, TypeError):
        return False


def main() -> int:
    """Fuzz from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--new", action="store_true", help="other cases than the last time")
    options = parser.parse_args()
    began = time.monotonic()
    outcome = fuzz(options.cases, fixed=not options.new, progress=True)
    seconds = time.monotonic() - began
    statuses = dict(sorted(outcome.statuses.items()))
    print(f"{outcome.statuses.total()} answers in {seconds:.0f} s: {statuses}")
    for wrong in outcome.wrong[:50]:
        print(wrong)
    print(f"{len(outcome.wrong)} wrong")
    return 1 if outcome.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
