"""In the place of the native library: the same door, a server that echoes, and crashes on demand.

A question that begins with "crash" ends the process as a native fault would; "threads" is answered
with how many may compute.
"""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class CommonParams:
    """Takes whatever is set on it."""

    def __init__(self) -> None:
        self.model = SimpleNamespace(path="")
        self.sampling = SimpleNamespace(temp=0.8)
        self.cpuparams = SimpleNamespace(n_threads=-1)
        self.cpuparams_batch = SimpleNamespace(n_threads=-1)
        self.api_keys: list[str] = []


class Server:
    """Serves /v1/chat/completions and /v1/models on a free port of loopback."""

    def __init__(self, params: Any) -> None:
        print("stand-in: loading", params.model.path, file=sys.stderr, flush=True)
        print("a library that prints where it should not", flush=True)
        if b"broken" in Path(params.model.path).read_bytes():
            raise RuntimeError("failed to load the model")
        if b"fatal" in Path(params.model.path).read_bytes():
            os.abort()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self._answer("application/json", b'{"data":[{"id":"local","meta":{"n_ctx":64}}]}')

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.headers.get("Authorization") != f"Bearer {params.api_keys[0]}":
                    self.send_error(401)
                    return
                text = body["messages"][-1]["content"]
                if text.startswith("crash"):
                    if text == "crash later":
                        self.send_response(200)
                        self.send_header("Content-Type", "text/event-stream")
                        self.end_headers()
                        self.wfile.write(_chunk("So far "))
                        self.wfile.flush()
                    print("stand-in: out of memory", file=sys.stderr, flush=True)
                    signal.pthread_kill(threading.get_ident(), signal.SIGSEGV)
                if text == "threads":
                    text = f"{params.cpuparams.n_threads} {params.cpuparams_batch.n_threads}"
                self._answer("text/event-stream", _chunk(text) + _chunk("", "stop"))

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.listening_address = f"http://127.0.0.1:{server.server_port}"


def _chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()
