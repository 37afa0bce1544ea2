"""What the model is shown and told: the whole thread, in order, and every option of the run."""

from pathlib import Path

from bot.assistants.schema.content import ImageUrlInput, TextInput, WebImage
from bot.assistants.schema.requests import CreateMessage, CreateRun, Truncation
from bot.assistants.schema.tools import FunctionName, JsonObjectFormat, NamedToolChoice
from tests.contract.refusals import refused
from tests.contract.tooling import tool
from tests.support.assistants import House, Way, house
from tests.support.model_endpoint import Asked, text_of


def shown(asked: Asked) -> list[tuple[str, str]]:
    return [(message["role"], text_of(message["content"])) for message in asked.messages]


async def test_the_model_sees_instructions_and_the_whole_conversation(home: House) -> None:
    home.model.say("Ada.")
    home.model.say("You asked my name.")
    assistant_id = await home.assistant(instructions="Be kind.")
    thread_id = await home.thread("Who are you?")
    await home.until(await home.run(thread_id, assistant_id), "completed")
    await home.api.create_message(thread_id, CreateMessage(role="user", content="What was that?"))
    await home.until(await home.run(thread_id, assistant_id), "completed")
    assert shown(await home.model.until_request(2)) == [
        ("system", "Be kind."),
        ("user", "Who are you?"),
        ("assistant", "Ada."),
        ("user", "What was that?"),
    ]


async def test_additional_instructions_and_messages_reach_the_model(home: House) -> None:
    assistant_id = await home.assistant(instructions="Be kind.")
    thread_id = await home.thread("one")
    run = await home.run(
        thread_id,
        assistant_id,
        additional_instructions="Be brief.",
        additional_messages=(
            CreateMessage(role="assistant", content="two"),
            CreateMessage(role="user", content="three", metadata={"k": "v"}),
        ),
    )
    await home.until(run, "completed")
    asked = await home.model.until_request()
    system, *rest = shown(asked)
    assert system[0] == "system"
    assert "Be kind." in system[1]
    assert "Be brief." in system[1]
    assert rest == [("user", "one"), ("assistant", "two"), ("user", "three")]
    messages = (await home.api.list_messages(thread_id)).data
    assert len(messages) == 4
    assert messages[1].metadata == {"k": "v"}


async def test_a_runs_own_instructions_replace_the_assistants(home: House) -> None:
    assistant_id = await home.assistant(instructions="Be kind.")
    run = await home.run(await home.thread("hi"), assistant_id, instructions="Be brief.")
    await home.until(run, "completed")
    assert shown(await home.model.until_request())[0] == ("system", "Be brief.")


async def test_images_reach_a_model_elsewhere_by_their_address(tmp_path: Path, way: Way) -> None:
    async with house(tmp_path, way, public=True) as home:
        thread_id = await home.thread()
        image = ImageUrlInput(WebImage("https://example.com/a.png", "low"))
        message = CreateMessage(role="user", content=(TextInput("What is this?"), image))
        await home.api.create_message(thread_id, message)
        await home.until(await home.run(thread_id), "completed")
        asked = await home.model.until_request()
    text, shown_image = asked.messages[-1]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert shown_image["image_url"]["url"] == "https://example.com/a.png"
    assert shown_image["image_url"]["detail"] == "low"


async def test_an_image_in_a_data_url_is_refused_in_the_apis_words(home: House) -> None:
    image = ImageUrlInput(WebImage("data:image/png;base64,AAAA"))
    message = CreateMessage(role="user", content=(TextInput("What is this?"), image))
    error = await refused(home.api.create_message(await home.thread(), message))
    assert error.param == "content[1].image_url.url"
    assert error.code == "invalid_value"
    assert error.message == (
        "Invalid 'content[1].image_url.url'. Expected a valid URL, but got a value with an "
        "invalid format."
    )


async def test_last_messages_shows_the_model_only_the_newest_messages(home: House) -> None:
    thread_id = await home.thread("one", "two", "three", "four")
    run = await home.run(
        thread_id,
        await home.assistant(instructions="Be kind."),
        truncation_strategy=Truncation(type="last_messages", last_messages=2),
    )
    await home.until(run, "completed")
    assert shown(await home.model.until_request()) == [
        ("system", "Be kind."),
        ("user", "three"),
        ("user", "four"),
    ]


async def test_the_runs_options_reach_the_model(home: House) -> None:
    run = await home.run(
        await home.thread("hi"),
        model="other-model",
        temperature=0.25,
        top_p=0.5,
        max_completion_tokens=300,
        tools=(tool("f"), tool("g")),
        tool_choice=NamedToolChoice("function", FunctionName("g")),
        parallel_tool_calls=False,
        response_format=JsonObjectFormat(),
    )
    await home.until(run, "completed")
    body = (await home.model.until_request()).body
    assert body["model"] == "other-model"
    assert (body["temperature"], body["top_p"]) == (0.25, 0.5)
    assert 300 in (body.get("max_completion_tokens"), body.get("max_tokens"))
    assert [each["function"]["name"] for each in body["tools"]] == ["f", "g"]
    assert body["tools"][0]["function"]["parameters"]["properties"] == {"x": {"type": "number"}}
    assert body["tool_choice"] == {"type": "function", "function": {"name": "g"}}
    assert body["parallel_tool_calls"] is False
    assert body["response_format"] == {"type": "json_object"}


async def test_a_deleted_message_is_not_shown(home: House) -> None:
    thread_id = await home.thread("one", "two")
    newest = (await home.api.list_messages(thread_id)).data[0]
    await home.api.delete_message(thread_id, newest.id)
    await home.until(
        await home.api.create_run(thread_id, CreateRun(assistant_id=await home.assistant())),
        "completed",
    )
    assert shown(await home.model.until_request()) == [("user", "one")]
