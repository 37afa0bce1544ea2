"""Decides at each call whether it is made, waits for a person's approval, or is refused."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from msgspec import Struct

from bot.config.tools import Decision, ToolRule
from bot.tools.tool import Tool


class Circumstances(Struct, frozen=True, kw_only=True):
    """Where and for whom a call would be made, by ids of Discord.

    ``channels`` are the channel thread, its channel and its category. ``assistants`` are the id and
    the name of the assistant. ``roles`` are the roles of each asker.
    """

    channels: frozenset[int]
    assistants: frozenset[str]
    roles: tuple[frozenset[int], ...]


def decide(rules: Iterable[ToolRule], tool: Tool, circumstances: Circumstances) -> Decision:
    """Return the decision of the first rule that fits a call.

    Without such a rule a read-only tool is allowed, and any other tool needs approval. A rule with
    roles that allows fits if each asker has one of the roles; any other rule, if one asker has.
    """
    for rule in rules:
        if _fits(rule, tool, circumstances):
            return rule.decision
    return "allow" if tool.read_only else "ask"


def _fits(rule: ToolRule, tool: Tool, circumstances: Circumstances) -> bool:
    if not any(fnmatchcase(tool.name, pattern) for pattern in rule.tools):
        return False
    if rule.channels and circumstances.channels.isdisjoint(rule.channels):
        return False
    if rule.assistants and circumstances.assistants.isdisjoint(rule.assistants):
        return False
    if rule.roles:
        held = [not roles.isdisjoint(rule.roles) for roles in circumstances.roles]
        return bool(held) and (all(held) if rule.decision == "allow" else any(held))
    return True
