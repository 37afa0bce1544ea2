"""The body of a file upload: sent piece by piece, and never twice."""

from collections.abc import AsyncIterator

import aiohttp

from bot.assistants.schema.files import UploadFile


class UploadBody:
    """A file to upload; ``started`` once a piece of its content was read."""

    def __init__(self, request: UploadFile, content: AsyncIterator[bytes]) -> None:
        self._request = request
        self._content = content
        self.started = False
        self.failure: BaseException | None = None
        """The exception that the content raised."""

    def data(self) -> aiohttp.MultipartWriter:
        """Return a new request body, with the fields before the file."""
        fields: dict[str, str] = {"purpose": self._request.purpose}
        if self._request.expires_after is not None:
            fields["expires_after[anchor]"] = self._request.expires_after.anchor
            fields["expires_after[seconds]"] = str(self._request.expires_after.seconds)
        writer = aiohttp.MultipartWriter("form-data")
        for name, value in fields.items():
            writer.append(value).set_content_disposition("form-data", name=name)
        named = f'form-data; name="file"; filename="{_escaped(self._request.filename)}"'
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": named}
        writer.append(self._pieces(), headers)
        return writer

    async def _pieces(self) -> AsyncIterator[bytes]:
        self.started = True
        try:
            async for piece in self._content:
                yield piece
        except BaseException as error:
            self.failure = error
            raise


def _escaped(filename: str) -> str:
    """Encode a file name as browsers do: in UTF-8, with control characters and quotes escaped."""
    coded = {code: f"%{code:02X}" for code in (*range(0x20), 0x22, 0x7F)}
    name = filename.encode("utf-8", "replace").decode()
    return name.translate({**coded, ord("\\"): "\\\\"})
