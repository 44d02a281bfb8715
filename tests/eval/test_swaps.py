"""A swapped question asks for what its paper does not have, and for nothing else."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eval.swaps import Swaps
from rag.library.library import Library
from rag.text import slots
from rag.text.analysis import content_stems
from rag.types import Paper
from tests.support.stand_ins import WordsEmbedder

PAPER = Paper(
    id="p1",
    title="Zinc in children",
    abstract="We gave 240 children of Norway zinc against colds. Colds lasted 4 days.",
)
OTHER = Paper(id="p2", title="Naps of pilots", abstract="Napping pilots in Chile flew safely over deserts at night.")
QUESTION = "How long did colds last in 240 children of Norway?"


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    opened = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await opened.ingest([PAPER, OTHER])
    yield opened
    opened.close()


def swapped(library: Library) -> dict[str, str]:
    return Swaps([PAPER, OTHER], library, [QUESTION, "Who flew safely over deserts at night?"]).of(QUESTION, PAPER)


async def test_each_kind_of_restriction_is_swapped(library: Library) -> None:
    found = swapped(library)
    assert {"word", "phrase", "number", "added"} < found.keys()
    assert found.keys() & {"age", "place"}


async def test_what_is_put_in_is_nowhere_in_the_paper(library: Library) -> None:
    held = set(content_stems(f"{PAPER.title}. {PAPER.abstract}"))
    for altered in swapped(library).values():
        assert set(content_stems(altered)) - set(content_stems(QUESTION)) - held


async def test_a_value_is_swapped_by_one_of_its_slot(library: Library) -> None:
    found = swapped(library)
    (slot,) = found.keys() & {"age", "place"}
    assert {value.slot for value in slots.said(QUESTION) ^ slots.said(found[slot])} == {slot}


async def test_the_same_library_and_questions_give_the_same_swaps(library: Library) -> None:
    assert swapped(library) == swapped(library)


async def test_a_question_without_a_word_of_the_paper_gets_an_addition_only(library: Library) -> None:
    assert Swaps([PAPER, OTHER], library, []).of("Why?", PAPER).keys() == {"added"}
