"""What messages are made of: content parts as asked for, as kept, and as streamed in pieces."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_CONTENT: int = 256_000
"""The longest text of one message, in characters (the API's limit)."""

MAX_URL: int = 8_192
"""The longest address of an image in a request, in characters (our own limit)."""

WEB_URL: str = (
    r"\A[hH][tT][tT][pP][sS]?://"
    r"(?:[^\x00-\x20\x7f\s/?#@\\]*@)?"
    r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f\s/?#@:\[\]\\]+)"
    r"(?::[0-9]{1,5})?"
    r"(?:[/?#][^\x00-\x20\x7f\s]*)?\Z"
)
"""What an image's address in a request looks like: scheme http or https, a host, no spaces."""

Detail = Literal["auto", "low", "high"]


class WebImage(Struct, frozen=True):
    """An image on the web, as a request names it: by an ``http`` or ``https`` address only."""

    url: Annotated[str, Meta(max_length=MAX_URL, pattern=WEB_URL)]
    detail: Detail = "auto"


class ImageUrlInput(Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image by its address, as a request writes it."""

    image_url: WebImage


class ImageUrl(Struct, frozen=True):
    """An image by its address, as a message keeps it.

    Messages stored by earlier versions hold addresses of any scheme, ``data:`` among them.
    """

    url: str
    detail: Detail = "auto"


class ImageFile(Struct, frozen=True):
    """An image in an uploaded file."""

    file_id: str
    detail: Detail = "auto"


class ImageUrlPart(Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image by its address, in a message."""

    image_url: ImageUrl


class ImageFilePart(Struct, frozen=True, tag_field="type", tag="image_file"):
    """An image by its file id, in a request and in a message alike."""

    image_file: ImageFile


class TextInput(Struct, frozen=True, tag_field="type", tag="text"):
    """Text as a request writes it: a bare string."""

    text: Annotated[str, Meta(max_length=MAX_CONTENT)]


ContentInput = TextInput | ImageUrlInput | ImageFilePart


class FileReference(Struct, frozen=True):
    """The file that an annotation points to."""

    file_id: str


class FileCitation(Struct, frozen=True, tag_field="type", tag="file_citation"):
    """A place in the text that quotes a file; indexes count characters."""

    text: str
    file_citation: FileReference
    start_index: int
    end_index: int


class FilePath(Struct, frozen=True, tag_field="type", tag="file_path"):
    """A place in the text that names a file the assistant made; indexes count characters."""

    text: str
    file_path: FileReference
    start_index: int
    end_index: int


Annotation = FileCitation | FilePath


class FileCitationDelta(Struct, frozen=True, tag_field="type", tag="file_citation"):
    """A citation that was found, the ``index``-th annotation of its part."""

    index: int
    text: str
    file_citation: FileReference
    start_index: int
    end_index: int


class FilePathDelta(Struct, frozen=True, tag_field="type", tag="file_path"):
    """A path that was found, the ``index``-th annotation of its part."""

    index: int
    text: str
    file_path: FileReference
    start_index: int
    end_index: int


AnnotationDelta = FileCitationDelta | FilePathDelta


class TextValue(Struct, frozen=True):
    """Text as a message keeps it, with what it quotes."""

    value: str
    annotations: tuple[Annotation, ...] = ()


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    """Text in a message."""

    text: TextValue


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    """What the model said instead of an answer."""

    refusal: str


Content = TextPart | ImageUrlPart | ImageFilePart | RefusalPart


class TextValueDelta(Struct, frozen=True, omit_defaults=True):
    """A piece of text: what comes after what was there."""

    value: str | UnsetType = UNSET
    annotations: tuple[AnnotationDelta, ...] | UnsetType = UNSET


class TextDelta(Struct, frozen=True, tag_field="type", tag="text"):
    """A piece of the text part at ``index``."""

    index: int
    text: TextValueDelta


class RefusalDelta(Struct, frozen=True, tag_field="type", tag="refusal"):
    """A piece of the refusal part at ``index``."""

    index: int
    refusal: str


class ImageUrlDelta(Struct, frozen=True, tag_field="type", tag="image_url"):
    """An image part that arrived at ``index``."""

    index: int
    image_url: ImageUrl


class ImageFileDelta(Struct, frozen=True, tag_field="type", tag="image_file"):
    """An image part that arrived at ``index``."""

    index: int
    image_file: ImageFile


ContentDelta = TextDelta | RefusalDelta | ImageUrlDelta | ImageFileDelta
