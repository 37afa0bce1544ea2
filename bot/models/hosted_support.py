"""Check that a model's endpoint runs the hosted tools of a request."""

from bot.models.types import Model, ModelError, ModelRequest, NamedHosted


def require_hosts(model: Model, request: ModelRequest) -> None:
    """Raise ``ModelError`` for a hosted tool that the model's endpoint does not run."""
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
