"""Posts of forums and media channels: a channel thread and its first message, made at once."""

from collections.abc import Mapping

from bot.sandbox import errors
from bot.sandbox.backend.messages.content.attachments import UploadedFile
from bot.sandbox.backend.messages.content.drafts import read_draft
from bot.sandbox.backend.messages.messages import Messages
from bot.sandbox.backend.places.forums import MAX_APPLIED_TAGS, check_tags, note_unknown_tags
from bot.sandbox.backend.places.threads import Threads
from bot.sandbox.backend.state.model import Channel, DiscordMessage, User
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form


class Posts:
    """Creates posts; people and bots need Send Messages in the forum."""

    def __init__(self, world: World, threads: Threads, messages: Messages) -> None:
        self._world = world
        self._threads = threads
        self._messages = messages

    def create(
        self, forum: Channel, actor: User, form: Form, uploads: Mapping[int, UploadedFile]
    ) -> tuple[Channel, DiscordMessage]:
        """Create a post; return it and its first message.

        The message has the id of the post, as
        https://discord.com/developers/docs/resources/channel#start-thread-in-forum-or-media-channel
        says. A bot that looks for the message from which the thread was started finds it in the
        thread.
        """
        rights = self._world.require(forum, actor, Permission.SEND_MESSAGES)
        form.required("message")
        inner = form.form("message")
        draft = None if inner is None else read_draft(self._world, forum, inner, uploads)
        settings = self._threads.read(form, forum)
        form.ignore("type")  # discord.py sends it; a post is always a public thread
        tags = form.snowflakes("applied_tags", most=MAX_APPLIED_TAGS) or []
        note_unknown_tags(forum, tags, form)
        form.finish()
        check_tags(forum, tags, rights)
        if draft is None or not draft.says_something:
            raise errors.empty_message()
        post = self._threads.make(self._world.ids.next(), forum, actor, settings)
        post.thread_state.applied_tags = tags
        for file in draft.attachments or []:
            file.channel_id = post.id
        message = DiscordMessage(post.id, post, actor, draft.content or "")
        self._threads.announce(post, actor)
        self._messages.fill(message, draft)
        self._messages.publish(message)
        return post, message
