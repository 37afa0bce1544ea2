"""What the parts of the program report of their work, for whoever watches the program."""


class Metrics:
    """Takes reports of the program's work; this class keeps nothing. Times are in seconds."""

    def question_taken(self) -> None:
        """Note a stored question."""

    def thinking_shown(self, seconds: float) -> None:
        """Note that a turn shows "thinking…", so many seconds after its attempt began."""

    def turn_ended(self, outcome: str, seconds: float) -> None:
        """Note the end of a turn, so many seconds after its attempt began."""

    def run_ended(
        self, status: str, model: str, *, prompt_tokens: int, completion_tokens: int
    ) -> None:
        """Note the end of a run of the engine."""

    def model_answered(
        self, model: str, first: float | None, total: float, problem: str | None
    ) -> None:
        """Note a call of a model: the time to its first event, its whole time, its failure."""

    def discord_answered(self, status: int) -> None:
        """Note the HTTP status of a response of Discord."""

    def database_worked(self, database: str, operation: str, seconds: float) -> None:
        """Note a read or a write of a database, with its wait for the connection."""
