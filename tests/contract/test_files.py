"""Files: uploaded, listed, read, deleted; bytes in, the same bytes out."""

from collections.abc import AsyncIterator

import pytest

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.files import File, FileExpiration, FilePage, UploadFile
from bot.assistants.schema.objects import Deleted
from tests.contract.described import assert_described, needs_description
from tests.contract.refusals import refused
from tests.support.assistants import House
from tests.support.files import content, pieces, upload

ODD_NAMES = [
    "notes.txt",
    "日本語の ファイル.txt",
    'a "quoted" name\\.txt',
    "../../etc/passwd",
    "semi;colon=1.txt",
    "100%25.txt",
    "naïve 🐝.md",
]


async def test_an_uploaded_file_is_kept_with_all_its_facts(home: House) -> None:
    request = UploadFile(
        filename="notes.txt",
        purpose="assistants",
        expires_after=FileExpiration(anchor="created_at", seconds=3600),
    )
    now = int(home.clock.now())
    made = await home.api.upload_file(request, pieces(b"one ", b"two"))
    assert made == File(
        id=made.id,
        bytes=7,
        created_at=now,
        filename="notes.txt",
        purpose="assistants",
        expires_at=now + 3600,
    )
    assert made.id.startswith("file")
    assert await home.api.retrieve_file(made.id) == made
    assert await content(home.api, made.id) == b"one two"


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_a_files_name_is_kept_as_it_is(api: AssistantsAPI, name: str) -> None:
    made = await upload(api, name, b"x")
    assert made.filename == name
    assert await content(api, made.id) == b"x"


async def test_bytes_that_look_like_a_boundary_are_only_bytes(api: AssistantsAPI) -> None:
    data = (
        b'--\r\n\r\n--boundary\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nx\r\n--' * 9
    )
    made = await upload(api, "odd.bin", data + bytes(range(256)) * 300)
    assert await content(api, made.id) == data + bytes(range(256)) * 300


async def test_a_file_of_many_pieces_arrives_whole(api: AssistantsAPI) -> None:
    data = [bytes([n]) * 100_003 for n in range(50)]
    made = await api.upload_file(UploadFile(filename="b", purpose="user_data"), pieces(*data))
    assert made.bytes == 50 * 100_003
    assert await content(api, made.id) == b"".join(data)


async def test_an_empty_file_is_a_file(api: AssistantsAPI) -> None:
    made = await upload(api, "empty.txt", b"")
    assert made.bytes == 0
    assert await content(api, made.id) == b""


async def test_an_upload_that_fails_midway_leaves_nothing(api: AssistantsAPI) -> None:
    class BrokenDiskError(Exception):
        pass

    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * 200_000
        raise BrokenDiskError

    with pytest.raises(BrokenDiskError):
        await api.upload_file(UploadFile(filename="f", purpose="assistants"), failing())
    assert (await api.list_files()).data == ()


async def test_files_are_listed_newest_first_in_pages_and_by_purpose(api: AssistantsAPI) -> None:
    ids = [(await upload(api, f"{n}.txt")).id for n in range(3)]
    vision = await upload(api, "p.png", purpose="vision")
    listed = await api.list_files()
    assert [file.id for file in listed.data] == [vision.id, *reversed(ids)]
    assert (listed.first_id, listed.last_id, listed.has_more) == (vision.id, ids[0], False)
    oldest = await api.list_files(FilePage(limit=2, order="asc"))
    assert [file.id for file in oldest.data] == ids[:2]
    assert oldest.has_more
    rest = await api.list_files(FilePage(order="asc", after=oldest.last_id))
    assert [file.id for file in rest.data] == [ids[2], vision.id]
    only = await api.list_files(FilePage(purpose="vision"))
    assert [file.id for file in only.data] == [vision.id]


@pytest.mark.parametrize("limit", [0, 10_001])
async def test_a_page_of_files_has_1_to_10000(api: AssistantsAPI, limit: int) -> None:
    assert (await refused(api.list_files(FilePage(limit=limit)))).param == "limit"


async def test_a_deleted_file_is_gone(api: AssistantsAPI) -> None:
    made = await upload(api)
    assert await api.delete_file(made.id) == Deleted(made.id, "file")
    for request in (
        api.retrieve_file(made.id),
        api.file_content(made.id),
        api.delete_file(made.id),
    ):
        error: APIError = await refused(request, 404)
        assert error.message == f"No file found with id '{made.id}'."


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "assistants_output"}, "purpose"),
        ({"filename": "x" * 513}, "filename"),
        ({"expires_after": FileExpiration(anchor="created_at", seconds=3599)}, "seconds"),
        ({"expires_after": FileExpiration(anchor="created_at", seconds=2_592_001)}, "seconds"),
    ],
)
async def test_an_upload_that_cannot_be_taken_is_refused_by_name(
    api: AssistantsAPI, fields: dict[str, object], param: str
) -> None:
    request = UploadFile(**{"filename": "f", "purpose": "assistants", **fields})  # type: ignore[arg-type]  # wrong on purpose
    error = await refused(api.upload_file(request, pieces(b"x")))
    assert error.param is not None
    assert error.param.endswith(param)


async def test_one_projects_files_do_not_exist_in_another(home: House) -> None:
    made = await upload(home.api)
    for request in (
        home.other.retrieve_file(made.id),
        home.other.file_content(made.id),
        home.other.delete_file(made.id),
    ):
        await refused(request, 404)
    assert (await home.other.list_files()).data == ()
    assert await content(home.api, made.id) == b"A note."


@needs_description
async def test_files_are_as_described(api: AssistantsAPI) -> None:
    made = await upload(api)
    lasting = UploadFile(
        filename="f",
        purpose="assistants",
        expires_after=FileExpiration(anchor="created_at", seconds=3600),
    )
    assert_described("OpenAIFile", made, but={"expires_at", "status_details"})
    expiring = await api.upload_file(lasting, pieces(b"x"))
    assert_described("OpenAIFile", expiring, but={"status_details"})
    assert_described("ListFilesResponse", await api.list_files())
    assert_described("DeleteFileResponse", await api.delete_file(made.id))
