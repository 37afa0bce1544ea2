"""The state machine of a turn: what each state does after an interruption, a cancel or a loss."""

from bot.assistants.schema.requests import CreateRun, Page
from bot.chat.reply import buttons
from bot.chat.texts import sentences
from bot.chat.texts.fluent import localized
from bot.chat.turns.turn_runner import MOST_INTERRUPTIONS
from tests.support.discord_rest import RestBot


async def test_a_turn_goes_from_waiting_to_answered_with_one_message_and_one_run(
    bot: RestBot,
) -> None:
    question = await bot.stored("one")
    bot.model.say("An answer.")
    bot.parts.scheduler.schedule(bot.general.id)
    turn = await bot.ended(1)
    assert (turn.state, turn.outcome, turn.attempt) == ("answered", "answered", 1)
    assert bot.texts() == ["An answer."]
    assert turn.thread_id is not None
    messages = (await bot.api.list_messages(turn.thread_id, Page(order="asc"))).data
    assert [message.role for message in messages] == ["user", "assistant"]
    assert (messages[0].metadata or {})["question"] == str(question)
    (run,) = (await bot.api.list_runs(turn.thread_id, Page())).data
    assert run.metadata is not None
    assert (run.metadata["turn"], run.metadata["attempt"]) == ("1", "1")


async def test_a_turn_that_is_cancelled_before_its_run_creates_none(bot: RestBot) -> None:
    await bot.stored("one")
    turn = await bot.ledger.turns.next_in(bot.general.id)
    assert turn is not None
    await bot.ledger.turns.request_cancel(turn.id, 1, bot.ada.user.id, "ada")
    bot.parts.scheduler.schedule(bot.general.id)
    ended = await bot.ended(turn.id)
    assert (ended.outcome, ended.run_id) == ("cancelled", None)
    assert bot.model.requests == []


async def test_a_turn_interrupted_after_its_run_began_follows_that_run(bot: RestBot) -> None:
    await bot.stored("one")
    bot.model.say("Once.")
    bot.parts.scheduler.schedule(bot.general.id)
    first = await bot.ended(1)
    assert first.thread_id is not None
    # The same turn, as a process leaves it that was killed before it stored the run.
    await bot.stored("two")
    turn = await bot.ledger.turns.next_in(bot.general.id)
    assert turn is not None
    channel = bot.client.get_partial_messageable(bot.general.id)
    view = buttons.view(buttons.ReplyButton("cancel", turn.id, 1))
    placeholder = await channel.send(localized("thinking"), view=view)
    await bot.ledger.turns.placed(turn.id, 1, placeholder.id)
    await bot.ledger.turns.posted(turn.id, 1, first.thread_id)
    bot.model.say("Twice.")
    request = CreateRun(
        assistant_id=bot.assistant_id, metadata={"turn": str(turn.id), "attempt": "1"}
    )
    run = await bot.api.create_run(first.thread_id, request)
    await bot.ledger.turns.count_interruptions()
    bot.parts.scheduler.schedule(bot.general.id)
    ended = await bot.ended(turn.id)
    assert ended.run_id == run.id
    assert len((await bot.api.list_runs(first.thread_id, Page())).data) == 2


async def test_a_turn_whose_thread_was_deleted_is_answered_on_a_new_thread(bot: RestBot) -> None:
    await bot.stored("one")
    bot.model.say("First.")
    bot.parts.scheduler.schedule(bot.general.id)
    first = await bot.ended(1)
    assert first.thread_id is not None
    await bot.api.delete_thread(first.thread_id)
    await bot.stored("two")
    bot.model.say("Second.")
    bot.parts.scheduler.schedule(bot.general.id)
    second = await bot.ended(2)
    assert second.outcome == "answered"
    assert second.thread_id not in (None, first.thread_id)
    assert bot.texts() == ["First.", "Second."]


async def test_a_turn_that_was_resumed_too_often_is_given_up_in_words(bot: RestBot) -> None:
    await bot.stored("one")
    turn = await bot.ledger.turns.next_in(bot.general.id)
    assert turn is not None
    for _ in range(MOST_INTERRUPTIONS + 1):
        bot.clock.later += 3_600
        await bot.ledger.turns.count_interruptions()
    bot.parts.scheduler.schedule(bot.general.id)
    ended = await bot.ended(turn.id)
    assert (ended.outcome, ended.error) == ("failed", "gave_up")
    assert bot.texts() == [sentences.failure("gave_up")]
    assert bot.model.requests == []


async def test_a_failed_turn_offers_retry_and_the_retry_is_a_second_run(bot: RestBot) -> None:
    await bot.stored("one")
    bot.model.fail(400)
    bot.parts.scheduler.schedule(bot.general.id)
    failed = await bot.ended(1)
    assert failed.outcome == "failed"
    assert bot.texts() == [sentences.failure(failed.error)]
    bot.model.say("Now.")
    assert await bot.ledger.turns.retry(1, 1) is not None
    bot.parts.scheduler.schedule(bot.general.id)
    ended = await bot.ended(1)
    assert (ended.outcome, ended.attempt) == ("answered", 2)
    assert bot.texts() == ["Now."]
