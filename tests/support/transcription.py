"""An endpoint on loopback that transcribes audio as a test says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import BodyPartReader, web


class ScriptedTranscriber:
    """Answers ``/v1/audio/transcriptions``; keeps the form of each request."""

    def __init__(self) -> None:
        self.url = ""
        self.forms: list[dict[str, bytes]] = []
        self.names: list[str | None] = []
        self.keys: list[str | None] = []
        self.statuses: list[int] = []
        """What to answer first."""
        self.answer = '{"text": " Hello there. "}'
        self.error = '{"error": {"message": "Invalid file format."}}'

    async def give(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Authorization"))
        form: dict[str, bytes] = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            form[part.name or ""] = bytes(await part.read())
            if part.name == "file":
                self.names.append(part.filename)
        self.forms.append(form)
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(
            status=status,
            text=self.answer if status == 200 else self.error,
            content_type="application/json",
        )


@asynccontextmanager
async def transcribing() -> AsyncIterator[ScriptedTranscriber]:
    """Serve an endpoint whose ``url`` is a base URL."""
    scripted = ScriptedTranscriber()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/audio/transcriptions", scripted.give)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    scripted.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield scripted
    finally:
        await runner.cleanup()
