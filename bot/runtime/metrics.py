"""The reports of the program's parts about their work, for monitoring."""


class Metrics:
    """Receives reports of the program's work and drops them. Times are in seconds."""

    def question_taken(self) -> None:
        """Note a stored question."""

    def thinking_shown(self, seconds: float) -> None:
        """Note that a turn shows "thinking…", and the seconds since its attempt began."""

    def turn_ended(self, outcome: str, seconds: float) -> None:
        """Note how a turn ended, and the seconds since its attempt began."""

    def run_ended(
        self, status: str, model: str, *, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Note the end of a run of the engine."""

    def model_answered(
        self, model: str, first: float | None, total: float, problem: str | None
    ) -> None:
        """Note a model call: the time to its first event, its total time, its failure if any."""

    def discord_answered(self, status: int) -> None:
        """Note the HTTP status of a response of Discord."""

    def database_worked(self, database: str, operation: str, seconds: float) -> None:
        """Note a read or a write of a database, with its wait for the connection."""
