"""Posts the messages of bystanders that a question points at, each as a separate message.

A bystander is a member whose message the model is shown although it asks the bot nothing.

A separate message can be deleted from the thread when its author deletes it on Discord.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from bot.assistants.api import AssistantsAPI
from bot.assistants.errors import APIError
from bot.assistants.schema.objects import Message
from bot.assistants.schema.requests import CreateMessage
from bot.chat.threads.messages.message_builder import PointedAt
from bot.chat.threads.messages.pointers import NOTHING
from bot.store.ledger import Ledger, Question, Turn

BYSTANDER_KEY: Final = "bystander"
"""The metadata key under which a message carries the Discord id of a bystander's message."""

_log: Final = logging.getLogger(__name__)


class Bystander(Struct, frozen=True):
    """A bystander's message: its Discord id, its author's id, and its text as a quote."""

    message_id: int
    author_id: int
    text: str


class References(PointedAt, frozen=True, kw_only=True):
    """The content of the messages that a question points at."""

    bystanders: tuple[Bystander, ...] = ()


def bystander_message(bystander: Bystander) -> CreateMessage:
    """Return the message that shows a bystander's words on a thread."""
    metadata = {BYSTANDER_KEY: str(bystander.message_id)}
    return CreateMessage(role="user", content=bystander.text, metadata=metadata)


class ReferenceSource(Protocol):
    """Looks up the messages that a question points at."""

    async def read(self, question: Question, turn: Turn, *, is_first: bool) -> References:
        """Return the content of the messages; ``is_first``: the thread has no question yet."""


MessageFinder = Callable[[], Awaitable[str | None]]
"""Looks up on a thread whether a message was posted; returns its id."""

PostOnce = Callable[[str, CreateMessage, MessageFinder], Awaitable[str]]


class BystanderPoster:
    """Posts bystanders' messages to threads, each message once.

    ``post_once`` posts a message to a thread, and looks it up after a cut connection. ``newest``
    returns a thread's newest messages.
    """

    def __init__(
        self,
        api: AssistantsAPI,
        ledger: Ledger,
        *,
        post_once: PostOnce,
        newest: Callable[[str], Awaitable[Sequence[Message]]],
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._post_once = post_once
        self._newest = newest

    async def pointed_at(
        self, thread_id: str, turn: Turn, question: Question, references: ReferenceSource
    ) -> References | None:
        """Read the messages that a question points at, and post the bystanders' to the thread.

        Returns the messages; None where the question points at nothing.
        """
        if question.points_to == NOTHING:
            return None
        is_first = await self._ledger.questions.is_first(question, thread_id)
        found = await references.read(question, turn, is_first=is_first)
        if found.bystanders:
            await self.post(thread_id, question, found.bystanders)
        return found

    async def post(
        self, thread_id: str, question: Question, bystanders: Sequence[Bystander]
    ) -> None:
        """Post the messages that are not on the thread yet; raises what ``post_once`` raises."""
        home_id = question.home_id or question.channel_id
        known = await self._ledger.bystanders.plan(
            question.id,
            home_id,
            thread_id,
            {each.message_id: each.author_id for each in bystanders},
        )
        found: dict[str, str] = {}
        if None in known.values():
            # A post was interrupted: the message may be on the thread.
            found = await self._on_thread(thread_id)
        for each in bystanders:
            if known.get(each.message_id) is not None:
                continue
            key = str(each.message_id)
            posted = found.get(key)
            if posted is None:
                posted = await self._post_one(thread_id, key, bystander_message(each))
            if not await self._ledger.bystanders.posted(thread_id, each.message_id, posted):
                await self._delete(thread_id, posted)

    async def copied(
        self, thread_id: str, beside: Iterable[tuple[Question, Sequence[Bystander]]]
    ) -> None:
        """Store which bystanders' messages a new thread begins with, so that they can be deleted.

        ``beside`` has questions, each with the bystanders' messages that are shown before it.
        """
        for question, bystanders in beside:
            authors = {each.message_id: each.author_id for each in bystanders}
            await self._ledger.bystanders.plan(
                question.id, question.home_id or question.channel_id, thread_id, authors
            )

    async def _post_one(self, thread_id: str, key: str, request: CreateMessage) -> str:
        async def find() -> str | None:
            return (await self._on_thread(thread_id)).get(key)

        return await self._post_once(thread_id, request, find)

    async def _on_thread(self, thread_id: str) -> dict[str, str]:
        """Return the API ids of bystanders' messages among a thread's newest, by Discord id."""
        return {
            message.metadata[BYSTANDER_KEY]: message.id
            for message in await self._newest(thread_id)
            if message.metadata and BYSTANDER_KEY in message.metadata
        }

    async def _delete(self, thread_id: str, message_id: str) -> None:
        """Delete a message whose author deleted it on Discord."""
        try:
            await self._api.delete_message(thread_id, message_id)
        except APIError as error:
            _log.warning("Message %s of %s can't be deleted: %s", message_id, thread_id, error)
