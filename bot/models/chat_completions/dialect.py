"""What one model at one endpoint accepts, learned from its refusals."""

import re
from typing import Any, Final, Literal

from msgspec import Struct, field

from bot.models.chat_completions.continuation import CALL_FIELDS, FIELDS
from bot.models.http.errors import ErrorFields, refused_parameter, refused_role

# Parameters that a request can go without; a refusal of any other one is an error.
_OPTIONAL: Final = frozenset(
    {
        "temperature",
        "top_p",
        "stream_options",
        "parallel_tool_calls",
        "reasoning_effort",
        "user",
        "safety_identifier",
    }
)
_ALTERNATE: Final = re.compile(
    r"\b(?:must|should|need to|have to|requests) (?:be )?alternat(?:e|ing)\b"
    r"|alternating (?:user|roles)|first (?:message|non-system).{0,40}\buser\b"
    r"|(?:start|begin)s? with a user|expected last role user"
    r"|consecutive (?:user|assistant|messages)|unexpected role '?user'? after role",
    re.IGNORECASE,
)
_NEEDS_REASONING: Final = re.compile(
    r"reasoning_content\b.{0,120}(?:pass(?:ed)? back|required|must|missing)"
    r"|missing.{0,40}\breasoning_content\b",
    re.IGNORECASE | re.DOTALL,
)
_NULL_CONTENT: Final = re.compile(
    r"\bcontent\b.{0,60}(?:null|none\b|nil|valid string|be a string|required|missing)"
    r"|(?:null|missing).{0,40}\bcontent\b",
    re.IGNORECASE | re.DOTALL,
)


_LEFT_OUT: Final = "(What was said before is left out.)"
_NO_ANSWER: Final = "(No answer was given.)"


class ChatDialect(Struct):
    """What one model at one endpoint accepts; kept for later requests."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    user: Literal["user", "safety_identifier"] = "user"
    # Where instructions go: "user" puts them before the first thing the person said, for models
    # whose template has no place for a system message.
    instructions: Literal["system", "developer", "user"] = "system"
    obfuscated: bool = False  # the endpoint pads its chunks unless a request forbids padding
    left_out: set[str] = field(default_factory=set)
    limit_swapped: bool = False
    alternating: bool = False  # takes user and assistant in turns only, the user first
    calls_tools: bool = True
    needs_reasoning: bool = False  # wants the reasoning of each answer back, even an empty one
    null_content: bool = True  # takes null for the text of a message that has only calls
    closes_unopened: bool = False  # ends its thoughts with a tag, and begins them without

    @classmethod
    def of_host(cls, host: str) -> "ChatDialect":
        """Return the dialect that an endpoint documents; the common one for other hosts."""
        if host == "api.openai.com" or host.endswith(".openai.azure.com"):
            return cls(limit="max_completion_tokens", user="safety_identifier", obfuscated=True)
        if host == "api.groq.com":
            return cls(limit="max_completion_tokens")  # max_tokens is deprecated there
        if host == "api.mistral.ai":
            # Mistral refuses a field that it does not document, and always sends the usage.
            return cls(left_out={"stream_options", "user"})
        if host == "generativelanguage.googleapis.com":
            return cls(left_out={"user"})
        return cls()

    def learn(self, fields: ErrorFields, body: dict[str, Any]) -> str | None:
        """Learn what to change from a refusal of ``body``; return it as a sentence, or None."""
        learned = self._learn_of_messages(fields, body["messages"])
        if learned is not None:
            return f"{learned} from now on ({fields.logged})"
        if refused_role(fields) and self.instructions != "user":
            # Only OpenAI's models know "developer"; other templates have neither role.
            to_developer = self.obfuscated and self.instructions == "system"
            self.instructions = "developer" if to_developer else "user"
            return f"instructions go as {self.instructions} messages from now on ({fields.logged})"
        name = refused_parameter(fields, (_OPTIONAL | {self.limit}) & body.keys())
        if name is None:
            return None
        if name == self.limit:
            if self.limit_swapped:
                return None
            self.limit_swapped = True
            self.limit = "max_completion_tokens" if self.limit == "max_tokens" else "max_tokens"
            return f"the limit is sent as {self.limit} from now on ({fields.logged})"
        self.left_out.add(name)
        return f"{name} is left out from now on ({fields.logged})"

    def _learn_of_messages(self, fields: ErrorFields, messages: list[dict[str, Any]]) -> str | None:
        """Learn how messages must look; return the change as a sentence."""
        words = f"{fields.param} {fields.message}"
        # Another request may have learned the same meanwhile: only this body counts.
        late = any(message["role"] == self.instructions for message in messages[1:])
        if _ALTERNATE.search(words) and (in_turns(messages) != messages or late):
            self.alternating = True
            return "messages in a row from one side are sent as one"
        answers = [message for message in messages if message["role"] == "assistant"]
        if _NEEDS_REASONING.search(words) and any("reasoning_content" not in m for m in answers):
            self.needs_reasoning = True
            return "reasoning is sent back, be it empty,"
        calls = [call for message in messages for call in message.get("tool_calls", ())]
        sent: set[str] = {name for message in messages for name in FIELDS if name in message}
        sent |= {name for call in calls for name in CALL_FIELDS if name in call}
        if name := (refused_parameter(fields, sent)):
            self.left_out.add(name)
            return f"{name} is not sent back"
        has_null = any(message.get("content", "") is None for message in messages)
        if has_null and _NULL_CONTENT.search(words):
            self.null_content = False
            return "messages that have only calls have an empty text"
        return None


def in_turns(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the messages with neighbours of one role merged, beginning with a user message.

    A placeholder answer goes between a tool's output and the next question, because Mistral's
    templates don't count a tool call as the assistant's turn.
    """
    joined: list[dict[str, Any]] = []
    for message in messages:
        last = joined[-1] if joined else {"role": "system"}
        if message["role"] == "assistant" and last["role"] in ("system", "developer"):
            joined.append({"role": "user", "content": _LEFT_OUT})
        if message["role"] == "user" and last["role"] == "tool":
            joined.append({"role": "assistant", "content": _NO_ANSWER})
        is_other = message["role"] != last["role"] or message["role"] == "tool"
        if not joined or is_other or "tool_calls" in last:
            joined.append(dict(message))
        else:
            content = _together(last.get("content"), message.get("content"))
            joined[-1] = {**last, **message, "content": content}
    return joined


def _together(
    first: str | list[dict[str, Any]] | None, second: str | list[dict[str, Any]] | None
) -> str | list[dict[str, Any]]:
    if not first or not second:
        return first or second or ""
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    parts = [
        [{"type": "text", "text": content}] if isinstance(content, str) else content
        for content in (first, second)
    ]
    return [*parts[0], *parts[1]]
