"""What a model's Markdown looks like in the finished reply, and what the thread keeps of it."""

from tests.scenarios.community import Community, answer

ANSWER = r"""#### The area

\[ A = \pi r^2 \]

so for \(r = \frac{1}{2}\):

| r | A |
|--:|--:|
| ½ | 0.79 |
| 1 | 3.14 |"""
SHOWN = """**The area**

A = πr²

so for r = ½:

```
r     A
─  ────
½  0.79
1  3.14
```"""


async def test_a_heading_a_formula_and_a_table_are_rendered_in_the_final_reply(
    threads: Community,
) -> None:
    threads.model.say(ANSWER)
    thread = await threads.thread_of(await threads.ask("what is the area?"))
    reply = await threads.finished(thread)
    assert answer(reply) == SHOWN
    assert await threads.on_thread(thread) == [
        ("user", "what is the area?"),
        ("assistant", ANSWER),
    ]


async def test_a_growing_answer_is_shown_as_the_model_writes_it(channels: Community) -> None:
    gate = channels.model.gate()
    tokens = ["Half is ", r"\(\frac{1}{2}\)", ", as everybody knows."]
    channels.model.say("", tokens=tokens, gate=gate)
    await channels.ask("what is half?")
    reply = await channels.reply(channels.general)
    gate.let(2)
    await channels.until(lambda: reply.content == r"Half is \(\frac{1}{2}\)")
    gate.open()
    assert answer(await channels.finished(channels.general)) == "Half is ½, as everybody knows."


async def test_a_long_answer_is_rendered_before_it_is_cut_into_messages(
    channels: Community,
) -> None:
    channels.model.say("\n\n".join([r"The square of \(x\) is \(x^2\)."] * 150))
    await channels.ask("squares?")
    await channels.finished(channels.general, 2)
    replies = channels.replies(channels.general)
    said = "\n\n".join(answer(reply) for reply in replies)
    assert len(replies) == 2
    assert said == "\n\n".join(["The square of x is x²."] * 150)


async def test_one_link_has_its_preview_and_several_have_none(channels: Community) -> None:
    one, other = "https://example.org/rain", "https://example.org/sun"
    for url in (one, other):
        channels.sandbox.link_previews.add(url, title=url)
    channels.model.say(f"See {one}")
    channels.model.say(f"See {one} and [this]({other}).")
    await channels.ask("one?")
    await channels.settled(1)
    await channels.ask("several?")
    await channels.settled(2)
    first, second = channels.replies(channels.general)
    await channels.until(lambda: first.previews)
    assert answer(second) == f"See <{one}> and [this](<{other}>)."
    assert second.previews == []
