"""Images by their bytes."""

import pytest

from bot.assistants.images import image_kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "png"),
        (b"\xff\xd8\xff\xe0JFIF", "jpeg"),
        (b"GIF89a,", "gif"),
        (b"GIF87a,", "gif"),
        (b"RIFF\n\x00\x00\x00WEBPVP8 ", "webp"),
        (b"RIFF\n\x00\x00\x00WAVEfmt ", None),
        (b"<svg/>", None),
        (b"", None),
    ],
)
def test_an_image_is_recognized_by_its_first_bytes(data: bytes, kind: str | None) -> None:
    assert image_kind(data) == kind
