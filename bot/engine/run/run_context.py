"""What the parts that execute one run share."""

from dataclasses import dataclass, field

from bot.assistants.schema.objects import Run
from bot.engine.context import EngineContext
from bot.engine.prompt.images import Images
from bot.engine.run.interruption import InterruptionGuard
from bot.engine.run.run_events import RunFeed
from bot.engine.tool_calls.hosted_tools import ToolWorkspace


@dataclass(kw_only=True)
class RunContext:
    """One run under execution; ``run`` is the newest stored version of the run.

    Mutable: ``run`` and ``workspace`` change while the run is executed.
    """

    engine: EngineContext
    project: str
    run: Run
    feed: RunFeed
    guard: InterruptionGuard = field(default_factory=InterruptionGuard)
    images: Images = field(init=False)
    workspace: ToolWorkspace = field(init=False)

    def __post_init__(self) -> None:
        engine = self.engine
        self.images = Images(self.project, engine.store, engine.model, engine.fetcher)
        self.workspace = ToolWorkspace(self.project)
