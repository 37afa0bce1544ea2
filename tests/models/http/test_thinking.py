from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.models.http.thinking import ThoughtFilter

TEXTS = {
    "<think>It is a greeting.</think>\n\nHello.": "It is a greeting.",
    "<think>\nRude? No.": "Rude? No.",
    "Rude? No.\n</think>\n\nHello.": "Rude? No.",
    "<think>a</think>\n<think>b</think>\nHello": "ab",
    "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>Hi": "a",
    "Use <think> and </think> around it.": "",
    "[THINK]" + "long " * 100 + "[/THINK]Hello": ("long " * 100).strip(),
}


def filtered(pieces: list[str], *, keep: bool) -> tuple[str, str]:
    """The text that the pieces add to the answer, and the thoughts that are kept."""
    thinking = ThoughtFilter(keep=keep)
    said = ""
    for piece in pieces:
        more = thinking.feed(piece)
        if thinking.withdrawn:
            thinking.withdrawn = False
            said = ""
        said += more
    return said + thinking.end(cut=False), thinking.thoughts


@given(st.sampled_from(sorted(TEXTS)), st.lists(st.integers(0, 600), max_size=5))
def test_kept_thoughts_are_whole_however_they_are_cut_and_leave_the_answer_alone(
    text: str, cuts: list[int]
) -> None:
    ends = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]
    said, thoughts = filtered(pieces, keep=True)
    assert thoughts == TEXTS[text]
    assert (said, "") == filtered(pieces, keep=False)
