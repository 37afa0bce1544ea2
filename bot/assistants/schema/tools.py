"""Tools, their calls in run steps and streams, and formats of responses."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

ToolName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"\A[a-zA-Z0-9_-]+\Z")]
"""The name of a function or of a JSON schema."""


class RankingOptions(Struct, frozen=True):
    """How file_search ranks results; those below the threshold (0 to 1) are left out."""

    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    ranker: Literal["auto", "default_2024_08_21"] = "auto"


class FileSearchOptions(Struct, frozen=True, omit_defaults=True):
    """How many results file_search returns, and how it ranks them."""

    max_num_results: Annotated[int, Meta(ge=1, le=50)] | UnsetType = UNSET
    ranking_options: RankingOptions | UnsetType = UNSET


class CodeInterpreterTool(Struct, frozen=True, tag_field="type", tag="code_interpreter"):
    """The hosted tool that runs Python."""


class FileSearchTool(
    Struct,
    frozen=True,
    tag_field="type",
    tag="file_search",
    omit_defaults=True,
):
    """The hosted tool that searches the files of a vector store."""

    file_search: FileSearchOptions | UnsetType = UNSET


class FunctionDefinition(Struct, frozen=True, omit_defaults=True):
    """A function the model may call; ``parameters`` is a JSON schema."""

    name: ToolName
    description: str | UnsetType | None = UNSET
    parameters: dict[str, Any] | UnsetType | None = UNSET
    strict: bool | UnsetType | None = UNSET


class FunctionTool(Struct, frozen=True, tag_field="type", tag="function"):
    """A function that the API's caller runs."""

    function: FunctionDefinition


Tool = CodeInterpreterTool | FileSearchTool | FunctionTool
AttachmentTool = CodeInterpreterTool | FileSearchTool


class Attachment(Struct, frozen=True, omit_defaults=True):
    """A file of a message and the tools that may read the file."""

    file_id: str | UnsetType = UNSET
    tools: tuple[AttachmentTool, ...] | UnsetType = UNSET


class NewAttachment(Attachment, frozen=True, kw_only=True):
    """An attachment in a request, with at most 16 tools (our own bound; the API names none).

    The API requires the tools; stored messages may lack them.
    """

    tools: Annotated[tuple[AttachmentTool, ...], Meta(max_length=16)]


class FunctionName(Struct, frozen=True):
    """The name of a function."""

    name: str


class NamedToolChoice(Struct, frozen=True, omit_defaults=True):
    """The one tool that the model must call."""

    type: Literal["function", "code_interpreter", "file_search"]
    function: FunctionName | UnsetType = UNSET


ToolChoice = Literal["none", "auto", "required"] | NamedToolChoice


class TextFormat(Struct, frozen=True, tag_field="type", tag="text"):
    """Responses are plain text."""


class JsonObjectFormat(Struct, frozen=True, tag_field="type", tag="json_object"):
    """Responses are JSON objects."""


class JsonSchema(Struct, frozen=True, omit_defaults=True):
    """The JSON schema that responses must follow."""

    name: ToolName
    description: str | UnsetType = UNSET
    schema: dict[str, Any] | UnsetType = UNSET
    strict: bool | UnsetType | None = UNSET


class JsonSchemaFormat(Struct, frozen=True, tag_field="type", tag="json_schema"):
    """Responses follow a JSON schema."""

    json_schema: JsonSchema


ResponseFormat = Literal["auto"] | TextFormat | JsonObjectFormat | JsonSchemaFormat


class CalledFunction(Struct, frozen=True):
    """A called function: ``arguments`` is JSON text, ``output`` is null until it is submitted."""

    name: str
    arguments: str
    output: str | None = None


class FunctionCall(Struct, frozen=True, tag_field="type", tag="function"):
    """A function call in a run step."""

    id: str
    function: CalledFunction


class LogsOutput(Struct, frozen=True, tag_field="type", tag="logs"):
    """The printed output of code, errors included."""

    logs: str


class OutputImage(Struct, frozen=True):
    """The file of an image that code generated."""

    file_id: str


class ImageOutput(Struct, frozen=True, tag_field="type", tag="image"):
    """An image that code generated."""

    image: OutputImage


CodeOutput = LogsOutput | ImageOutput


class CalledCode(Struct, frozen=True):
    """Code that ran, and its outputs."""

    input: str
    outputs: tuple[CodeOutput, ...] = ()


class CodeInterpreterCall(Struct, frozen=True, tag_field="type", tag="code_interpreter"):
    """A code_interpreter call in a run step."""

    id: str
    code_interpreter: CalledCode


class SearchContent(Struct, frozen=True):
    """A passage of a file."""

    text: str
    type: Literal["text"] = "text"


class SearchResult(Struct, frozen=True, omit_defaults=True):
    """A file that matches a search; the score is 0 to 1."""

    file_id: str
    file_name: str
    score: float
    content: tuple[SearchContent, ...] | UnsetType = UNSET


class CalledSearch(Struct, frozen=True, omit_defaults=True):
    """A file search and its results.

    ``queries`` and ``notice`` (why results may be missing) are stored for the model's prompt. They
    are not returned by the API.
    """

    ranking_options: RankingOptions | UnsetType = UNSET
    results: tuple[SearchResult, ...] | UnsetType = UNSET
    queries: tuple[str, ...] | UnsetType = UNSET
    notice: str | UnsetType = UNSET


class FileSearchCall(Struct, frozen=True, tag_field="type", tag="file_search"):
    """A file_search call in a run step."""

    id: str
    file_search: CalledSearch


ToolCall = FunctionCall | CodeInterpreterCall | FileSearchCall


class FunctionDelta(Struct, frozen=True, omit_defaults=True):
    """The next piece of a function call's arguments, or the call's name or output."""

    name: str | UnsetType = UNSET
    arguments: str | UnsetType = UNSET
    output: str | UnsetType | None = UNSET


class FunctionCallDelta(Struct, frozen=True, tag_field="type", tag="function", omit_defaults=True):
    """A change of the function call at ``index``."""

    index: int
    id: str | UnsetType = UNSET
    function: FunctionDelta | UnsetType = UNSET


class LogsOutputDelta(Struct, frozen=True, tag_field="type", tag="logs", omit_defaults=True):
    """The next piece of the logs at ``index``."""

    index: int
    logs: str | UnsetType = UNSET


class ImageOutputDelta(Struct, frozen=True, tag_field="type", tag="image", omit_defaults=True):
    """A new image at ``index``."""

    index: int
    image: OutputImage | UnsetType = UNSET


class CodeDelta(Struct, frozen=True, omit_defaults=True):
    """The next piece of code or of its outputs."""

    input: str | UnsetType = UNSET
    outputs: tuple[LogsOutputDelta | ImageOutputDelta, ...] | UnsetType = UNSET


class CodeInterpreterCallDelta(
    Struct, frozen=True, tag_field="type", tag="code_interpreter", omit_defaults=True
):
    """A change of the code_interpreter call at ``index``."""

    index: int
    id: str | UnsetType = UNSET
    code_interpreter: CodeDelta | UnsetType = UNSET


class FileSearchCallDelta(Struct, frozen=True, tag_field="type", tag="file_search"):
    """The file_search call at ``index``, with its results so far."""

    index: int
    file_search: CalledSearch
    id: str | UnsetType = UNSET


ToolCallDelta = FunctionCallDelta | CodeInterpreterCallDelta | FileSearchCallDelta
