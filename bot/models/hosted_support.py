"""Whether a model runs the hosted tools it is asked for; what it lacks is told in one sentence."""

from bot.models.types import Model, ModelError, ModelRequest, NamedHosted


def require_hosts(model: Model, request: ModelRequest) -> None:
    """Raise ModelError where the request has a hosted tool that ``model`` does not run itself."""
    asked = {tool.kind for tool in request.hosted}
    if isinstance(request.tool_choice, NamedHosted):
        asked.add(request.tool_choice.kind)
    lacking = sorted(asked - model.hosts)
    if lacking:
        raise ModelError(
            "unsupported",
            f"{model.name} does not run {' and '.join(lacking)} itself; take the tool out of the"
            ' assistant, or set [models] endpoint = "openai".',
            cause="tools",
        )
