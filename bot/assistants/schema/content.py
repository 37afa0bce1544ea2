"""The content parts of messages: in requests, in stored messages and in streams."""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_CONTENT: Final = 256_000
"""The longest text of one message, in characters (the API's limit)."""

MAX_URL: Final = 8_192
"""The longest URL of an image in a request, in characters (this project's own limit)."""

WEB_URL: Final = (
    r"\A[hH][tT][tT][pP][sS]?://"
    r"(?:[^\x00-\x20\x7f\s/?#@\\]*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f\s/?#@:\[\]\\]+)"
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][^\x00-\x20\x7f\s]*)?\Z"
)
"""The pattern of an image's URL in a request: http or https, a host, no spaces."""

Detail = Literal["auto", "low", "high"]


class WebImage(Struct, frozen=True):
    """An image on the web in a request: an ``http`` or ``https`` URL."""

    url: Annotated[str, Meta(max_length=MAX_URL, pattern=WEB_URL)]
    detail: Detail = "auto"


class ImageUrlInput(Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image part with a URL, in a request."""

    image_url: WebImage


class ImageUrl(Struct, frozen=True):
    """The URL of an image in a stored message.

    Messages of earlier versions have URLs of any scheme, ``data:`` included.
    """

    url: str
    detail: Detail = "auto"


class ImageFile(Struct, frozen=True):
    """An image in an uploaded file."""

    file_id: str
    detail: Detail = "auto"


class ImageUrlPart(Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image part with a URL, in a stored message."""

    image_url: ImageUrl


class ImageFilePart(Struct, frozen=True, tag_field="type", tag="image_file"):
    """An image part with a file id, in requests and in stored messages."""

    image_file: ImageFile


class TextInput(Struct, frozen=True, tag_field="type", tag="text"):
    """A text part in a request."""

    text: Annotated[str, Meta(max_length=MAX_CONTENT)]


ContentInput = TextInput | ImageUrlInput | ImageFilePart


class FileReference(Struct, frozen=True):
    """The file that an annotation points to."""

    file_id: str


class FileCitation(Struct, frozen=True, tag_field="type", tag="file_citation"):
    """A citation of a file in the text; indexes count characters."""

    text: str
    file_citation: FileReference
    start_index: int
    end_index: int


class FilePath(Struct, frozen=True, tag_field="type", tag="file_path"):
    """A path in the text of a file that code generated; indexes count characters."""

    text: str
    file_path: FileReference
    start_index: int
    end_index: int


Annotation = FileCitation | FilePath


class FileCitationDelta(Struct, frozen=True, tag_field="type", tag="file_citation"):
    """A citation in a stream: annotation number ``index`` of its part."""

    index: int
    text: str
    file_citation: FileReference
    start_index: int
    end_index: int


class FilePathDelta(Struct, frozen=True, tag_field="type", tag="file_path"):
    """A file path in a stream: annotation number ``index`` of its part."""

    index: int
    text: str
    file_path: FileReference
    start_index: int
    end_index: int


AnnotationDelta = FileCitationDelta | FilePathDelta


class TextValue(Struct, frozen=True):
    """Text of a stored message with its annotations."""

    value: str
    annotations: tuple[Annotation, ...] = ()


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """A text part in a stored message."""

    text: TextValue


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    """The model's refusal to answer."""

    refusal: str


Content = TextPart | ImageUrlPart | ImageFilePart | RefusalPart


class TextValueDelta(Struct, frozen=True, omit_defaults=True):
    """The next piece of a text, or annotations of the text."""

    value: str | UnsetType = UNSET
    annotations: tuple[AnnotationDelta, ...] | UnsetType = UNSET


class TextDelta(Struct, frozen=True, tag_field="type", tag="text"):
    """The next piece of the text part at ``index``."""

    index: int
    text: TextValueDelta


class RefusalDelta(Struct, frozen=True, tag_field="type", tag="refusal"):
    """The next piece of the refusal part at ``index``."""

    index: int
    refusal: str


class ImageUrlDelta(Struct, frozen=True, tag_field="type", tag="image_url"):
    """A new image part at ``index``."""

    index: int
    image_url: ImageUrl


class ImageFileDelta(Struct, frozen=True, tag_field="type", tag="image_file"):
    """A new image part at ``index``."""

    index: int
    image_file: ImageFile


ContentDelta = TextDelta | RefusalDelta | ImageUrlDelta | ImageFileDelta
