"""The benchmark of answers works: pictures cost a process of their own, not the bot."""

from tests.benchmarks.rendering import measure


async def test_a_picture_costs_the_drawing_process_more_than_the_bot() -> None:
    plain, text, pictures = await measure(8)
    print(plain, text, pictures, sep="\n")
    assert plain.cpu < text.cpu
    assert pictures.child_cpu > pictures.cpu
