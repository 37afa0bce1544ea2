"""The application's answers to interactions: first answer, edits, and follow-up messages."""

from collections.abc import Mapping
from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.interactions.installs import is_external, must_be_ephemeral
from bot.sandbox.backend.interactions.interactions import (
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFERRED_MESSAGE,
    DEFERRED_UPDATE,
    MESSAGE,
    MODAL,
    MODAL_SUBMIT,
    PONG,
    UPDATE,
    Interaction,
    Interactions,
)
from bot.sandbox.backend.messages.content.attachments import UploadedFile
from bot.sandbox.backend.messages.content.components import ComponentReader
from bot.sandbox.backend.messages.content.drafts import Draft, read_draft
from bot.sandbox.backend.messages.messages import Messages
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state.kinds import NO_FLAGS, MessageFlag, MessageType
from bot.sandbox.backend.state.model import DiscordMessage
from bot.sandbox.backend.state.parts import Payload, Reference
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

# https://discord.com/developers/docs/interactions/receiving-and-responding#followup-messages
MAX_EXTERNAL_FOLLOW_UPS: Final = 5


class Answers:
    """Takes the application's answers and checks that the interaction allows each of them."""

    def __init__(self, world: World, messages: Messages, interactions: Interactions) -> None:
        self._world = world
        self._messages = messages
        self._tell_person = interactions.tell_person

    def respond(
        self, interaction: Interaction, form: Form, uploads: Mapping[int, UploadedFile]
    ) -> None:
        """Take the first answer.

        Raises Discord's error 40060 (already acknowledged) if the interaction has an answer.
        """
        form.required("type")
        kind = form.integer("type", one_of=self._possible(interaction))
        # Premium prompts and activities belong to parts of Discord that the sandbox lacks.
        if kind in (10, 11, 12):
            raise errors.Unsupported(f"{form.where}: callback type {kind} is not in the sandbox")
        if form.problems:
            form.ignore("data")
            form.finish()
        data = form.form("data")
        if kind in (PONG, DEFERRED_UPDATE) or (kind == DEFERRED_MESSAGE and data is None):
            if data is not None:
                data.ignore(*data.names)
            data = None
            form.finish()
        elif data is None:
            form.required("data")
            form.finish()
        if interaction.state != "waiting":
            raise errors.already_acknowledged()
        if kind == CHOICES and data is not None:
            choices = _read_choices(data)
            form.finish()
            self._acknowledge(interaction, CHOICES)
            interaction.choices = choices
            self._tell_person(
                "APPLICATION_COMMAND_AUTOCOMPLETE_RESPONSE", interaction, choices=choices
            )
            return
        if kind == MODAL and data is not None:
            modal = _read_modal(data)
            form.finish()
            self._acknowledge(interaction, MODAL)
            interaction.modal = modal
            self._tell_person("INTERACTION_MODAL_CREATE", interaction, **{**modal, "modal": modal})
            return
        if kind == UPDATE and data is not None:
            assert interaction.message is not None
            draft = self._read_edit(interaction.message, data, uploads)
            form.finish()
            self._acknowledge(interaction, UPDATE)
            interaction.original = self._messages.change(interaction.message, draft)
        elif kind == MESSAGE and data is not None:
            draft = read_draft(self._world, interaction.channel, data, uploads)
            form.finish()
            message = self._draft_message(interaction, draft)
            self._messages.fill(message, draft)
            self._acknowledge(interaction, MESSAGE)
            self._show(interaction, message, first=True)
        elif kind == DEFERRED_MESSAGE:
            flags = MessageFlag(0)
            if data is not None:
                flags = MessageFlag(data.integer("flags", 0) or 0) & MessageFlag.EPHEMERAL
                data.ignore(*data.names)
                form.finish()
            message = self._draft_message(interaction, Draft(flags=flags))
            message.flags |= MessageFlag.LOADING
            self._acknowledge(interaction, DEFERRED_MESSAGE)
            self._show(interaction, message, first=True)
        else:
            self._acknowledge(interaction, kind or PONG)
            interaction.original = interaction.message
        self._tell_person("INTERACTION_SUCCESS", interaction)

    def _possible(self, interaction: Interaction) -> set[int]:
        if interaction.kind == AUTOCOMPLETE:
            return {CHOICES}
        possible = {PONG, MESSAGE, DEFERRED_MESSAGE, 12}
        # A modal cannot be answered by another modal.
        if interaction.kind != MODAL_SUBMIT:
            possible.add(MODAL)
        # Only an interaction that came from a message can update that message.
        if interaction.message is not None:
            possible |= {DEFERRED_UPDATE, UPDATE}
        return possible

    def _acknowledge(self, interaction: Interaction, kind: int) -> None:
        interaction.state = "acknowledged"
        interaction.response_type = kind
        interaction.acknowledged_at = self._world.now()
        if interaction.timer is not None:
            interaction.timer.cancel()

    def _draft_message(self, interaction: Interaction, draft: Draft) -> DiscordMessage:
        world = self._world
        flags = (draft.flags or NO_FLAGS) & MessageFlag.EPHEMERAL
        where = (interaction.channel, interaction.user, interaction.owners)
        if must_be_ephemeral(*where, world.now()):
            flags |= MessageFlag.EPHEMERAL
        message = DiscordMessage(
            world.ids.next(),
            interaction.channel,
            world.bot,
            flags=flags,
            application_id=world.application_id,
            webhook_id=world.application_id,
        )
        if flags & MessageFlag.EPHEMERAL:
            message.for_user = interaction.user
        message.interaction_metadata = self._metadata(interaction)
        if interaction.original is not None:
            message.interaction_metadata["original_response_message_id"] = str(
                interaction.original.id
            )
        answered = interaction.original or interaction.message
        if interaction.kind == COMMAND and interaction.original is None:
            chat = interaction.data.get("type", 1) == 1
            message.type = (
                MessageType.CHAT_INPUT_COMMAND if chat else MessageType.CONTEXT_MENU_COMMAND
            )
            # Discord still sends the deprecated field beside interaction_metadata.
            message.legacy_interaction = {
                "id": str(interaction.id),
                "type": interaction.kind,
                "name": interaction.data["name"],
                "user": render.user(interaction.user),
            }
        elif answered is not None:
            message.type = MessageType.REPLY
            message.referenced = answered
            channel = interaction.channel
            message.reference = Reference(channel.id, answered.id, channel.guild_id)
        return message

    def _metadata(self, interaction: Interaction) -> Payload:
        metadata: Payload = {
            "id": str(interaction.id),
            "type": interaction.kind,
            "user": render.user(interaction.user),
            "authorizing_integration_owners": interaction.owners,
        }
        if interaction.kind == COMPONENT and interaction.message is not None:
            metadata["interacted_message_id"] = str(interaction.message.id)
        if interaction.kind == MODAL_SUBMIT and interaction.parent is not None:
            metadata["triggering_interaction_metadata"] = self._metadata(interaction.parent)
        return metadata

    def _show(self, interaction: Interaction, message: DiscordMessage, *, first: bool) -> None:
        if first:
            interaction.original = message
        interaction.responses.append(message)
        self._messages.publish(message)

    def _read_edit(
        self, message: DiscordMessage, form: Form, uploads: Mapping[int, UploadedFile]
    ) -> Draft:
        return read_draft(self._world, message.channel, form, uploads, edited=message)

    def follow_up(
        self, interaction: Interaction, form: Form, uploads: Mapping[int, UploadedFile]
    ) -> DiscordMessage:
        """Post a follow-up message and return it.

        The first one after a deferred answer replaces "thinking…". Raises Discord's error 40094
        (too many follow-up messages) at the sixth of an application that is not installed in the
        guild.
        """
        draft = read_draft(self._world, interaction.channel, form, uploads)
        form.finish()
        if is_external(interaction.owners):
            interaction.follow_ups += 1
            if interaction.follow_ups > MAX_EXTERNAL_FOLLOW_UPS:
                raise errors.too_many_follow_ups()
        original = interaction.original
        if original is not None and original.loading and not original.deleted:
            return self._settle(original, draft)
        message = self._draft_message(interaction, draft)
        self._messages.fill(message, draft)
        self._show(interaction, message, first=False)
        return message

    def _settle(self, original: DiscordMessage, draft: Draft) -> DiscordMessage:
        # Whether the answer is ephemeral was decided when it was deferred.
        if draft.flags is not None:
            draft.flags &= ~MessageFlag.EPHEMERAL
        self._messages.fill(original, draft)
        original.flags &= ~MessageFlag.LOADING
        self._messages.republish(original)
        return original

    def response(self, interaction: Interaction, message_id: int | None) -> DiscordMessage:
        """Return a message of the interaction; without ``message_id``, the first answer.

        Raises Discord's error 10008 (unknown message).
        """
        if message_id is None:
            message = interaction.original
        else:
            # The token also gives access to the message whose component the person used.
            known = [*interaction.responses, interaction.message]
            message = next((one for one in known if one and one.id == message_id), None)
        if message is None or message.deleted:
            raise errors.unknown_message()
        return message

    def edit(
        self, message: DiscordMessage, form: Form, uploads: Mapping[int, UploadedFile]
    ) -> DiscordMessage:
        """Edit a message of an interaction; the first edit of "thinking…" makes it the answer."""
        draft = self._read_edit(message, form, uploads)
        form.finish()
        return (
            self._settle(message, draft)
            if message.loading
            else self._messages.change(message, draft)
        )

    def delete(self, message: DiscordMessage) -> None:
        """Delete a message of an interaction."""
        self._messages.delete(message, None)


def _read_choices(form: Form) -> list[Payload]:
    form.required("choices")
    found = []
    for choice in form.forms("choices", most=25) or []:
        choice.required("name")
        choice.required("value")
        name = choice.text("name", least=1, most=100)
        value = choice.raw("value")
        if isinstance(value, str) and len(value) > 100:
            choice.problem("BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.", "value")
        choice.ignore("name_localizations")
        found.append({"name": name, "value": value})
    return found


def _read_modal(form: Form) -> Payload:
    form.required("custom_id")
    form.required("title")
    form.required("components")
    return {
        "custom_id": form.text("custom_id", least=1, most=100),
        "title": form.text("title", least=1, most=45),
        "components": ComponentReader(modal=True).read(form) or [],
    }
