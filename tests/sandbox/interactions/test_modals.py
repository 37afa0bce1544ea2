"""Modals with every kind of field, from discord.py's classes to what a person enters."""

from typing import Any

import discord
import pytest
from discord import ui

from bot.sandbox import NotPossible, Sandbox
from tests.sandbox.client import Bot
from tests.sandbox.rest import Rest


class Survey(ui.Modal, title="Survey"):
    """A modal with five kinds of field."""

    text: ui.Label[Any] = ui.Label(
        text="Words",
        description="In your own",
        component=ui.TextInput(custom_id="words", max_length=20),
    )
    select: ui.Label[Any] = ui.Label(
        text="Colours",
        component=ui.Select(
            custom_id="colours",
            max_values=2,
            options=[discord.SelectOption(label=one) for one in ("red", "blue")],
        ),
    )
    person: ui.Label[Any] = ui.Label(
        text="Person", component=ui.UserSelect(custom_id="person", required=False)
    )
    files: ui.Label[Any] = ui.Label(
        text="Files", component=ui.FileUpload(custom_id="files", max_values=2, required=False)
    )
    radio: ui.Label[Any] = ui.Label(
        text="One of",
        component=ui.RadioGroup(
            custom_id="radio",
            options=[discord.RadioGroupOption(label=one) for one in ("yes", "no")],
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self.done = False

    async def on_submit(self, interaction: discord.Interaction) -> None:
        self.done = True
        await interaction.response.send_message("thanks", ephemeral=True)


class Boxes(ui.Modal, title="Boxes"):
    """A modal with a text, a checkbox group and a checkbox."""

    note: ui.TextDisplay[Any] = ui.TextDisplay("Tick *some*")
    group: ui.Label[Any] = ui.Label(
        text="Any of",
        component=ui.CheckboxGroup(
            custom_id="group",
            required=False,
            options=[discord.CheckboxGroupOption(label=one) for one in ("a", "b", "c")],
        ),
    )
    box: ui.Label[Any] = ui.Label(text="Agree", component=ui.Checkbox(custom_id="box"))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("noted")


async def opened(bot: Bot, sandbox: Sandbox, modal: ui.Modal) -> Any:
    """Return an interaction that the bot answered with the modal."""
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "sleep", wait=False)
    await bot.until(lambda: bot.named("interaction"))
    received: discord.Interaction = bot.named("interaction")[-1][0]
    await received.response.send_modal(modal)
    return interaction


def component(label: ui.Label[Any]) -> Any:
    return label.component


async def test_a_person_fills_in_every_kind_of_field(bot: Bot, sandbox: Sandbox) -> None:
    ada, ben = sandbox.members
    survey = Survey()
    interaction = await opened(bot, sandbox, survey)
    assert interaction.modal is not None
    assert [row["type"] for row in interaction.modal["components"]] == [18, 18, 18, 18, 18]
    submitted = await ada.submit_modal(
        interaction,
        {
            "Words": "fine",
            "Colours": ["red", "blue"],
            "Person": ben.user,
            "Files": [("log.txt", b"all well")],
            "One of": "yes",
        },
    )
    await sandbox.until(lambda: submitted.responses)
    assert component(survey.text).value == "fine"
    assert component(survey.select).values == ["red", "blue"]
    assert [one.id for one in component(survey.person).values] == [ben.id]
    files: list[discord.Attachment] = component(survey.files).values
    assert [one.filename for one in files] == ["log.txt"]
    assert files[0].ephemeral
    assert await files[0].read() == b"all well"
    assert component(survey.radio).value == "yes"
    assert submitted.ephemeral


async def test_boxes_are_ticked_or_left(bot: Bot, sandbox: Sandbox) -> None:
    ada = sandbox.members[0]
    boxes = Boxes()
    interaction = await opened(bot, sandbox, boxes)
    submitted = await ada.submit_modal(interaction, {"Any of": ["a", "c"], "Agree": True})
    assert submitted.acknowledged
    assert component(boxes.group).values == ["a", "c"]
    assert component(boxes.box).value is True
    again = await ada.submit_modal(interaction, {})
    assert again.data["components"][1]["component"]["values"] == []
    assert again.data["components"][2]["component"]["value"] is False


async def test_what_discords_app_would_not_submit_is_not_possible(
    bot: Bot, sandbox: Sandbox
) -> None:
    ada = sandbox.members[0]
    interaction = await opened(bot, sandbox, Survey())
    whole = {"Words": "fine", "Colours": "red", "One of": "no"}
    for change, why in (
        ({"Words": ""}, "required"),
        ({"Words": "x" * 21}, "at most 20"),
        ({"Colours": []}, "required"),
        ({"Colours": ["red", "green"]}, "offer"),
        ({"One of": None}, "required"),
        ({"One of": "maybe"}, "offer"),
        ({"Files": [("a", b"")] * 3}, "takes 1 to 2"),
        ({"Nothing": 1}, "no field"),
    ):
        with pytest.raises(NotPossible, match=why):
            await ada.submit_modal(interaction, {**whole, **change})
    assert not bot.named("modal_submit")


async def test_what_a_modal_cannot_have_is_refused(bot: Bot, sandbox: Sandbox, rest: Rest) -> None:
    ada, general = sandbox.members[0], sandbox.guild.text_channel("general")
    interaction = await ada.command(general, "sleep", wait=False)
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"

    async def refused(*parts: dict[str, Any]) -> str:
        labels = [{"type": 18, "label": "l", "component": part} for part in parts]
        data = {"custom_id": "m", "title": "t", "components": labels}
        answer = await rest.post(path, {"type": 9, "data": data})
        assert (answer.status, answer.body["code"]) == (400, 50035)
        return str(answer.body["errors"])

    one = {"label": "x", "value": "x"}
    assert "BAD_LENGTH" in await refused({"type": 21, "custom_id": "r", "options": [one]})
    assert "DUPLICATED" in await refused({"type": 22, "custom_id": "g", "options": [one, one]})
    assert "DUPLICATED" in await refused(*[{"type": 23, "custom_id": "same"}] * 2)
    assert "UNION" in await refused({"type": 2, "custom_id": "b", "label": "b", "style": 1})
    assert "NUMBER_TYPE_MAX" in await refused({"type": 19, "custom_id": "f", "max_values": 11})
    assert "MAX_LENGTH" in await refused(*[{"type": 23, "custom_id": str(n)} for n in range(6)])
