"""The child process of a local model: serves one GGUF on loopback, ends with its parent."""

import contextlib
import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any, Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Read the settings from stdin's first line, print the port, serve until stdin ends."""
    # Only messages to the parent go to its pipe; output of libraries goes to the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    settings = json.loads(sys.stdin.buffer.readline() or b"null")
    if not isinstance(settings, dict):
        sys.exit("This process is started by the bot; it does nothing by itself.")
    _die_with(int(settings["parent"]))
    # A model that computes on every core must not slow down the bot.
    with contextlib.suppress(OSError):
        os.nice(5)
    try:
        server = _serve(settings)
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must tell it
        _answer(answers, {"error": describe(error)})
        sys.exit(1)
    _answer(answers, {"url": server.listening_address})
    threading.Event().wait()


def _serve(settings: dict[str, Any]) -> Any:
    import xllamacpp  # type: ignore[import-untyped, unused-ignore]  # it ships no types, and may be absent

    params = xllamacpp.CommonParams()
    params.model.path = settings["gguf"]
    params.model_alias = {settings["alias"]}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    # Without a key, any web page in a browser on this machine could use the model.
    params.api_keys = [settings["key"]]
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["context"] * settings["parallel"]
    params.n_predict = settings["longest_answer"]
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _threads()
    params.cache_ram_mib = 64
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 2
    params.sampling.penalty_repeat = settings["repeat_penalty"]
    if settings["temperature"] is not None:
        params.sampling.temp = settings["temperature"]
    return xllamacpp.Server(params)


def _threads() -> int:
    """Return the number of computing threads: one core less than this process may use.

    Threads wait for each other after each layer, so one that shares its core slows all. Two threads
    beside a busy core took 17 to 74 s for an answer that one thread gives in 4 to 6 s.
    """
    linux = sys.platform == "linux"
    cores = len(os.sched_getaffinity(0)) if linux else os.cpu_count() or 1
    return max(1, cores - 1)


def _die_with(parent: int) -> None:
    """End this process when the parent ends, for whatever reason."""
    if sys.platform == "linux":
        # The kernel's promise also holds while a native call keeps Python from running.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_watch_stdin, daemon=True).start()
    if os.getppid() != parent:
        _end()


def _watch_stdin() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    _end()


def _end() -> NoReturn:
    # An orderly exit would wait for the native threads.
    os._exit(0)


def describe(error: BaseException) -> str:
    """Return why the model can't be served, with the command that helps."""
    text = str(error)
    if isinstance(error, ModuleNotFoundError):
        return "The local model needs xllamacpp: pip install 'assistants-bot[local]'."
    if isinstance(error, ImportError) and "libgomp" in text:
        return "The local model needs the system's libgomp: apt-get install libgomp1 libstdc++6."
    if isinstance(error, ImportError) and "libstdc++" in text:
        return "The local model needs the system's libstdc++: apt-get install libstdc++6 libgomp1."
    if isinstance(error, ImportError):
        return f"The local model's library xllamacpp can't be loaded ({text}); install it again."
    return f"{text or type(error).__name__}"


def _answer(answers: Any, value: dict[str, str]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
