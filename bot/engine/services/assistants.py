"""The operations on assistants of one project."""

from bot.assistants import errors
from bot.assistants.schema.objects import Assistant, Deleted, ListPage
from bot.assistants.schema.requests import FIRST_PAGE, CreateAssistant, ModifyAssistant, Page
from bot.assistants.validation import checked
from bot.engine.context import ProjectContext
from bot.engine.services.factories import changed, new_assistant
from bot.engine.services.resources import ResourceWriter, write_resources
from bot.store.engine import Tables


class AssistantService:
    """The operations on assistants; ``AssistantsAPI`` describes each."""

    def __init__(self, project: ProjectContext) -> None:
        self._project = project

    async def create_assistant(self, request: CreateAssistant) -> Assistant:
        request = checked(request)

        def work(writer: ResourceWriter) -> Assistant:
            resources = writer.create(request.tool_resources)
            assistant = new_assistant(request, resources, writer.now)
            assistants = writer.tables.assistants
            assistants.insert(assistant, id=assistant.id, project=self._project.name)
            return assistant

        return await write_resources(self._project, work)

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
        where = {"id": assistant_id, "project": self._project.name}

        def work(writer: ResourceWriter) -> Assistant:
            resources, assistants = writer.changed(request.tool_resources), writer.tables.assistants
            assistant = changed(assistants.get(**where), request, **resources)
            assistants.write(assistant, **where)
            return assistant

        return await write_resources(self._project, work)

    async def delete_assistant(self, assistant_id: str) -> Deleted:
        def work(tables: Tables) -> Deleted:
            if not tables.assistants.delete(id=assistant_id, project=self._project.name):
                raise errors.not_found("assistant", assistant_id)
            return Deleted(assistant_id, "assistant.deleted")

        return await self._project.write(work)
