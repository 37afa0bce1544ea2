"""An endpoint on loopback that transcribes audio as a test says."""

from aiohttp import BodyPartReader, web

from tests.support.loopback import Loopback


class ScriptedTranscriber(Loopback):
    """Answers ``/v1/audio/transcriptions``; keeps the form of each request."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[dict[str, bytes]] = []
        self.names: list[str | None] = []
        self.keys: list[str | None] = []
        self.statuses: list[int] = []
        """The statuses of the next answers; then 200."""
        self.answer = '{"text": " Hello there. "}'
        self.error = '{"error": {"message": "Invalid file format."}}'

    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/audio/transcriptions", self._transcribe)

    async def _transcribe(self, request: web.Request) -> web.Response:
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
