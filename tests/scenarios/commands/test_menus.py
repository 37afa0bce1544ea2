"""The menu of a message: ask about it by a form, have it explained or translated."""

import pytest

from bot.chat.texts.fluent import Language, localized, using
from bot.sandbox import DiscordMessage
from bot.store.ledger.turns.asks import DRAFT_SECONDS
from tests.scenarios.commands.test_ask import finished, shown_answer, turn_of
from tests.scenarios.community import Community
from tests.support.eventually import eventually


def prompt(whole: Community) -> str:
    """What the model was sent last."""
    return str(whole.model.requests[-1])


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_message_is_explained_and_translated_in_the_members_language(
    channels: Community, language: Language
) -> None:
    channels.ada.user.locale = language
    said = await channels.ben.say(channels.general, "E = mc²")
    explained = await channels.ada.menu(channels.general, "Explain this", said)
    with using(language):
        assert localized("explain-question") in await shown_answer(channels, explained)
        assert "E = mc²" in prompt(channels)
        translated = await channels.ada.menu(channels.general, "Translate this", said)
        name = {"en": "American English", "ja": "Japanese"}["ja" if language == "ja" else "en"]
        if language == "ja":
            wanted = localized("translate-question", target=name)
            assert wanted in await shown_answer(channels, translated)
            assert "日本語に翻訳" in wanted
        else:
            assert "Translate this message into" in await shown_answer(channels, translated)


async def test_a_locale_that_nobody_translated_gets_its_translation_and_english_words(
    channels: Community,
) -> None:
    channels.ada.user.locale = "pt-BR"
    said = await channels.ben.say(channels.general, "hello")
    used = await channels.ada.menu(channels.general, "Translate this", said)
    assert "Translate this message into Brazil Portuguese." in await shown_answer(channels, used)


@pytest.mark.parametrize("language", ["en", "ja"])
async def test_a_form_asks_about_a_message(channels: Community, language: Language) -> None:
    channels.ada.user.locale = language
    said = await channels.ben.say(channels.general, "the moon is red")
    opened = await channels.ada.menu(channels.general, "Ask about this", said)
    assert opened.modal is not None
    with using(language):
        assert opened.modal["title"] == localized("ask-form")
    sent = await channels.ada.submit_modal(opened, {"question": "is that so?"})
    await finished(channels, sent)
    assert "is that so?" in prompt(channels)
    assert "the moon is red" in prompt(channels)


async def test_files_of_the_message_are_read_and_an_embed_has_words(channels: Community) -> None:
    said = await channels.ben.say(
        channels.general, "", attachments=[("notes.txt", b"the moon is red")]
    )
    await finished(channels, await channels.ada.menu(channels.general, "Explain this", said))
    assert "the moon is red" in prompt(channels)
    app = channels.sandbox.add_app("weather")
    card = await app.say(channels.general, "", embeds=[{"description": "rain at noon"}])
    await finished(channels, await channels.ada.menu(channels.general, "Explain this", card))
    assert "rain at noon" in prompt(channels)


@pytest.mark.parametrize("name", ["Explain this", "Translate this", "Ask about this"])
async def test_a_message_without_anything_to_read_is_refused_privately(
    channels: Community, name: str
) -> None:
    app = channels.sandbox.add_app("painter")
    empty = await app.say(
        channels.general, "", embeds=[{"image": {"url": "https://example.org/cat.png"}}]
    )
    used = await channels.ada.menu(channels.general, name, empty)
    await channels.until(lambda: used.done)
    assert used.ephemeral
    assert used.original is not None
    assert used.original.content == localized("ask-about-nothing")


async def opened_form(whole: Community) -> tuple[DiscordMessage, object]:
    said = await whole.ben.say(whole.general, "the moon is red")
    return said, await whole.ada.menu(whole.general, "Ask about this", said)


async def test_a_form_about_a_message_that_is_gone_gives_the_words_back(
    channels: Community,
) -> None:
    said, opened = await opened_form(channels)
    await channels.ben.delete(said)

    async def is_gone() -> bool:
        return await channels.ledger.asks.draft(opened.id, channels.ada.id) is None  # type: ignore[attr-defined] # an Interaction

    await eventually(is_gone)
    sent = await channels.ada.submit_modal(opened, {"question": "is that so?"})  # type: ignore[arg-type] # an Interaction
    await channels.until(lambda: sent.done)
    assert sent.ephemeral
    assert sent.original is not None
    assert localized("ask-form-old") in sent.original.content
    assert "is that so?" in sent.original.content


async def test_a_form_that_was_open_for_more_than_a_day_gives_the_words_back(
    channels: Community,
) -> None:
    _, opened = await opened_form(channels)
    channels.clock.later += DRAFT_SECONDS
    await channels.ledger.asks.purge()
    sent = await channels.ada.submit_modal(opened, {"question": "is that so?"})  # type: ignore[arg-type] # an Interaction
    await channels.until(lambda: sent.done)
    assert sent.original is not None
    assert "is that so?" in sent.original.content


async def test_a_form_is_answered_though_the_assistant_was_deleted_meanwhile(
    channels: Community,
) -> None:
    _, opened = await opened_form(channels)
    await channels.api.delete_assistant(channels.assistant_id)
    sent = await channels.ada.submit_modal(opened, {"question": "is that so?"})  # type: ignore[arg-type] # an Interaction
    shown = await finished(channels, sent)
    turn = await channels.in_state(1, "failed")
    assert turn.error is not None
    assert shown.content


async def test_a_message_that_is_deleted_leaves_the_question_about_it(
    channels: Community,
) -> None:
    said = await channels.ben.say(channels.general, "the moon is red")
    await finished(channels, await channels.ada.menu(channels.general, "Explain this", said))
    await channels.settled(1)
    await channels.ben.delete(said)

    async def content() -> str:
        (question,) = await channels.ledger.questions.of_turn(1)
        return question.content

    await eventually(content, lambda text: "the moon is red" not in text)


async def test_two_uses_at_once_are_both_answered(channels: Community) -> None:
    said = await channels.ben.say(channels.general, "E = mc²")
    both = [
        await channels.ada.menu(channels.general, name, said)
        for name in ("Explain this", "Explain this")
    ]
    for used in both:
        assert "E = mc²" in await shown_answer(channels, used)
    assert (await turn_of(channels, 1)).thread_id == (await turn_of(channels, 2)).thread_id
