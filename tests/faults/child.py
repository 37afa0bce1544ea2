"""A process of ours that is killed and started again."""

import signal
from dataclasses import dataclass, field

from tests.support.program import Program

_KEPT_LOG = 4_000


@dataclass
class Child:
    """A process of ours that is killed and started again; ``log`` is what its lives have said."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    running: Program | None = None
    kills: int = 0
    log: list[str] = field(default_factory=list)

    async def start(self) -> Program:
        """Start the process unless it runs."""
        if self.running is None:
            self.running = await Program.start(*self.arguments, environment=self.environment)
        return self.running

    async def kill(self) -> None:
        """Kill the process, as a power cut does."""
        running, self.running = self.running, None
        if running is None:
            return
        died_before = running.process.returncode
        await running.killed()
        self.kills += 1
        self._keep_log(running, "killed")
        if died_before is not None:
            raise AssertionError(f"{self.name} ended by itself ({died_before}):\n{running.errors}")

    async def stop(self) -> None:
        """Stop the process with SIGTERM, as an operator does before an update."""
        running, self.running = self.running, None
        if running is None:
            return
        code = await running.terminated()
        self._keep_log(running, "stopped")
        # In its first moments, before it has said a word, it knows no order to stop in.
        if code != 0 and (code != -signal.SIGTERM or running.lines or running.log):
            raise AssertionError(f"{self.name} ended with {code} when stopped:\n{running.errors}")

    def _keep_log(self, life: Program, end: str) -> None:
        self.log += [f"--- {self.name}, {end} at last", *life.lines, *life.log]
        del self.log[:-_KEPT_LOG]
