"""Adds file_search to runs in channels with documents, if the assistant lacks that tool."""

import logging
from typing import Final

from bot.assistants.api import AssistantsAPI
from bot.assistants.schema.tools import FileSearchTool, Tool
from bot.chat.threads.messages.message_builder import BuiltMessage, unread_json
from bot.store.ledger import Ledger, Question

MOST_RUN_TOOLS: Final = 20
"""The most tools of a run (the API's limit); an assistant may have more."""

_MOST_KNOWN: Final = 10_000

_log: Final = logging.getLogger(__name__)


class DocumentTools:
    """The tools of runs in channels whose questions brought long documents."""

    def __init__(self, api: AssistantsAPI, ledger: Ledger) -> None:
        self._api = api
        self._ledger = ledger
        # Whether a channel has documents, by channel id; others are looked up in the ledger.
        self._known: dict[int, bool] = {}

    async def store_reading(self, question: Question, built: BuiltMessage) -> None:
        """Store the unread parts of a question, and whether it has documents to search.

        This happens before the message is posted.
        """
        unread, has_documents = unread_json(built.unread), built.has_documents
        if (unread, has_documents) != (question.unread, question.documents):
            await self._ledger.questions.set_reading(question.id, unread, documents=has_documents)
        if has_documents:
            self._known[question.home_id or question.channel_id] = True

    def thread_created(self, channel_id: int, *, instead_of: str | None) -> None:
        """Note that a channel got a thread; a first thread has no documents yet.

        ``instead_of`` is the id of the thread that the new one replaces; None for a first thread.
        """
        if instead_of is None:
            self._known[channel_id] = False

    async def tools(self, channel_id: int, assistant_id: str) -> tuple[Tool, ...] | None:
        """Return the tools of a run; None means the assistant's tools. Raises ``APIError``."""
        if channel_id not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[channel_id] = await self._ledger.questions.have_documents(channel_id)
        if not self._known[channel_id]:
            return None
        assistant = await self._api.retrieve_assistant(assistant_id)
        if any(isinstance(tool, FileSearchTool) for tool in assistant.tools):
            return None
        if len(assistant.tools) >= MOST_RUN_TOOLS:
            _log.warning("Assistant %s has too many tools to search documents, too", assistant_id)
            return None
        return (*assistant.tools, FileSearchTool())
