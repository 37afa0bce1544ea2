"""The files of configured assistants on this machine, and their copies in a vector store."""

import signal
from pathlib import Path

import pytest

from bot.app.assistant_definitions import configured_assistants
from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Assistant, FileSearchResources
from bot.assistants.schema.vector_stores import CreateVectorStoreFile, VectorStoreFile
from bot.config import AssistantSettings, AssistantsSettings, Config, ConfigError, load
from bot.sandbox import Sandbox
from bot.store.ledger import Ledger
from tests.app.programs import written_config
from tests.support.assistants import House
from tests.support.model_endpoint import ScriptedModel
from tests.support.overridden_api import overridden
from tests.support.program import measured_program as program


async def defined(
    home: House, ledger: Ledger, *knowledge: Path, api: AssistantsAPI | None = None
) -> Assistant:
    """Define an assistant with this knowledge and return the assistant."""
    section = AssistantSettings(name="Ada", knowledge=tuple(map(str, knowledge)))
    config = Config(assistants=AssistantsSettings(define=(section,)))
    found = await configured_assistants(api or home.api, ledger, config, functions=lambda _: [])
    return await home.api.retrieve_assistant(found.default_id)


async def names(home: House) -> list[str]:
    """The names of all files at the API, sorted."""
    return sorted(file.filename for file in (await home.api.list_files()).data)


async def test_files_and_folders_are_uploaded_once_and_follow_their_changes(
    home: House, ledger: Ledger, tmp_path: Path
) -> None:
    rules, docs = tmp_path / "rules.md", tmp_path / "docs"
    (docs / "deep").mkdir(parents=True)
    rules.write_text("Be kind.")
    (docs / "deep" / "more.txt").write_text("And brief.")
    (docs / ".hidden").write_text("not this")
    assistant = await defined(home, ledger, rules, docs)
    assert await names(home) == ["more.txt", "rules.md"]
    resources = assistant.tool_resources
    assert resources is not None
    assert isinstance(resources.file_search, FileSearchResources)
    before = {file.id: file.filename for file in (await home.api.list_files()).data}

    # Nothing changed: nothing is uploaded. One change: one file is.
    assert (await defined(home, ledger, rules, docs)).id == assistant.id
    assert {file.id for file in (await home.api.list_files()).data} == set(before)
    rules.write_text("Be very kind.")
    (docs / "deep" / "more.txt").unlink()
    (docs / "new.md").write_text("New.")
    await defined(home, ledger, rules, docs)
    after = {file.id: file.filename for file in (await home.api.list_files()).data}
    assert sorted(after.values()) == ["new.md", "rules.md"]
    assert not set(before) & set(after)

    # Without knowledge the files leave, and the assistant searches no more.
    bare = await defined(home, ledger)
    assert await names(home) == []
    assert bare.id == assistant.id
    assert bare.tools == ()


async def test_a_lost_vector_store_is_made_again(
    home: House, ledger: Ledger, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.md"
    rules.write_text("Be kind.")
    await defined(home, ledger, rules)
    (store,) = (await home.api.list_vector_stores()).data
    await home.api.delete_vector_store(store.id)
    await defined(home, ledger, rules)
    (again,) = (await home.api.list_vector_stores()).data
    assert again.id != store.id
    assert len((await home.api.list_store_files(again.id)).data) == 1


async def test_a_start_that_broke_off_goes_on_where_it_was(
    home: House, ledger: Ledger, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{number}.md" for number in range(3)]
    for path in paths:
        path.write_text(path.name)
    added = 0

    async def failing(store_id: str, request: CreateVectorStoreFile) -> VectorStoreFile:
        nonlocal added
        added += 1
        if added == 2:
            raise APIError(503, "gone for a moment")
        return await home.api.create_store_file(store_id, request)

    api = overridden(home.api, {"create_store_file": failing})
    with pytest.raises(APIError):
        await defined(home, ledger, *paths, api=api)
    await defined(home, ledger, *paths)
    (store,) = (await home.api.list_vector_stores()).data
    assert store.file_counts.total == 3
    # The upload that was never added to the store is the one that may be there twice.
    assert sorted({*await names(home)}) == ["0.md", "1.md", "2.md"]
    assert len(await names(home)) <= 4


async def test_a_path_that_does_not_exist_is_named(
    home: House, ledger: Ledger, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"knowledge names .*nothing\.md, which does not exist"):
        await defined(home, ledger, tmp_path / "nothing.md")


def add_to(config: str, more: str, *, instead_of: str = "") -> None:
    """Write more into a configuration."""
    path = Path(config)
    path.write_text(path.read_text().removesuffix(instead_of) + more)


def test_relative_paths_start_at_the_configuration(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[[assistants.define]]\nname = "Ada"\nknowledge = ["rules.md", "docs/"]\n')
    (section,) = load(path).assistants.define
    assert section.knowledge == (str(tmp_path / "rules.md"), str(tmp_path / "docs"))


async def test_sighup_reads_definitions_and_files_anew_and_a_mistake_changes_nothing(
    tmp_path: Path,
) -> None:
    (tmp_path / "rules.md").write_text("Be kind.")
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "good.py").write_text("async def good() -> str:\n    'Do it.'\n")
    (tmp_path / "tools" / "bad.py").write_text("x = 1\ny = (\n")
    define = (
        '[[assistants.define]]\nname = "Ada"\nknowledge = ["rules.md"]\n'
        'functions = ["good", "bad"]\n'
    )
    async with ScriptedModel() as model, Sandbox() as sandbox:
        config = written_config(tmp_path, model, sandbox, define)
        environment = {"DISCORD_TOKEN": sandbox.token}
        async with program("run", "--config", config, environment=environment) as ran:
            await ran.until_line("is on Discord")
            await ran.until_line("bad.py, line 2: SyntaxError")
            await ran.until_line("There is no function bad")
            (tmp_path / "tools" / "bad.py").write_text("async def bad() -> str:\n    'Do.'\n")
            add_to(config, 'mistake = "x"\n')
            ran.process.send_signal(signal.SIGHUP)
            await ran.until_line("The assistants were not updated")
            add_to(config, '[[assistants.define]]\nname = "Ben"\n', instead_of='mistake = "x"\n')
            (tmp_path / "rules.md").write_text("Be very kind.")
            ran.process.send_signal(signal.SIGHUP)
            assert "Ada, Ben" in await ran.until_line("The assistants were updated")
            await ran.until_line("The knowledge of assistant Ada has")
            await ran.until_line("2 functions of")
