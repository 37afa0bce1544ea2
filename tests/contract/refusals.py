"""Refused requests: status and exact words."""

from collections.abc import Awaitable

import pytest

from bot.assistants.errors import APIError


async def refused(request: Awaitable[object], status: int = 400) -> APIError:
    """Make a request that must be refused, and return the error."""
    with pytest.raises(APIError) as caught:
        await request
    assert caught.value.status == status, caught.value.message
    assert caught.value.body.type == "invalid_request_error"
    return caught.value
