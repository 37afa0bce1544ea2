"""Polls: reads them, counts votes, and closes them when their time is over.

Limits and events: https://discord.com/developers/docs/resources/poll.
"""

from typing import Final

from bot.sandbox import errors
from bot.sandbox.backend.state.events import GatewayEvent, Intent
from bot.sandbox.backend.state.kinds import MessageType
from bot.sandbox.backend.state.model import DiscordMessage, User
from bot.sandbox.backend.state.parts import DiscordPoll, Payload, PollAnswer, Reference
from bot.sandbox.backend.state.permission_bits import Permission
from bot.sandbox.backend.world import World
from bot.sandbox.forms import Form

MAX_ANSWERS: Final = 10
MAX_HOURS: Final = 32 * 24
DEFAULT_HOURS: Final = 24


def read_poll(form: Form | None) -> DiscordPoll | None:
    """Return the poll of a request; notes errors on the form."""
    if form is None:
        return None
    form.required("question")
    question = form.form("question")
    form.required("answers")
    text = None
    if question is not None:
        question.required("text")
        text = question.text("text", least=1, most=300)
        question.ignore("emoji")  # a question shows none
    answers = form.forms("answers", most=MAX_ANSWERS) or []
    if form.given("answers") and not answers:
        message = f"Must be between 1 and {MAX_ANSWERS} in length."
        form.problem("BASE_TYPE_BAD_LENGTH", message, "answers")
    form.integer("layout_type", 1, one_of={1})
    return DiscordPoll(
        question=text or "",
        answers=[_read_answer(one, number) for number, one in enumerate(answers, 1)],
        hours=form.integer("duration", DEFAULT_HOURS, least=1, most=MAX_HOURS) or DEFAULT_HOURS,
        multiselect=bool(form.boolean("allow_multiselect", False)),
    )


def _read_answer(form: Form, number: int) -> PollAnswer:
    form.ignore("answer_id")  # Discord numbers the answers itself, from 1
    form.required("poll_media")
    media = form.form("poll_media")
    if media is None:
        return PollAnswer(number, "")
    emoji = media.form("emoji")
    name = None
    if emoji is not None:
        name = emoji.text("name", most=32)
        emoji.ignore("id", "animated")
    return PollAnswer(number, media.text("text", least=1, most=55) or "", name)


class Polls:
    """Opens and closes polls, and counts votes."""

    def __init__(self, world: World) -> None:
        self._world = world

    def opened(self, message: DiscordMessage) -> None:
        """Set the time at which a newly posted poll ends, and close the poll then."""
        poll = message.poll
        if poll is None:
            return
        poll.ends_at = self._world.now() + poll.hours * 3600
        self._world.clock.call_at(poll.ends_at, lambda: self.close(message))

    def vote(self, message: DiscordMessage, user: User, answer_ids: list[int]) -> None:
        """Set the user's votes; an empty list takes all of them back.

        Raises Discord's error 520001 when the poll is over, 50035 (invalid form) for an unknown
        answer or for several where one is allowed.
        """
        poll = _poll(message)
        self._world.require(message.channel, user, Permission.READ_MESSAGE_HISTORY)
        if poll.final:
            raise errors.poll_over()
        known = {one.id for one in poll.answers}
        if set(answer_ids) - known or (len(answer_ids) > 1 and not poll.multiselect):
            problem = {"code": "POLL_INVALID_ANSWER", "message": "Invalid answer"}
            raise errors.invalid_form({"answer_ids": {"_errors": [problem]}})
        for answer in poll.answers:
            chosen, had = answer.id in answer_ids, user.id in answer.voters
            if chosen and not had:
                answer.voters[user.id] = None
                self._tell("MESSAGE_POLL_VOTE_ADD", message, user, answer)
            elif had and not chosen:
                del answer.voters[user.id]
                self._tell("MESSAGE_POLL_VOTE_REMOVE", message, user, answer)

    def expire(self, message: DiscordMessage, actor: User) -> None:
        """End one's own poll now.

        Raises Discord's errors 520006 (not a poll), 50005 (another's message) or 520001 (poll
        over).
        """
        if message.poll is None:
            raise errors.not_a_poll()
        if message.author is not actor:
            raise errors.not_the_author()
        if message.poll.final:
            raise errors.poll_over()
        message.poll.ends_at = self._world.now()
        self.close(message)

    def close(self, message: DiscordMessage) -> None:
        """Make the counts final: an update of the message, then a message with the result."""
        poll = _poll(message)
        if poll.final or message.deleted:
            return
        poll.final = True
        self._world.emit_message("MESSAGE_UPDATE", message)
        self._world.publish("message_edited", message=message)
        # Discord posts the result as a message of its own that refers to the poll.
        result = DiscordMessage(
            self._world.ids.next(), message.channel, message.author, type=MessageType.POLL_RESULT
        )
        result.reference = Reference(message.channel.id, message.id, message.channel.guild_id)
        result.embeds = [_result(poll)]
        channel = message.channel
        channel.by_id[result.id] = result
        channel.last_message_id = result.id
        self._world.emit_message("MESSAGE_CREATE", result)
        self._world.publish("message_created", message=result)

    def voters(self, message: DiscordMessage, answer_id: int) -> list[User]:
        """Return the users who chose an answer; raises Discord's error 10090 if it is unknown."""
        answer = _poll(message).answer(answer_id)
        if answer is None:
            raise errors.unknown_poll_answer()
        return [self._world.users[one] for one in answer.voters]

    def _tell(self, name: str, message: DiscordMessage, user: User, answer: PollAnswer) -> None:
        guild = message.channel.guild
        payload: Payload = {
            "user_id": str(user.id),
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
            "answer_id": answer.id,
        }
        if guild is not None:
            payload["guild_id"] = str(guild.id)
        self._world.emit(
            GatewayEvent(
                name,
                payload,
                Intent.GUILD_MESSAGE_POLLS if guild else Intent.DIRECT_MESSAGE_POLLS,
                channel=message.channel,
            )
        )
        self._world.publish("poll_vote", message=message, detail=user)


def _poll(message: DiscordMessage) -> DiscordPoll:
    if message.poll is None:
        raise errors.not_a_poll()
    return message.poll


def _result(poll: DiscordPoll) -> Payload:
    """Return the embed of a poll's result, with one field for each fact.

    https://discord.com/developers/docs/resources/message#embed-object-poll-result-embed-fields
    """
    best = max(poll.answers, key=lambda one: len(one.voters))
    ties = sum(1 for one in poll.answers if len(one.voters) == len(best.voters))
    facts = {
        "poll_question_text": poll.question,
        "victor_answer_votes": str(len(best.voters)),
        "total_votes": str(poll.votes),
    }
    # A tie and a poll without votes have no winner.
    if ties == 1 and best.voters:
        facts.update(victor_answer_id=str(best.id), victor_answer_text=best.text)
        if best.emoji:
            facts["victor_answer_emoji_name"] = best.emoji
    fields = [{"name": name, "value": value, "inline": False} for name, value in facts.items()]
    return {"type": "poll_result", "fields": fields}
