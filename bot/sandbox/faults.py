"""Faults on command: what tests and the page may do to the sandbox's Discord, and for how long."""

import asyncio
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bot.sandbox import errors
from bot.sandbox.backend.state.events import GatewayEvent
from bot.sandbox.clock import SandboxClock
from bot.sandbox.errors import DiscordError, RateLimited


@dataclass(slots=True, eq=False)
class RequestFault:
    """What happens to requests that match; ``times`` counts down, None lasts until removed.

    ``drop`` cuts the connection; ``after_effect`` first lets the operation happen, so the caller
    cannot know; ``delay`` (seconds) comes before either.
    """

    method: str
    pattern: str
    error: DiscordError | None = None
    times: int | None = 1
    delay: float = 0.0
    drop: bool = False
    after_effect: bool = False
    hits: int = 0

    def matches(self, method: str, template: str) -> bool:
        """Whether it is for this request, with hits left."""
        if self.times is not None and self.times <= 0:
            return False
        same = self.method in ("*", method)
        return same and (template == self.pattern or fnmatchcase(template, self.pattern))

    def hit(self) -> None:
        """Count one request."""
        self.hits += 1
        if self.times is not None:
            self.times -= 1


@dataclass(slots=True, eq=False)
class EventFault:
    """A fault of gateway events by name: lost, sent ``copies`` times, or late by ``delay``."""

    name: str
    times: int | None = 1
    copies: int = 1
    delay: float = 0.0
    hits: int = 0


@dataclass(slots=True)
class Verdict:
    """What is to be done to one event."""

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
        message: str = "",
        retry_after: float | None = None,
        times: int | None = 1,
        after_effect: bool = False,
    ) -> RequestFault:
        """Have matching requests answered by an error; ``route`` is a template or its pattern."""
        error: DiscordError
        if status == 429:
            error = RateLimited(1.0 if retry_after is None else retry_after, code=code or 0)
        elif code is None and not message:
            error = errors.server_error(status)
        else:
            error = DiscordError(status, code or 0, message or f"{status}: fault on command")
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

    def storm(
        self, *, times: int | None, retry_after: float = 0.1, method: str = "*", route: str = "*"
    ) -> RequestFault:
        """Answer the next requests with 429."""
        return self._add(RequestFault(method, route, RateLimited(retry_after), times))

    def lose_events(self, name: str = "*", *, times: int | None = 1) -> EventFault:
        """Number matching gateway events without sending them; a RESUME does not replay them."""
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
        """From now on answer everything with 503 and take no sockets, for so many seconds."""
        self.out_until = self.clock.now() + seconds

    @property
    def is_out(self) -> bool:
        """Whether an outage is on."""
        return self.clock.now() < self.out_until

    def clear(self) -> None:
        """End every fault."""
        self.requests.clear()
        self.events.clear()
        self.out_until = 0.0

    def remove(self, fault: RequestFault | EventFault) -> None:
        """End one fault."""
        if isinstance(fault, RequestFault):
            self.requests.remove(fault)
        else:
            self.events.remove(fault)

    async def before(self, method: str, template: str) -> RequestFault | None:
        """Let faults befall a request: wait, raise an error, or return one for after its effect."""
        if self.is_out:
            raise errors.server_error(503)
        left: RequestFault | None = None
        for fault in list(self.requests):
            if not fault.matches(method, template):
                continue
            fault.hit()
            if fault.delay:
                await asyncio.sleep(fault.delay)
            if fault.after_effect:
                left = fault
            elif fault.drop:
                raise ConnectionResetError
            elif fault.error is not None:
                raise fault.error
        self.requests = [one for one in self.requests if one.times is None or one.times > 0]
        return left

    def judge(self, event: GatewayEvent) -> Verdict:
        """What is to be done to an event."""
        verdict = Verdict()
        for fault in self.events:
            if not fnmatchcase(event.name, fault.name):
                continue
            fault.hits += 1
            if fault.times is not None:
                fault.times -= 1
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
