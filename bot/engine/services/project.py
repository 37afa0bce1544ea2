"""One project's Assistants API: the operations of all services in one object."""

from bot.engine.context import EngineContext, ProjectContext
from bot.engine.run.supervisor import RunSupervisor
from bot.engine.services.assistants import AssistantService
from bot.engine.services.files import FileService
from bot.engine.services.imports import ImportService
from bot.engine.services.runs import RunService
from bot.engine.services.threads import ThreadService
from bot.engine.services.vector_stores import VectorStoreService


class Project:
    """The ``AssistantsAPI`` of one project."""

    def __init__(self, engine: EngineContext, supervisor: RunSupervisor, name: str) -> None:
        project = ProjectContext(engine, name)

        assistants = AssistantService(project)
        self.create_assistant = assistants.create_assistant
        self.list_assistants = assistants.list_assistants
        self.retrieve_assistant = assistants.retrieve_assistant
        self.modify_assistant = assistants.modify_assistant
        self.delete_assistant = assistants.delete_assistant

        threads = ThreadService(project, supervisor)
        self.create_thread = threads.create_thread
        self.list_threads = threads.list_threads
        self.import_objects = ImportService(project).import_objects
        self.retrieve_thread = threads.retrieve_thread
        self.modify_thread = threads.modify_thread
        self.delete_thread = threads.delete_thread
        self.create_message = threads.create_message
        self.list_messages = threads.list_messages
        self.retrieve_message = threads.retrieve_message
        self.modify_message = threads.modify_message
        self.delete_message = threads.delete_message

        runs = RunService(project, supervisor)
        self.create_run = runs.create_run
        self.stream_run = runs.stream_run
        self.create_thread_and_run = runs.create_thread_and_run
        self.stream_thread_and_run = runs.stream_thread_and_run
        self.list_runs = runs.list_runs
        self.retrieve_run = runs.retrieve_run
        self.modify_run = runs.modify_run
        self.submit_tool_outputs = runs.submit_tool_outputs
        self.stream_tool_outputs = runs.stream_tool_outputs
        self.follow_run = runs.follow_run
        self.cancel_run = runs.cancel_run
        self.list_steps = runs.list_steps
        self.retrieve_step = runs.retrieve_step

        files = FileService(project)
        self.upload_file = files.upload_file
        self.list_files = files.list_files
        self.retrieve_file = files.retrieve_file
        self.file_content = files.file_content
        self.delete_file = files.delete_file

        stores = VectorStoreService(project)
        self.create_vector_store = stores.create_vector_store
        self.list_vector_stores = stores.list_vector_stores
        self.retrieve_vector_store = stores.retrieve_vector_store
        self.modify_vector_store = stores.modify_vector_store
        self.delete_vector_store = stores.delete_vector_store
        self.search_vector_store = stores.search_vector_store
        self.create_store_file = stores.create_store_file
        self.list_store_files = stores.list_store_files
        self.retrieve_store_file = stores.retrieve_store_file
        self.modify_store_file = stores.modify_store_file
        self.delete_store_file = stores.delete_store_file
        self.store_file_content = stores.store_file_content
        self.create_file_batch = stores.create_file_batch
        self.retrieve_file_batch = stores.retrieve_file_batch
        self.cancel_file_batch = stores.cancel_file_batch
