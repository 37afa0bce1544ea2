"""``/tools``, and the buttons and the form by which people decide about function calls."""

from collections.abc import Callable
from typing import Any, Final, Protocol

import discord

from bot.assistants.errors import APIError
from bot.assistants.schema.tools import FunctionTool
from bot.chat.commands.forms.modals import ModalEntries
from bot.chat.commands.interaction import AcknowledgedInteraction, ManagersInteraction, open_form
from bot.chat.places.assistant_choice import AssistantChoice
from bot.chat.places.places import channel_ids, places_of
from bot.chat.reply.approval_buttons import Choice
from bot.chat.texts import overviews, sentences
from bot.chat.texts.fluent import localized
from bot.chat.threads.api_errors import TurnError
from bot.chat.threads.threads import AssistantThreads
from bot.chat.transport.rest_retry import RestRetry
from bot.store.ledger import UNDECIDED, Approval, Ledger, LedgerError
from bot.tools.functions import Functions
from bot.tools.policy import Circumstances, decide

DENIAL_FORM: Final = "tools"
"""The kind of the form that asks for the reason of a denial."""

LONGEST_REASON: Final = 500
_MOST_LOGGED: Final = 40


class ApprovalDesk(Protocol):
    """Takes decisions about calls."""

    async def decide(
        self,
        approval: Approval,
        *,
        allow: bool,
        for_conversation: bool,
        decider_id: int,
        decider_name: str,
        reason: str | None,
    ) -> Approval | None:
        """Store a decision and show it; None if somebody was first."""
        ...

    def is_too_old(self, approval: Approval) -> bool:
        """Return whether nobody may decide any more."""
        ...


class ToolCommands:
    """Handles ``/tools`` and decisions; ``make_soon`` is called with each call to be made."""

    def __init__(
        self,
        client: discord.Client,
        ledger: Ledger,
        rest: RestRetry,
        threads: AssistantThreads,
        choice: AssistantChoice,
        functions: Functions,
        desk: ApprovalDesk,
        make_soon: Callable[[Approval], None],
        schedule: Callable[[int], None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._rest = rest
        self._threads = threads
        self._choice = choice
        self._functions = functions
        self._desk = desk
        self._make_soon = make_soon
        self._schedule = schedule

    async def list_tools(self, interaction: discord.Interaction[Any]) -> None:
        """Show what the assistant of this channel may do for this member, and why not."""
        async with AcknowledgedInteraction(interaction, self._rest, ephemeral=True) as response:
            channel_id, parent_id = channel_ids(interaction)
            guild_id = interaction.guild_id
            places = places_of(self._client, guild_id or 0, channel_id, parent_id)
            assistant_id = self._choice.default_id
            if guild_id is not None:
                assistant_id = (await self._choice.of_places(places)).assistant_id
            try:
                assistant = await self._threads.api.retrieve_assistant(assistant_id)
            except (APIError, TurnError):
                await response.show(localized("tools-unreachable"))
                return
            names = {
                name for name, known in self._choice.configured.items() if known == assistant_id
            }
            member = interaction.user
            roles = getattr(member, "roles", ())
            circumstances = Circumstances(
                channels=frozenset(places),
                assistants=frozenset({assistant_id, *names}),
                roles=(frozenset(role.id for role in roles),) if guild_id is not None else (),
            )
            lines = []
            for given in assistant.tools:
                if isinstance(given, FunctionTool):
                    tool = self._functions.get(given.function.name)
                    known = "missing"
                    if tool is not None:
                        known = decide(self._functions.settings.rules, tool, circumstances)
                        if known == "ask" and not tool.read_only:
                            known = "ask-writes"
                    name = sentences.plain(given.function.name if tool is None else tool.name)
                    lines.append(localized(f"tools-may.{known}", name=name))
            await response.show(overviews.lines(lines) or localized("no-tools"))

    async def log(self, interaction: discord.Interaction[Any]) -> None:
        """Show the newest decisions about calls in this server."""
        async with ManagersInteraction(interaction, self._rest) as response:
            if response.guild_id is None:
                return
            found = await self._ledger.approvals.decisions(response.guild_id, most=_MOST_LOGGED)
            lines = []
            for each in found:
                who = "" if each.decider_id is None else f"<@{each.decider_id}>"
                line = localized(
                    "tools-log-line",
                    when=f"<t:{int(each.decided_at)}:f>",
                    name=sentences.plain(each.name),
                    decision=localized(f"tools-decision.{each.decision}", who=who),
                    channel=str(each.channel_id),
                    turn=str(each.turn_id),
                )
                if each.reason:
                    line += f"\n> {sentences.plain(sentences.shortened(each.reason, 200))}"
                lines.append(line)
            await response.show(overviews.lines(lines) or localized("no-tool-decisions"))

    async def pressed(
        self, interaction: discord.Interaction[Any], approval_id: int, choice: Choice
    ) -> None:
        """Take a decision, or show the form for the reason of a denial."""
        if choice != "reason":
            await self._decide(interaction, approval_id, choice, None)
            return
        failure: LedgerError | None = None
        refusal = None
        try:
            approval = await self._ledger.approvals.get(approval_id)
            refusal = await self._refusal(interaction, approval)
        except LedgerError as error:
            failure = error
        if failure is None and refusal is None:
            # A form is the first response to an interaction, or it can't be shown.
            await open_form(interaction, self._rest, _form(approval_id))
            return
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            if failure is not None:
                raise failure
            await response.note(refusal or localized("approval-too-old"))

    async def reason_sent(
        self, interaction: discord.Interaction[Any], name: str, entries: ModalEntries
    ) -> None:
        """Deny a call with a reason; ``name`` is the number of the approval."""
        if name.isascii() and name.isdigit() and len(name) <= 18:
            reason = entries.texts.get("reason", "").strip()[:LONGEST_REASON]
            await self._decide(interaction, int(name), "deny", reason or None)

    async def _decide(
        self,
        interaction: discord.Interaction[Any],
        approval_id: int,
        choice: Choice,
        reason: str | None,
    ) -> None:
        async with AcknowledgedInteraction(interaction, self._rest) as response:
            approval = await self._ledger.approvals.get(approval_id)
            refusal = await self._refusal(interaction, approval)
            if approval is None or refusal is not None:
                await response.note(refusal or localized("approval-too-old"))
                return
            decided = await self._desk.decide(
                approval,
                allow=choice in ("once", "conversation"),
                for_conversation=choice == "conversation",
                decider_id=interaction.user.id,
                decider_name=interaction.user.display_name,
                reason=reason,
            )
            if decided is None:
                again = await self._ledger.approvals.get(approval_id)
                await response.note(
                    await self._refusal(interaction, again) or localized("approval-too-old")
                )
            elif decided.state == "granted":
                self._make_soon(decided)
            elif reason is not None:
                self._schedule(decided.channel_id)

    async def _refusal(
        self, interaction: discord.Interaction[Any], approval: Approval | None
    ) -> str | None:
        """Return why this member can't decide about a call; None if they can."""
        if approval is None or approval.state == "withdrawn":
            return localized("approval-too-old")
        if approval.state not in UNDECIDED:
            name = sentences.plain(approval.decider_name or "")
            return localized("approval-decided-before", name=name)
        if self._desk.is_too_old(approval):
            return localized("approval-too-old")
        if not await self._may_decide(interaction, approval):
            return localized("approval-not-yours")
        return None

    async def _may_decide(self, interaction: discord.Interaction[Any], approval: Approval) -> bool:
        approvers = self._functions.settings.approvers
        if "moderators" in approvers and interaction.permissions.manage_messages:
            return True
        roles = {role.id for role in getattr(interaction.user, "roles", ())}
        if not roles.isdisjoint(self._functions.settings.approver_roles):
            return True
        turn = await self._ledger.history.turn(approval.turn_id)
        return "askers" in approvers and turn is not None and turn.asked_by(interaction.user.id)


def _form(approval_id: int) -> discord.ui.Modal:
    """Return the form that asks for a reason; its custom_id survives a restart."""
    form = discord.ui.Modal(
        title=localized("approval-form-title"), custom_id=f"{DENIAL_FORM}:{approval_id}"
    )
    field: discord.ui.TextInput[Any] = discord.ui.TextInput(
        style=discord.TextStyle.paragraph,
        custom_id="reason",
        required=False,
        max_length=LONGEST_REASON,
    )
    form.add_item(
        discord.ui.Label(
            text=localized("approval-form-label"),
            description=localized("approval-form-hint"),
            component=field,
        )
    )
    # A finished form is not kept by discord.py: ``Modals`` handles all of them.
    form.stop()
    return form
