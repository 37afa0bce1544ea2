"""A file on its way to a server elsewhere: sent piece by piece, and never twice."""

from collections.abc import AsyncIterator

import aiohttp

from bot.assistants.files import UploadFile


class Upload:
    """A file to be uploaded; ``begun`` once a piece of it was taken."""

    def __init__(self, request: UploadFile, content: AsyncIterator[bytes]) -> None:
        self._request = request
        self._content = content
        self.begun = False
        self.failure: BaseException | None = None
        """What the content itself raised."""

    def data(self) -> aiohttp.MultipartWriter:
        """Return the request's body, for one attempt; the fields come before the file."""
        fields: dict[str, str] = {"purpose": self._request.purpose}
        if self._request.expires_after is not None:
            fields["expires_after[anchor]"] = self._request.expires_after.anchor
            fields["expires_after[seconds]"] = str(self._request.expires_after.seconds)
        writer = aiohttp.MultipartWriter("form-data")
        for name, value in fields.items():
            writer.append(value).set_content_disposition("form-data", name=name)
        file = writer.append(self._pieces(), {"Content-Type": "application/octet-stream"})
        file.set_content_disposition("form-data", name="file", filename=self._request.filename)
        return writer

    async def _pieces(self) -> AsyncIterator[bytes]:
        self.begun = True
        try:
            async for piece in self._content:
                yield piece
        except BaseException as error:
            self.failure = error
            raise
