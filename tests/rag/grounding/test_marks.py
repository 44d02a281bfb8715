"""Marks: every way of writing them, what only looks like one, and that nothing depends on how a text is cut."""

import random
import re

import pytest

from rag.grounding.marks import MarkFilter, escape_marks, places

SHOWN = (1, 2, 3)


def whole(text: str, shown: tuple[int, ...] = SHOWN) -> str:
    marks = MarkFilter(shown)
    return "".join([*marks.feed(text), *marks.flush()])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Sleep gets shorter [1].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [1][2].", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter [1, 2].", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter [1; 3].", "Sleep gets shorter [1][3]."),
        ("Sleep gets shorter [1-3].", "Sleep gets shorter [1][2][3]."),
        ("Sleep gets shorter [1–3].", "Sleep gets shorter [1][2][3]."),
        ("Sleep gets shorter [ 1 ].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [[1]].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [[1]](https://example.org).", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [^1].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter[1].", "Sleep gets shorter[1]."),
        ("Sleep gets shorter (1).", "Sleep gets shorter [1]."),
        ("Sleep gets shorter (1, 2).", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter (1), and work longer (2).", "Sleep gets shorter [1], and work longer [2]."),
        ("Sleep gets shorter (1)", "Sleep gets shorter [1]"),
        ("Sleep gets shorter 【1】.", "Sleep gets shorter [1]."),
        ("Sleep gets shorter 【1†source】.", "Sleep gets shorter [1]."),
        ("Sleep gets shorter【2:0†L1-L3】.", "Sleep gets shorter[2]."),
        ("Sleep gets shorter ［1］.", "Sleep gets shorter [1]."),
        ("Sleep gets shorter \\[1\\].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [Source 1].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [Abstract 1, Abstract 3].", "Sleep gets shorter [1][3]."),
        ("Sleep gets shorter [paper #2].", "Sleep gets shorter [2]."),
        ("Sleep gets shorter [1 and 2].", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter [1](https://example.org/a).", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [1] [1] [2].", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter [ID:1].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter ##1$$ ##2$$.", "Sleep gets shorter [1][2]."),
        ("Sleep gets shorter [1. Work gets longer [2].", "Sleep gets shorter [1]. Work gets longer [2]."),
        ("Sleep gets shorter [1.", "Sleep gets shorter [1]."),
        ("Sleep gets shorter. [1] Work gets longer.", "Sleep gets shorter. [1] Work gets longer."),
    ],
)
def test_other_ways_of_writing_a_mark_become_ours(written: str, shown: str) -> None:
    assert whole(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Sleep gets shorter [9].", "Sleep gets shorter."),
        ("Sleep gets shorter [-1].", "Sleep gets shorter."),
        ("Sleep gets shorter ##9$$.", "Sleep gets shorter."),
        ("Sleep gets shorter [9. Work gets longer.", "Sleep gets shorter. Work gets longer."),
        ("Sleep gets shorter [1][9].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [9, 1].", "Sleep gets shorter [1]."),
        ("Sleep gets shorter [5, 7].", "Sleep gets shorter."),
        ("Sleep gets shorter [2-99999999].", "Sleep gets shorter."),
        ("Sleep gets shorter [2-90].", "Sleep gets shorter [2][3]."),
        ("As [9] shows, sleep gets shorter.", "As shows, sleep gets shorter."),
        ("[9] Sleep gets shorter.", "Sleep gets shorter."),
        ("A.\n[9] Sleep gets shorter.", "A.\nSleep gets shorter."),
        ("Sleep gets shorter. [9]", "Sleep gets shorter."),
        ("Sleep gets shorter [0].", "Sleep gets shorter."),
        ("Sleep gets shorter (9).", "Sleep gets shorter."),
        ("Sleep gets shorter [Source 99].", "Sleep gets shorter."),
        ("Sleep gets shorter 【12†source】.", "Sleep gets shorter."),
        (f"Sleep gets shorter [{'9' * 5000}].", "Sleep gets shorter."),
    ],
)
def test_a_mark_of_a_passage_that_was_not_shown_is_taken_out(written: str, shown: str) -> None:
    assert whole(written) == shown


@pytest.mark.parametrize(
    "prose",
    [
        "It was shown before (2020).",
        "The [CLS] token and the [MASK] token.",
        "All values lie in [0, 1].",
        "All values lie in [-1, 1].",
        "## A heading",
        "It is #1 of all.",
        "A value in the range [1, 3] is drawn.",
        "A vector of shape [1, 3].",
        "This follows from Equation (1).",
        "As Figure (2), and Table (3), show.",
        "They use three (3).",
        "We (1) sample and (2) rank.",
        "It costs O(1), f(2), and x(3).",
        "There are many examples (12,345).",
        "It is a [note to the reader] of some length.",
        "Tuples like (0, 1) are fine.",
        "A half-open interval [0.5, 1) remains.",
        r"LaTeX: \[ x = y \] stays.",
        "Well! See (Smith, 2020) [sic].",
    ],
)
def test_what_only_looks_like_a_mark_is_left_alone(prose: str) -> None:
    assert whole(prose) == prose


def test_an_index_in_code_does_not_look_like_a_mark() -> None:
    assert whole("Take `a[1]` of it [1].") == "Take `a[ 1 ]` of it [1]."
    assert whole("```\nx = a[9]\n```\nDone [2].") == "```\nx = a[ 9 ]\n```\nDone [2]."


@pytest.mark.parametrize("half", ["[", "[1", "[1,", "【1", "[Sour", "[Source 1", "\\[1", "[^"])
def test_half_a_mark_at_the_end_is_taken_out(half: str) -> None:
    assert whole(f"Sleep gets shorter {half}") == "Sleep gets shorter"


def test_half_a_mark_waits_for_its_other_half() -> None:
    marks = MarkFilter(SHOWN)
    assert [marks.feed(piece) for piece in ("Sleep gets shorter", " [", "1", "]", ".")] == [
        ["Sleep gets shorter"], [], [], [], [" [1]."]]  # fmt: skip


def test_text_without_marks_is_not_held_back() -> None:
    marks = MarkFilter(SHOWN)
    assert marks.feed("Sleep gets shorter") == ["Sleep gets shorter"]


@pytest.mark.parametrize("inside", ["as shown in [2]", "by [1-3] and (1).", "【3】", "[^2] notes", "in [Source 1]."])
def test_marks_inside_an_abstract_cannot_pass_for_ours(inside: str) -> None:
    text = escape_marks(inside)
    assert list(places(whole(text))) == []
    assert whole(text) == text


BITS = (
    *("[1]", "[2]", "[9]", "[99]", "[", "]", "(", ")", "1", "2", "9", ",", "-", " ", "  ", ". ", ".", "\n", "word"),
    *(
        "[1, 2]",
        "[1-3]",
        "[9-12]",
        "【1】",
        "【9†x】",
        "[^1]",
        "(1)",
        "(9)",
        "(2020)",
        "[CLS]",
        "a[0]",
        "`",
        "```",
        "\\[",
    ),
    *("##", "$$", "##1$$", "[-1]", "[1. ", "[ID:", "#"),
    *("\\]", "[Source ", "Source 3]", "[Abstract 7]", "](http://x.y/z)", "!", "†", "Equation", "range ", "é", "[0, 1]"),
    *("[[", "]]", "Sleep", "…"),
)
LONG_BITS = (*BITS, "[1](https://x[", "[1]" * 17, " (1)" * 17, "[1," * 150, " " * 90)


def cut(text: str, chance: random.Random) -> list[str]:
    places = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(0, 12)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "replies"), [(BITS, 10_000), (LONG_BITS, 500)])
def test_random_replies_leak_no_invented_and_no_half_mark(bits: tuple[str, ...], replies: int) -> None:
    chance = random.Random(7)
    for _ in range(replies):
        text = "".join(chance.choice(bits) for _ in range(chance.randrange(1, 25)))
        marks = MarkFilter(SHOWN)
        pieces = [*(found for piece in cut(text, chance) for found in marks.feed(piece)), *marks.flush()]
        joined = "".join(pieces)
        assert joined == whole(text), text
        assert {int(number) for number in re.findall(r"\[(\d+)\]", joined)} <= set(SHOWN), text
        ends = [len("".join(pieces[: i + 1])) for i in range(len(pieces))]
        assert not [m for m in re.finditer(r"\[\d+\]", joined) for end in ends if m.start() < end < m.end()], text
