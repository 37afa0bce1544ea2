"""The life of interactions: answered once, within three seconds, and open for 15 minutes."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from bot.sandbox import errors
from bot.sandbox.backend.messages import render
from bot.sandbox.backend.messages.drafts import file_limit
from bot.sandbox.backend.state import permissions
from bot.sandbox.backend.state.events import GatewayEvent
from bot.sandbox.backend.state.model import Channel, DiscordMessage, Payload, User
from bot.sandbox.backend.state.world import World
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
ACKNOWLEDGE_SECONDS: Final = 3.0
TOKEN_SECONDS: Final = 900.0

State = Literal["waiting", "acknowledged", "failed"]


@dataclass(slots=True, eq=False)
class Interaction:
    """What a person did and what came of it."""

    id: int
    token: str
    kind: int
    user: User
    channel: Channel
    data: Payload
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

    @property
    def acknowledged(self) -> bool:
        """Whether it was answered in its three seconds."""
        return self.state == "acknowledged"

    @property
    def failed(self) -> bool:
        """Whether Discord says "The application did not respond" to the person."""
        return self.state == "failed"

    @property
    def deferred(self) -> bool:
        """Whether it was first answered by "thinking…" or by a promise to update."""
        return self.response_type in (DEFERRED_MESSAGE, DEFERRED_UPDATE)

    @property
    def done(self) -> bool:
        """Whether an answer stands: acknowledged, and nothing says "thinking…" any more."""
        return self.acknowledged and not (self.original is not None and self.original.loading)

    @property
    def ephemeral(self) -> bool:
        """Whether its first answer is for the person alone."""
        return bool(self.responses) and self.responses[0].ephemeral


def owners(channel: Channel) -> Payload:
    """Where the application was installed that an interaction came through."""
    return {"0": "0" if channel.guild is None else str(channel.guild.id)}


class Interactions:
    """Begins interactions and finds them again while they may be answered."""

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
        message: DiscordMessage | None = None,
        parent: Interaction | None = None,
    ) -> Interaction:
        """Send an interaction to the application and start its three seconds."""
        world = self._world
        self._forget_old()
        interaction = Interaction(
            world.ids.next(),
            secrets.token_urlsafe(96),
            kind,
            user,
            channel,
            data,
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
                guild_id=channel.guild.id if channel.guild else None,
            )
        )
        world.publish("interaction", channel=channel, detail=interaction)
        return interaction

    def _forget_old(self) -> None:
        """Interactions past every clock answer as unknown ones do; an hour keeps errors exact."""
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
        """The interaction of that id, if it is not long over."""
        return self._by_id.get(interaction_id)

    def newest(self) -> Interaction | None:
        """The last interaction that was begun."""
        return next(reversed(self._by_id.values()), None)

    def expire(self, interaction: Interaction) -> None:
        """Let its clocks run out now."""
        interaction.expired = True
        if interaction.timer is not None:
            interaction.timer.cancel()
        self._unanswered(interaction)

    def tell_person(self, name: str, interaction: Interaction, **more: Any) -> None:
        """Send an event to the person's app, and wake who waits for the interaction."""
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
            "authorizing_integration_owners": owners(channel),
            "context": 1 if guild is None else 0,
            "app_permissions": str(int(permissions.in_channel(channel, world.bot, now=now))),
            "attachment_size_limit": file_limit(channel),
        }
        if guild is None:
            payload["user"] = render.user(user)
        else:
            payload["guild_id"] = str(guild.id)
            payload["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
            payload["guild_locale"] = guild.locale
            payload["member"] = {
                **render.member(guild.members[user.id]),
                "permissions": place["permissions"],
            }
        if interaction.message is not None:
            payload["message"] = world.writer.full(interaction.message, world.bot, now)
        return payload

    def find(self, interaction_id: int, token: str) -> Interaction:
        """The interaction a callback is for, while it can be answered; raises 10062."""
        found = self._by_id.get(interaction_id)
        if found is None or not secrets.compare_digest(found.token, token):
            raise errors.unknown_interaction()
        age = self._world.now() - found.created_at
        if found.state == "failed" or found.expired:
            raise errors.unknown_interaction()
        if found.state == "waiting" and age >= ACKNOWLEDGE_SECONDS:
            raise errors.unknown_interaction()
        return found

    def by_token(self, application_id: int, token: str) -> Interaction:
        """The interaction a webhook call is for; raises 10015 or, past fifteen minutes, 50027."""
        found = self._by_token.get(token)
        if found is None or application_id != self._world.application_id:
            raise errors.unknown_webhook()
        if found.expired or self._world.now() - found.created_at >= TOKEN_SECONDS:
            raise errors.invalid_webhook_token()
        if not found.acknowledged:
            raise errors.unknown_webhook()
        return found
