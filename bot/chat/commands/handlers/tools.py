"""``/tools``, and the buttons and the form by which people decide about function calls."""

from typing import Final

from discord import ui

from bot.assistants.errors import APIError
from bot.assistants.schema.tools import FunctionTool
from bot.chat.commands.forms.modals import ModalEntries, labelled, new_modal, text_field
from bot.chat.commands.interaction import AcknowledgedInteraction
from bot.chat.commands.interaction_handler import (
    Interaction,
    InteractionHandler,
    answers_privately,
    managers_guild,
    responds_first,
)
from bot.chat.places.places import channel_ids, places_of
from bot.chat.reply.approval_buttons import Choice
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import RefusalError, localized
from bot.chat.threads.api_errors import TurnError
from bot.store.ledger import UNDECIDED, Approval
from bot.tools.policy import Circumstances, decide

DENIAL_FORM: Final = "tools"
"""The kind of the form that asks for the reason of a denial."""

LONGEST_REASON: Final = 500
"""The most characters of the reason of a denial."""

_MOST_LOGGED: Final = 40


class ToolCommands(InteractionHandler):
    """Handles ``/tools``, and decisions about function calls."""

    @answers_privately
    async def list_tools(self, interaction: Interaction) -> str:
        """Show what the assistant of this channel may do for this member, and why not."""
        services, guild_id = self._services, interaction.guild_id
        assistant_id = (await services.choice.of_interaction(interaction)).assistant_id
        try:
            assistant = await services.threads.api.retrieve_assistant(assistant_id)
        except (APIError, TurnError) as error:
            raise RefusalError(localized("tools-unreachable")) from error
        configured = services.choice.configured
        names = {name for name, known in configured.items() if known == assistant_id}
        roles = getattr(interaction.user, "roles", ())
        circumstances = Circumstances(
            channels=frozenset(places_of(self._client, guild_id or 0, *channel_ids(interaction))),
            assistants=frozenset({assistant_id, *names}),
            roles=(frozenset(role.id for role in roles),) if guild_id is not None else (),
        )
        offered = [tool.function.name for tool in assistant.tools if isinstance(tool, FunctionTool)]
        lines = [self._permission(name, circumstances) for name in offered]
        return overviews.lines(lines) or localized("no-tools")

    def _permission(self, name: str, circumstances: Circumstances) -> str:
        """Return a line that says whether a function may be called."""
        functions = self._services.functions
        tool = functions.get(name)
        if tool is None:
            return localized("tools-may.missing", name=sentences.plain(name))
        verdict: str = decide(functions.settings.rules, tool, circumstances)
        if verdict == "ask" and not tool.read_only:
            verdict = "ask-writes"
        return localized(f"tools-may.{verdict}", name=sentences.plain(tool.name))

    @answers_privately
    async def log(self, interaction: Interaction) -> str:
        """Show the newest decisions about calls in this server."""
        guild_id = managers_guild(interaction)
        lines = []
        for approval in await self._ledger.approvals.decisions(guild_id, most=_MOST_LOGGED):
            who = "" if approval.decider_id is None else f"<@{approval.decider_id}>"
            line = localized(
                "tools-log-line",
                when=f"<t:{int(approval.decided_at)}:f>",
                name=sentences.plain(approval.name),
                decision=localized(f"tools-decision.{approval.decision}", who=who),
                channel=str(approval.channel_id),
                turn=str(approval.turn_id),
            )
            if approval.reason:
                line += f"\n> {sentences.plain(sentences.shortened(approval.reason, 200))}"
            lines.append(line)
        return overviews.lines(lines) or localized("no-tool-decisions")

    async def pressed(self, interaction: Interaction, approval_id: int, choice: Choice) -> None:
        """Take a decision, or show the form for the reason of a denial."""
        if choice == "reason":
            await self._ask_reason(interaction, approval_id)
        else:
            await self._decide(interaction, approval_id, choice, None)

    async def reason_sent(self, interaction: Interaction, name: str, entries: ModalEntries) -> None:
        """Deny a call with a reason; ``name`` is the number of the approval."""
        if name.isascii() and name.isdigit() and len(name) <= 18:
            reason = entries.texts.get("reason", "").strip()[:LONGEST_REASON]
            await self._decide(interaction, int(name), "deny", reason or None)

    @responds_first
    async def _ask_reason(self, interaction: Interaction, approval_id: int) -> ui.Modal:
        await self._undecided(interaction, approval_id)
        reason = text_field("reason", required=False, max_length=LONGEST_REASON)
        return new_modal(
            f"{DENIAL_FORM}:{approval_id}",
            localized("approval-form"),
            labelled("approval-form-reason", reason),
        )

    async def _decide(
        self, interaction: Interaction, approval_id: int, choice: Choice, reason: str | None
    ) -> None:
        async with AcknowledgedInteraction(interaction, self._rest):
            approval = await self._undecided(interaction, approval_id)
            decided = await self._services.approvals.decide(
                approval,
                allow=choice in ("once", "conversation"),
                for_conversation=choice == "conversation",
                decider_id=interaction.user.id,
                decider_name=interaction.user.display_name,
                reason=reason,
            )
            if decided is None:
                await self._undecided(interaction, approval_id)
                raise RefusalError(localized("approval-too-old"))
            if decided.state == "granted":
                self._services.call_soon(decided)
            elif reason is not None:
                self._services.schedule(decided.channel_id)

    async def _undecided(self, interaction: Interaction, approval_id: int) -> Approval:
        """Return the approval of a call; ``RefusalError`` if this member can't decide about it."""
        approval = await self._ledger.approvals.get(approval_id)
        if approval is None or approval.state == "withdrawn":
            raise RefusalError(localized("approval-too-old"))
        if approval.state not in UNDECIDED:
            name = sentences.plain(approval.decider_name or "")
            raise RefusalError(localized("approval-decided-before", name=name))
        if self._services.approvals.is_too_old(approval):
            raise RefusalError(localized("approval-too-old"))
        if not await self._may_decide(interaction, approval):
            raise RefusalError(localized("approval-not-yours"))
        return approval

    async def _may_decide(self, interaction: Interaction, approval: Approval) -> bool:
        settings = self._services.functions.settings
        if "moderators" in settings.approvers and interaction.permissions.manage_messages:
            return True
        roles = {role.id for role in getattr(interaction.user, "roles", ())}
        if not roles.isdisjoint(settings.approver_roles):
            return True
        turn = await self._ledger.history.turn(approval.turn_id)
        is_asker = turn is not None and turn.asked_by(interaction.user.id)
        return "askers" in settings.approvers and is_asker
