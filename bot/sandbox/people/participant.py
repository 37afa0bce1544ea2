"""A person who writes, reacts, votes and opens channels, as in Discord's app."""

import base64
from collections.abc import Sequence

from bot.sandbox.backend.backend import Backend
from bot.sandbox.backend.interactions.invocations import (
    NotPossible,
)
from bot.sandbox.backend.messages.content.drafts import FORWARD, Draft, read_new
from bot.sandbox.backend.state.kinds import NO_FLAGS, MessageFlag
from bot.sandbox.backend.state.model import Channel, DiscordMessage, User
from bot.sandbox.backend.state.parts import DiscordAttachment, Payload, Sticker
from bot.sandbox.forms import Form
from bot.sandbox.people.message_fields import File, described, poll_media, uploads


class Participant:
    """The part of a ``Person`` that needs no interactions.

    Methods raise ``DiscordError`` where Discord refuses, ``NotPossible`` where its app does not
    offer the action.
    """

    def __init__(self, backend: Backend, user: User, token: str) -> None:
        self._backend = backend
        self._world = backend.world
        self.user = user
        self.token = token

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.user.name}>"

    @property
    def id(self) -> int:
        """The user's id."""
        return self.user.id

    @property
    def name(self) -> str:
        """The name shown."""
        return self.user.name

    @property
    def mention(self) -> str:
        """The text that mentions this person."""
        return self.user.mention

    async def say(
        self,
        channel: Channel,
        text: str = "",
        *,
        mention_bot: bool = False,
        reply_to: DiscordMessage | None = None,
        ping_author: bool = True,
        attachments: Sequence[File] = (),
        stickers: Sequence[Sticker] = (),
        embeds: Sequence[Payload] = (),
        cards: Sequence[Payload] = (),
    ) -> DiscordMessage:
        """Post a message; only an app (see ``Sandbox.add_app``) can send ``embeds`` and ``cards``.

        ``cards`` are components of a Components V2 message.
        """
        if (embeds or cards) and not self.user.bot:
            raise NotPossible("people send no embeds; a link gets its preview from Discord")
        if mention_bot:
            text = f"{self._world.bot.mention} {text}".strip()
        body: Payload = {"content": text, **described(attachments)}
        if stickers:
            body["sticker_ids"] = [str(one.id) for one in stickers]
        if embeds:
            body["embeds"] = list(embeds)
        if cards:
            body |= {"components": list(cards), "flags": int(MessageFlag.IS_COMPONENTS_V2)}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to.id)}
            parse = ["users", "roles", "everyone"]
            body["allowed_mentions"] = {"parse": parse, "replied_user": ping_author}
        return self._post(channel, body, attachments)

    async def say_voice(
        self, channel: Channel, recording: bytes, *, seconds: float, waveform: bytes = b"\x10\x40"
    ) -> DiscordMessage:
        """Post a voice message, an Ogg file; ``waveform`` is one byte of loudness for each step."""
        wave = base64.b64encode(waveform).decode()
        # Discord refuses a voice message without both of these.
        about = {"id": "0", "duration_secs": seconds, "waveform": wave}
        body = {"flags": int(MessageFlag.IS_VOICE_MESSAGE), "attachments": [about]}
        return self._post(channel, body, [("voice-message.ogg", recording)])

    async def forward(self, message: DiscordMessage, channel: Channel) -> DiscordMessage:
        """Forward a message into a channel; a comment on the forward is a message of its own."""
        if message.poll is not None:
            raise NotPossible("a poll cannot be forwarded")
        reference = {
            "type": FORWARD,
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
        }
        return self._post(channel, {"message_reference": reference})

    async def ask_poll(
        self,
        channel: Channel,
        question: str,
        answers: Sequence[str],
        *,
        hours: int = 24,
        multiselect: bool = False,
    ) -> DiscordMessage:
        """Post a poll; an answer may begin with an emoji and a space."""
        poll: Payload = {
            "question": {"text": question},
            "answers": [{"poll_media": poll_media(answer)} for answer in answers],
            "duration": hours,
            "allow_multiselect": multiselect,
        }
        return self._post(channel, {"poll": poll})

    async def vote(self, message: DiscordMessage, *answers: str) -> None:
        """Vote for answers of a poll by their text; no answer removes the votes."""
        if message.poll is None:
            raise NotPossible("the message has no poll")
        ids = {one.text: one.id for one in message.poll.answers}
        for answer in answers:
            if answer not in ids:
                raise NotPossible(f"the poll has no answer {answer!r}")
        self._backend.polls.vote(message, self.user, [ids[answer] for answer in answers])

    async def create_post(
        self,
        forum: Channel,
        title: str,
        text: str = "",
        *,
        tags: Sequence[str] = (),
        attachments: Sequence[File] = (),
        mention_bot: bool = False,
    ) -> Channel:
        """Create a post in a forum or media channel; its first message has the post's id."""
        if mention_bot:
            text = f"{self._world.bot.mention} {text}".strip()
        known = {tag.name: tag.id for tag in forum.available_tags}
        for tag in tags:
            if tag not in known:
                raise NotPossible(f"the forum has no tag {tag!r}")
        body = {
            "name": title,
            "applied_tags": [str(known[tag]) for tag in tags],
            "message": {"content": text, **described(attachments)},
        }
        form = Form(body, "create_post")
        post, _ = self._backend.posts.create(forum, self.user, form, uploads(attachments))
        return post

    def _post(
        self, channel: Channel, body: Payload, attachments: Sequence[File] = ()
    ) -> DiscordMessage:
        draft = read_new(self._world, channel, Form(body, "say"), uploads(attachments))
        return self._backend.messages.post(channel, self.user, draft)

    async def edit(
        self,
        message: DiscordMessage,
        text: str,
        *,
        keep: Sequence[DiscordAttachment] | None = None,
    ) -> DiscordMessage:
        """Edit one's own message; ``keep`` are the files to keep (None: all of them)."""
        kept = None if keep is None else list(keep)
        draft = Draft(content=text.strip(), attachments=kept)
        return self._backend.messages.edit(message, self.user, draft)

    async def suppress_embeds(self, message: DiscordMessage, *, on: bool = True) -> None:
        """Hide embeds and link previews of one's own message, or of another's as a moderator."""
        flags = MessageFlag.SUPPRESS_EMBEDS if on else NO_FLAGS
        self._backend.messages.edit(message, self.user, Draft(flags=flags))

    async def delete(self, message: DiscordMessage) -> None:
        """Delete one's own message, or another's with Manage Messages."""
        self._backend.messages.delete(message, self.user)

    async def delete_many(self, messages: Sequence[DiscordMessage]) -> None:
        """Delete messages of one channel at once, as a moderation bot does for a moderator."""
        ids = [message.id for message in messages]
        self._backend.messages.delete_many(messages[0].channel, self.user, ids)

    async def react(self, message: DiscordMessage, emoji: str) -> None:
        """Add a reaction."""
        self._backend.reactions.add(message, self.user, emoji)

    async def unreact(self, message: DiscordMessage, emoji: str) -> None:
        """Remove one's own reaction."""
        self._backend.reactions.remove(message, self.user, self.user, emoji)

    async def type_in(self, channel: Channel) -> None:
        """Show "… is typing"."""
        self._backend.channels.start_typing(channel, self.user)

    async def open_dm(self, other: "Participant | None" = None) -> Channel:
        """Return the DM channel with the bot, or with another person."""
        partner = self._world.bot if other is None else other.user
        return self._backend.channels.open_dm(self.user, partner)

    async def open_group(self, *others: "Participant", name: str = "") -> Channel:
        """Open a group DM with other people; a bot cannot be in one."""
        return self._backend.channels.open_group(self.user, [one.user for one in others], name)

    def install_app(self) -> None:
        """Install the application for oneself; its user commands are then available everywhere."""
        self._world.user_installs.add(self.id)

    def uninstall_app(self) -> None:
        """Uninstall the application from one's account."""
        self._world.user_installs.discard(self.id)

    async def start_thread(self, message: DiscordMessage, name: str) -> Channel:
        """Start a channel thread on a message."""
        form = Form({"name": name}, "start_thread")
        return self._backend.threads.from_message(message, self.user, form)
