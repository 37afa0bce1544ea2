"""Faults on demand: errors, delays and losses of requests and gateway events."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bot.sandbox import errors
from bot.sandbox.backend.state.events import GatewayEvent
from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import DiscordError, RateLimited


@dataclass(slots=True, eq=False)
class RequestFault:
    """A fault for the next ``times`` requests that match; None: until the fault is removed.

    ``delay`` (seconds) comes first. ``drop`` then cuts the connection, and ``error`` answers the
    request. ``after_effect`` first lets the operation happen, so the caller can't know that it did.
    ``only_files`` spares requests without files, ``word`` those whose body lacks the word. With
    ``released``, requests wait until that event is set.
    """

    method: str
    pattern: str
    error: DiscordError | None = None
    times: int | None = 1
    delay: float = 0.0
    drop: bool = False
    after_effect: bool = False
    only_files: bool = False
    word: str = ""
    released: asyncio.Event | None = None
    hits: int = 0

    def matches(
        self, method: str, template: str, *, has_files: bool = False, body: str = ""
    ) -> bool:
        """Return whether the fault applies to this request and has hits left."""
        if self.times is not None and self.times <= 0:
            return False
        if (self.only_files and not has_files) or self.word not in body:
            return False
        same = self.method in ("*", method)
        return same and (template == self.pattern or fnmatchcase(template, self.pattern))

    def release(self) -> None:
        """Let the held requests go on, and hold no others."""
        if self.released is not None:
            self.released.set()

    async def hold(self) -> None:
        """Wait until held requests may go on."""
        if self.released is not None:
            await self.released.wait()

    def hit(self) -> None:
        """Count one request to which the fault applied."""
        self.hits += 1
        if self.times is not None:
            self.times -= 1


@dataclass(slots=True, eq=False)
class EventFault:
    """A fault for gateway events: lost, sent ``copies`` times, or late by ``delay`` seconds."""

    name: str
    times: int | None = 1
    copies: int = 1
    delay: float = 0.0
    hits: int = 0


@dataclass(slots=True)
class Verdict:
    """How one event is sent: how many times, and how late in seconds."""

    copies: int = 1
    delay: float = 0.0


@dataclass(slots=True)
class Faults:
    """The faults in force."""

    clock: SandboxClock
    requests: list[RequestFault] = field(default_factory=list)
    events: list[EventFault] = field(default_factory=list)
    out_until: float = 0.0

    def fail_next(
        self,
        method: str,
        route: str,
        *,
        status: int = 500,
        code: int | None = None,
        retry_after: float | None = None,
        times: int | None = 1,
        after_effect: bool = False,
    ) -> RequestFault:
        """Answer matching requests by an error; route is a template or a pattern of templates."""
        error: DiscordError
        if status == 429:
            error = RateLimited(1.0 if retry_after is None else retry_after, code=code or 0)
        elif code is None:
            error = errors.server_error(status)
        else:
            error = DiscordError(status, code, f"{status}: fault on command")
        return self._add(RequestFault(method, route, error, times, after_effect=after_effect))

    def drop_next(
        self, method: str, route: str, *, times: int | None = 1, after_effect: bool = False
    ) -> RequestFault:
        """Cut the connection of matching requests, before or after their effect."""
        fault = RequestFault(method, route, None, times, drop=True, after_effect=after_effect)
        return self._add(fault)

    def delay_requests(
        self, seconds: float, method: str = "*", route: str = "*", *, times: int | None = None
    ) -> RequestFault:
        """Answer matching requests late by real seconds."""
        return self._add(RequestFault(method, route, None, times, delay=seconds))

    def hold_requests(
        self, method: str, route: str, *, times: int | None = 1, after_effect: bool = False
    ) -> RequestFault:
        """Hold matching requests before or after their effect, until ``release`` of the fault."""
        fault = RequestFault(method, route, None, times, after_effect=after_effect)
        fault.released = asyncio.Event()
        return self._add(fault)

    def storm(
        self, *, times: int | None, retry_after: float = 0.1, method: str = "*", route: str = "*"
    ) -> RequestFault:
        """Answer the next requests with 429."""
        return self._add(RequestFault(method, route, RateLimited(retry_after), times))

    def refuse_files(self, *, times: int | None = 1) -> RequestFault:
        """Refuse requests that upload files, as Discord refuses files that are too large.

        Requests without files pass, so a bot can still send the text alone.
        """
        error = errors.entity_too_large()
        return self._add(RequestFault("*", "*", error, times, only_files=True))

    def block_word(self, word: str, *, code: int = errors.BLOCKED_BY_AUTOMOD) -> RequestFault:
        """Refuse every message with a word, sent or edited, as Discord's AutoMod does."""
        error = DiscordError(400, code, "Message was blocked by automatic moderation")
        return self._add(RequestFault("*", "*", error, None, word=word))

    def lose_events(self, name: str = "*", *, times: int | None = 1) -> EventFault:
        """Lose matching gateway events: numbered and never sent, not even by RESUME."""
        return self._add_event(EventFault(name, times, copies=0))

    def repeat_events(
        self, name: str = "*", *, times: int | None = 1, copies: int = 2
    ) -> EventFault:
        """Send matching gateway events more than once."""
        return self._add_event(EventFault(name, times, copies=copies))

    def delay_events(self, seconds: float, name: str = "*", *, times: int | None = 1) -> EventFault:
        """Send matching gateway events late by real seconds; later ones overtake them."""
        return self._add_event(EventFault(name, times, delay=seconds))

    def outage(self, seconds: float) -> None:
        """Answer everything with 503 and accept no socket for the given seconds."""
        self.out_until = self.clock.now() + seconds

    @property
    def is_out(self) -> bool:
        """Whether an outage is on."""
        return self.clock.now() < self.out_until

    def clear(self) -> None:
        """End every fault."""
        for fault in self.requests:
            fault.release()
        self.requests.clear()
        self.events.clear()
        self.out_until = 0.0

    def remove(self, fault: RequestFault | EventFault) -> None:
        """End one fault."""
        if isinstance(fault, RequestFault):
            self.requests.remove(fault)
        else:
            self.events.remove(fault)

    async def before(
        self, method: str, template: str, *, has_files: bool = False, body: str = ""
    ) -> RequestFault | None:
        """Apply the faults to a request before its operation; ``body`` is its JSON.

        Waits or raises; returns a fault that acts after the operation, if there is one.
        """
        # An outage comes before all other faults and does not use up their hits.
        if self.is_out:
            raise errors.server_error(503)
        left: RequestFault | None = None
        for fault in list(self.requests):
            if not fault.matches(method, template, has_files=has_files, body=body):
                continue
            fault.hit()
            if fault.delay:
                await asyncio.sleep(fault.delay)
            if fault.after_effect:
                left = fault
                continue
            await fault.hold()
            if fault.drop:
                raise ConnectionResetError
            if fault.error is not None:
                raise fault.error
        self.requests = [one for one in self.requests if one.times is None or one.times > 0]
        return left

    def judge(self, event: GatewayEvent) -> Verdict:
        """Return how to send an event."""
        verdict = Verdict()
        for fault in self.events:
            if not fnmatchcase(event.name, fault.name):
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
            # A fault that loses the event wins over one that repeats it.
            verdict.copies = (
                min(verdict.copies, fault.copies) if fault.copies == 0 else fault.copies
            )
            verdict.delay = max(verdict.delay, fault.delay)
        self.events = [one for one in self.events if one.times is None or one.times > 0]
        return verdict

    def _add(self, fault: RequestFault) -> RequestFault:
        self.requests.append(fault)
        return fault

    def _add_event(self, fault: EventFault) -> EventFault:
        self.events.append(fault)
        return fault
