"""The operations on assistants of one project."""

from bot.assistants import errors
from bot.assistants.schema.objects import Assistant, Deleted, ListPage
from bot.assistants.schema.requests import FIRST_PAGE, CreateAssistant, ModifyAssistant, Page
from bot.assistants.schema.vector_stores import VectorStoreFile
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext
from bot.engine.services.factories import changed, new_assistant
from bot.engine.services.tool_resources import change_resources, create_resources
from bot.store.engine import Tables


class AssistantService:
    """The operations on assistants; ``AssistantsAPI`` describes each."""

    def __init__(self, project: ProjectContext) -> None:
        self._project = project

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        request = checked(request)
        project, now = self._project.name, self._project.now()

        def work(tables: Tables) -> tuple[Assistant, list[VectorStoreFile]]:
            created = create_resources(tables, project, request.tool_resources, now)
            assistant = new_assistant(request, created.resources, now)
            tables.assistants.insert(assistant, id=assistant.id, project=project)
            return assistant, created.added

        return await self._project.write_and_ingest(work)

    async def list_assistants(self, page: Page = FIRST_PAGE) -> ListPage[Assistant]:
        page = checked(page)
        return await self._project.read(
            lambda tables: tables.assistants.page(page, project=self._project.name)
        )

    async def retrieve_assistant(self, assistant_id: str) -> Assistant:
        return await self._project.read(
            lambda tables: tables.assistants.get(id=assistant_id, project=self._project.name)
        )

    async def modify_assistant(self, assistant_id: str, request: ModifyAssistant) -> Assistant:
        request = checked(request)
        project, now = self._project.name, self._project.now()

        def work(tables: Tables) -> tuple[Assistant, list[VectorStoreFile]]:
            resources, added = change_resources(tables, project, request.tool_resources, now)
            assistant = tables.assistants.get(id=assistant_id, project=project)
            assistant = changed(assistant, request, **resources)
            tables.assistants.write(assistant, id=assistant_id, project=project)
            return assistant, added

        return await self._project.write_and_ingest(work)

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            if not tables.assistants.delete(id=assistant_id, project=self._project.name):
                raise errors.not_found("assistant", assistant_id)
            return Deleted(assistant_id, "assistant.deleted")

        return await self._project.write(work)
