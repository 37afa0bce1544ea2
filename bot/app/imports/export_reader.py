"""Reads a directory of exported objects: the layout of an exporter, or raw objects of the API.

The exporter's layout has ``assistants.json`` and one file for each thread, with its messages, runs
and steps. Raw objects may be in any .json or .jsonl file: alone, in arrays, or in pages of lists.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct, field

from bot.assistants.schema.objects import Assistant, Message, Run, RunStep, Thread
from bot.client.decoding import UnusableError, decode

T = TypeVar("T", bound=Struct)

_DECODERS: Final[dict[type[Struct], msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Assistant, Thread, Message, Run, RunStep)
}
_KINDS: Final[dict[str, type[Struct]]] = {
    "assistant": Assistant,
    "thread": Thread,
    "thread.message": Message,
    "thread.run": Run,
    "thread.run.step": RunStep,
}
_MANIFEST: Final = "assistants-export-manifest/"
_THREAD_EXPORT: Final = "assistants-thread-export/"
_FILE_KEYS: Final = frozenset({"file_id", "file_ids", "vector_store_ids"})


class Conversation(Struct):
    """A thread's objects, each kind oldest first; ``thread`` is None if the export lacks it."""

    thread_id: str
    thread: Thread | None = None
    messages: list[Message] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    steps: list[RunStep] = field(default_factory=list)


class ExportReader:
    """Yields the conversations of a directory; notes problems and ids of files meanwhile."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.problems: list[str] = []
        self.files: dict[str, str] = {}
        """Ids of files and vector stores, each with the id of an object that names it."""
        self.assistants: list[Assistant] = []
        """The assistants; complete once all conversations were read."""
        self._loose: dict[str, Conversation] = {}
        self._runs_threads: dict[str, str] = {}
        self._loose_steps: dict[str, list[RunStep]] = defaultdict(list)

    def conversations(self) -> Iterator[Conversation]:
        """Yield each conversation; of an exporter's files, only one is in memory at a time."""
        for path in sorted(self._directory.rglob("*.json*")):
            if path.suffix in (".json", ".jsonl") and path.is_file():
                yield from self._of_file(path)
        for run_id, steps in self._loose_steps.items():
            thread_id = self._runs_threads.get(run_id, steps[0].thread_id)
            self._of_thread(thread_id).steps += steps
        for conversation in self._loose.values():
            for objects in (conversation.messages, conversation.runs, conversation.steps):
                objects.sort(key=lambda each: each.created_at)  # stable: keeps the order of a list
        yield from self._loose.values()

    def _of_file(self, path: Path) -> Iterator[Conversation]:
        shown = str(path.relative_to(self._directory))
        try:
            text = path.read_text(encoding="utf-8-sig")
            lines = text.splitlines() if path.suffix == ".jsonl" else [text]
            values = [json.loads(line) for line in lines if line.strip()]
        except (OSError, ValueError, RecursionError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no JSON"
            self.problems.append(f"{shown} can't be read: {reason}")
            return
        for value in values:
            schema = value.get("export_schema") if isinstance(value, dict) else None
            if isinstance(schema, str) and schema.startswith(_THREAD_EXPORT):
                conversation = self._exported(value, shown)
                if conversation is not None:
                    yield conversation
            elif not (isinstance(schema, str) and schema.startswith(_MANIFEST)):
                self._collect(value, shown)

    def _exported(self, raw: dict[str, Any], shown: str) -> Conversation | None:
        """Return the conversation of a thread file that an export program wrote."""
        thread = self._object(Thread, raw["thread"], shown) if raw.get("thread") else None
        thread_id = raw.get("thread_id") or (thread.id if thread else None)
        if not isinstance(thread_id, str):
            self.problems.append(f"{shown} names no thread")
            return None
        conversation = Conversation(thread_id, thread)
        conversation.messages = self._objects(Message, raw.get("messages"), shown)
        for run in _listed(raw.get("runs")):
            made = self._object(Run, run, shown)
            if made is not None:
                conversation.runs.append(made)
                steps = run.get("steps") if isinstance(run, dict) else None
                conversation.steps += self._objects(RunStep, steps, shown)
        for file_id in raw["files"] if isinstance(raw.get("files"), dict) else ():
            self.files.setdefault(str(file_id), thread_id)
        for error in _listed(raw.get("errors")):
            lost = error if isinstance(error, dict) else {"error": error}
            self.problems.append(
                f"{shown}: the exporter could not read {lost.get('object', 'an object')} "
                f"{lost.get('id', '')} ({lost.get('error') or lost.get('detail')})"
            )
        return conversation

    def _collect(self, raw: Any, shown: str) -> None:
        """Keep raw objects until all files are read: a conversation may be in several files."""
        if isinstance(raw, dict) and raw.get("object") == "list":
            raw = _listed(raw.get("data"))
        if isinstance(raw, list):
            for each in _oldest_first(raw):
                self._collect(each, shown)
            return
        kind = _KINDS.get(str(raw.get("object"))) if isinstance(raw, dict) else None
        made = None if kind is None else self._object(kind, raw, shown)
        if kind is None:
            self.problems.append(f"{shown} holds something that is no object of the API")
        elif isinstance(made, Assistant):
            self.assistants.append(made)
        elif isinstance(made, Thread):
            self._of_thread(made.id).thread = made
        elif isinstance(made, Message):
            self._of_thread(made.thread_id).messages.append(made)
        elif isinstance(made, Run):
            self._of_thread(made.thread_id).runs.append(made)
            self._runs_threads[made.id] = made.thread_id
            for step in self._objects(RunStep, raw.get("steps"), shown):
                self._loose_steps[step.run_id].append(step)
        elif isinstance(made, RunStep):
            self._loose_steps[made.run_id].append(made)

    def _of_thread(self, thread_id: str) -> Conversation:
        return self._loose.setdefault(thread_id, Conversation(thread_id))

    def _objects(self, kind: type[T], raws: Any, shown: str) -> list[T]:
        made = (self._object(kind, raw, shown) for raw in _listed(raws))
        return [each for each in made if each is not None]

    def _object(self, kind: type[T], raw: Any, shown: str) -> T | None:
        """Decode a raw object, without fields that the API lacks; note one that can't be used."""
        id_ = raw.get("id") if isinstance(raw, dict) else None
        try:
            made: T = decode(_DECODERS[kind], msgspec.json.encode(raw))
        except (UnusableError, msgspec.EncodeError, UnicodeError) as error:
            self.problems.append(f"{shown}: {id_ or kind.__name__} can't be used, {error}")
            return None
        for file_id in _files_named(raw):
            self.files.setdefault(file_id, str(id_))
        return made


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else []


def _oldest_first(raws: list[Any]) -> Iterable[Any]:
    """Return objects oldest first; the API lists them newest first unless asked otherwise."""
    times = [each.get("created_at", 0) for each in raws if isinstance(each, dict)]
    numbers = all(isinstance(each, int | float) for each in times)
    return reversed(raws) if times and numbers and times[0] > times[-1] else raws


def _files_named(raw: Any) -> Iterator[str]:
    """Yield the ids of files and vector stores in an object."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            if key in _FILE_KEYS:
                ids = value if isinstance(value, list) else [value]
                yield from (each for each in ids if isinstance(each, str))
            else:
                yield from _files_named(value)
    elif isinstance(raw, list):
        for each in raw:
            yield from _files_named(each)
