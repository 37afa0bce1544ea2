"""Files of sandboxed code: given and written ones, and their quota."""

import gc
import tracemalloc
from functools import partial
from pathlib import Path

from bot.hosted.python.sandbox import PythonSandbox, SandboxLimits


async def test_given_files_are_read_in_every_usual_way(
    sandbox: PythonSandbox, tmp_path: Path
) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes("größe,n\r\nä,2\r\n".encode())
    files: dict[str, bytes | Path] = {
        "table.csv": blob,
        "data.json": b'{"a": [1, 2]}',
        "x/y.bin": b"\xff",
    }
    code = """
import csv, json, os
from pathlib import Path
with open('table.csv') as f:
    rows = list(csv.DictReader(f))
with open('/mnt/data/data.json') as f:
    data = json.load(f)
print(rows, data, [line for line in open('table.csv')])
print(os.listdir('/mnt/data'), os.getcwd(), os.path.getsize('table.csv'))
print(open('x_y.bin', 'rb').read(), Path('data.json').read_text(), Path('none').exists())
print([str(p) for p in Path('/mnt/data').glob('*.csv')], list(os.walk('/')))
"""
    result = await sandbox.run("a", code, files=files)
    assert result.error is None
    assert result.logs.splitlines() == [
        "[{'größe': 'ä', 'n': '2'}] {'a': [1, 2]} ['größe,n\\n', 'ä,2\\n']",
        "['data.json', 'table.csv', 'x_y.bin'] /mnt/data 17",
        "b'\\xff' {\"a\": [1, 2]} False",
        "['/mnt/data/table.csv'] [('/', ['mnt'], []), ('/mnt', ['data'], []), "
        "('/mnt/data', [], ['data.json', 'table.csv', 'x_y.bin'])]",
    ]
    assert result.written == {}


async def test_a_resolved_path_is_a_path(sandbox: PythonSandbox) -> None:
    code = """
from pathlib import Path
path = Path('table.csv')
[(p.name, p.parent / 'other') for p in (path.resolve(), path.absolute())]
"""
    result = await sandbox.run("a", code, files={"table.csv": b"1"})
    assert result.error is None
    found = "('table.csv', PosixPath('/mnt/data/other'))"
    assert result.logs == f"[{found}, {found}]"


async def test_written_files_are_handed_back_and_stay(sandbox: PythonSandbox) -> None:
    session = partial(sandbox.run, "a")
    given: dict[str, bytes | Path] = {"in.txt": b"one\n"}
    first = await session(
        "with open('out.txt', 'w') as f:\n    f.write('ü')\n    f.write('2')\n"
        "open('in.txt', 'a').write('two\\n')",
        files=given,
    )
    assert first.error is None
    assert first.written == {"out.txt": "ü2".encode(), "in.txt": b"one\ntwo\n"}
    second = await session(
        "import os\nos.rename('out.txt', 'new.txt')\nopen('in.txt').read(), os.listdir()",
        files=given,
    )
    assert second.logs == "('one\\ntwo\\n', ['in.txt', 'new.txt'])"
    assert second.written == {"new.txt": "ü2".encode()}
    removed = await session("import os\nos.remove('new.txt')\nos.listdir()", files=given)
    assert removed.logs == "['in.txt']"


async def test_a_file_that_cannot_be_renamed_stays(sandbox: PythonSandbox) -> None:
    session = partial(sandbox.run, "a")
    await session("open('notes.txt', 'w').write('kept')")
    refused = await session("import os\nos.rename('notes.txt', '/etc/notes.txt')")
    assert "PermissionError" in (refused.error or "")
    caught = """
import os
try:
    os.rename('notes.txt', '/etc/notes.txt')
except PermissionError:
    pass
open('notes.txt').read(), os.listdir()"""
    again = await session(caught)
    assert again.error is None
    assert again.logs == "('kept', ['notes.txt'])"


async def test_written_files_have_a_quota() -> None:
    async with PythonSandbox(SandboxLimits(files_bytes=1000, files=3)) as sandbox:
        session = partial(sandbox.run, "a")
        full = await session("f = open('a', 'w')\nfor i in range(100): f.write('x' * 99)")
        assert full.error is not None
        assert "No space left on device" in full.error
        assert len(full.written["a"]) == 990
        room = await session("open('a', 'w').write('y' * 1000)")
        assert room.error is None
        many = await session("open('a', 'w')\nfor c in 'bcde': open(c, 'w')")
        assert many.error is not None
        assert "No more than 3 files" in many.error


async def test_what_runs_wrote_is_freed_without_the_garbage_collector() -> None:
    async with PythonSandbox(SandboxLimits(kept_bytes=2**20)) as sandbox:
        session = partial(sandbox.run, "warm")
        await session("open('a', 'w').write('a')")
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for number in range(6):
                session = partial(sandbox.run, str(number))
                result = await session("f = open('a', 'wb')\nf.write(b'a' * 8_000_000)")
                assert result.error is None
                del result
            await session("1")
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.enable()
        assert kept < 2 * 8_000_000


async def test_a_file_too_large_for_the_sandbox_is_not_even_read(tmp_path: Path) -> None:
    big = tmp_path / "big"
    with big.open("wb") as sparse:
        sparse.truncate(10**12)
    async with PythonSandbox() as sandbox:
        result = await sandbox.run("a", "open('big').read()", files={"big": big})
        assert result.error is not None
        assert "File too large for the sandbox" in result.error
