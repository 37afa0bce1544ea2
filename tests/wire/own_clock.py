"""A clock that a test owns: sleeping takes no time, and is kept."""

NOW = 1_800_000_000.0


class OwnClock:
    """Starts at NOW and goes on only by what is slept, which `slept` holds in order."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return NOW + sum(self.slept)

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
