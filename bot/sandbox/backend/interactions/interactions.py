"""Interactions: an application answers once within 3 seconds and may follow up for 15 minutes."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bot.sandbox import errors
from bot.sandbox.backend.interactions.installs import GUILD_INSTALL, app_permissions, context_of
from bot.sandbox.backend.messages.content.attachments import file_limit
from bot.sandbox.backend.payloads import render
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.events import GatewayEvent
from bot.sandbox.backend.state.model import Channel, DiscordMessage, User
from bot.sandbox.backend.state.parts import Payload
from bot.sandbox.backend.world import World
from bot.sandbox.clock import Timer

COMMAND: Final = 2
COMPONENT: Final = 3
AUTOCOMPLETE: Final = 4
MODAL_SUBMIT: Final = 5
PONG: Final = 1
MESSAGE: Final = 4
DEFERRED_MESSAGE: Final = 5
DEFERRED_UPDATE: Final = 6
UPDATE: Final = 7
CHOICES: Final = 8
MODAL: Final = 9
# https://discord.com/developers/docs/interactions/receiving-and-responding
ACKNOWLEDGE_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 900.0

State = Literal["waiting", "acknowledged", "failed"]


@dataclass(slots=True, eq=False)
class Interaction:
    """A person's use of a command, button, menu or modal, with the application's answers.

    ``original`` is the first answer, ``responses`` all answers, oldest first.
    """

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    data: Payload
    owners: Payload
    created_at: float
    message: DiscordMessage | None = None
    parent: "Interaction | None" = None
    state: State = "waiting"
    response_type: int | None = None
    original: DiscordMessage | None = None
    responses: list[DiscordMessage] = field(default_factory=list)
    modal: Payload | None = None
    choices: list[Payload] | None = None
    acknowledged_at: float | None = None
    timer: Timer | None = None
    expired: bool = False
    follow_ups: int = 0

    @property
    def acknowledged(self) -> bool:
        """Whether the application answered within three seconds."""
        return self.state == "acknowledged"

    @property
    def failed(self) -> bool:
        """Whether Discord says "The application did not respond" to the person."""
        return self.state == "failed"

    @property
    def deferred(self) -> bool:
        """Whether the first answer was deferred, as "thinking…" or as a later update."""
        return self.response_type in (DEFERRED_MESSAGE, DEFERRED_UPDATE)

    @property
    def done(self) -> bool:
        """Whether the interaction is acknowledged and its answer no longer says "thinking…"."""
        return self.acknowledged and not (self.original is not None and self.original.loading)

    @property
    def ephemeral(self) -> bool:
        """Whether only the person sees the first answer."""
        return bool(self.responses) and self.responses[0].ephemeral


class Interactions:
    """Begins interactions and finds those that may still be answered."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    def begin(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Payload,
        *,
        owners: Payload | None = None,
        message: DiscordMessage | None = None,
        parent: Interaction | None = None,
    ) -> Interaction:
        """Send an interaction to the application and start its three seconds.

        ``owners`` are the installations that offered the interaction, as ``owners_of`` returns
        them. Without ``owners``, they are those of an earlier interaction: the one that ``message``
        answers, or ``parent``, which opened the modal. Without an earlier interaction, they are the
        guild's.
        """
        world = self._world
        self._forget_old()
        # The token is as long as Discord's, so that a bot's buffers and logs are tested with it.
        interaction = Interaction(
            world.ids.next(),
            secrets.token_urlsafe(96),
            kind,
            user,
            channel,
            data,
            owners or self._inherited(channel, message, parent),
            world.now(),
            message,
            parent,
        )
        self._by_id[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        interaction.timer = world.clock.call_later(
            ACKNOWLEDGE_SECONDS, lambda: self._unanswered(interaction)
        )
        world.emit(
            GatewayEvent(
                "INTERACTION_CREATE",
                self._payload(interaction),
                only=frozenset({world.bot.id}),
                guild_id=channel.guild_id,
            )
        )
        world.publish("interaction", channel=channel, detail=interaction)
        return interaction

    def _inherited(
        self, channel: Channel, message: DiscordMessage | None, parent: Interaction | None
    ) -> Payload:
        if parent is not None:
            return parent.owners
        if message is not None and message.interaction_metadata is not None:
            owners: Payload = message.interaction_metadata["authorizing_integration_owners"]
            return owners
        return {str(GUILD_INSTALL): "0" if channel.guild is None else str(channel.guild.id)}

    def _forget_old(self) -> None:
        """Forget interactions older than an hour: all their deadlines are over by then."""
        horizon = self._world.now() - 3600
        for interaction in list(self._by_id.values()):
            if interaction.created_at > horizon:
                break
            del self._by_id[interaction.id]
            del self._by_token[interaction.token]

    def _unanswered(self, interaction: Interaction) -> None:
        if interaction.state == "waiting":
            interaction.state = "failed"
            self.tell_person("INTERACTION_FAILURE", interaction)

    def get(self, interaction_id: int) -> Interaction | None:
        """Return the interaction of that id, or None where it is forgotten or unknown."""
        return self._by_id.get(interaction_id)

    def newest(self) -> Interaction | None:
        """Return the newest interaction, if there is one."""
        return next(reversed(self._by_id.values()), None)

    def expire(self, interaction: Interaction) -> None:
        """End the interaction's deadlines now."""
        interaction.expired = True
        if interaction.timer is not None:
            interaction.timer.cancel()
        self._unanswered(interaction)

    def tell_person(self, name: str, interaction: Interaction, **more: Any) -> None:
        """Send an event to the person's app and wake whoever waits for the interaction."""
        payload = {"id": str(interaction.id), "nonce": str(interaction.id), **more}
        self._world.emit(GatewayEvent(name, payload, only=frozenset({interaction.user.id})))
        self._world.publish("interaction", channel=interaction.channel, detail=interaction)

    def _payload(self, interaction: Interaction) -> Payload:
        world, channel, user = self._world, interaction.channel, interaction.user
        now = world.now()
        guild = channel.guild
        place = render.thread_for(channel, user)
        place["permissions"] = str(int(permissions.in_channel(channel, user, now=now)))
        payload: Payload = {
            "id": str(interaction.id),
            "application_id": str(world.application_id),
            "type": interaction.kind,
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel_id": str(channel.id),
            "channel": place,
            "locale": user.locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": interaction.owners,
            "context": context_of(world, channel),
            "app_permissions": str(int(app_permissions(world, channel, user))),
            "attachment_size_limit": file_limit(channel),
        }
        if guild is None:
            payload["user"] = render.user(user)
        else:
            payload["guild_id"] = str(guild.id)
            payload["guild"] = {
                "id": str(guild.id),
                "locale": guild.locale,
                "features": guild.features,
            }
            payload["guild_locale"] = guild.locale
            payload["member"] = {
                **render.member(guild.members[user.id]),
                "permissions": place["permissions"],
            }
        if interaction.message is not None:
            payload["message"] = world.writer.full(interaction.message, world.bot, now)
        return payload

    def find(self, interaction_id: int, token: str) -> Interaction:
        """Return the interaction that a callback answers.

        Raises Discord's error 10062 (unknown interaction), also after the deadline for the answer.
        """
        found = self._by_id.get(interaction_id)
        if found is None or not secrets.compare_digest(found.token, token):
            raise errors.unknown_interaction()
        age = self._world.now() - found.created_at
        # Discord does not say which deadline was missed: an interaction past it is unknown.
        if found.state == "failed" or found.expired:
            raise errors.unknown_interaction()
        if found.state == "waiting" and age >= ACKNOWLEDGE_SECONDS:
            raise errors.unknown_interaction()
        return found

    def by_token(self, application_id: int, token: str) -> Interaction:
        """Return the interaction whose webhook a request calls.

        Raises Discord's error 10015 (unknown webhook), also before the first answer, or 50027
        (invalid webhook token) after 15 minutes.
        """
        found = self._by_token.get(token)
        if found is None or application_id != self._world.application_id:
            raise errors.unknown_webhook()
        if found.expired or self._world.now() - found.created_at >= TOKEN_SECONDS:
            raise errors.invalid_webhook_token()
        # The webhook exists only once the interaction has its first answer.
        if not found.acknowledged:
            raise errors.unknown_webhook()
        return found
