"""The highest or lowest value of a measure that the abstracts give, where their numbers can be compared."""

from collections.abc import Collection
from dataclasses import dataclass

from rag.catalog_questions.composition import CatalogAnswer, Statement, compose, item, passages_of
from rag.catalog_questions.recognition import CatalogQuestion
from rag.library.library import Library
from rag.text.analysis import content_stems
from rag.text.entities import Quantity, quantities, words_and_numbers
from rag.text.vocabulary import pattern
from rag.types import Passage, PassageSentence

_MOST_READ = 50
_WORDS_TO_THE_NUMBER = 8


@dataclass(frozen=True)
class _Value:
    """The value that a paper gives, and the sentence that gives it."""

    passage: Passage
    sentence: PassageSentence
    quantity: Quantity


async def answer(asked: CatalogQuestion, library: Library, allowed: Collection[str] | None) -> CatalogAnswer | None:
    """The values, the extreme one first, each with its sentence.

    None unless at least two papers give one, all in the same unit, and every paper that speaks of it can be compared.
    """
    stems = content_stems(f"{asked.measure} {asked.topic}")
    ids = await library.having_all(stems, allowed)
    vector = await library.embedder.embed_query(f"{asked.measure} {asked.topic}")
    passages = await passages_of(library, ids[:_MOST_READ], vector)
    values = [value for passage in passages for value in _values(passage, asked.measure, set(stems))]
    papers = {value.passage.paper.id for value in values}
    if len(ids) > _MOST_READ or not 2 <= len(papers) == len(values) or len({v.quantity.unit for v in values}) > 1:
        return None
    ranked = sorted(values, key=lambda value: value.quantity.value, reverse=_highest(asked))
    shown = await passages_of(library, [value.passage.paper.id for value in ranked], vector)
    first = ranked[0].quantity
    value = f"{first.value:g}{'' if first.unit in ('', '%') else ' '}{first.unit}"
    place = "highest" if _highest(asked) else "lowest"
    head = f"The {place} {asked.measure} on {asked.topic} that an abstract gives is {value}:"
    items = [item(passage, value.sentence) for passage, value in zip(shown, ranked, strict=True)]
    notice = f"Compared are {len(ranked)} abstracts that give one in the same unit; their settings may differ."
    return compose("answered", [Statement(text=head), *items], shown, notice=notice)


def _values(passage: Passage, measure: str, stems: set[str]) -> list[_Value]:
    """Each number near the measure in a sentence that has all the words; one that tells a change is none."""
    return [
        _Value(passage, sentence, quantity)
        for sentence in passage.sentences
        if stems <= set(content_stems(sentence.text)) and not pattern("catalog.change").search(sentence.text)
        for quantity in quantities(sentence.text)
        if _is_near(measure, quantity, sentence.text)
    ]


def _is_near(measure: str, quantity: Quantity, text: str) -> bool:
    wanted = set(content_stems(measure))
    before = [word for word, _ in words_and_numbers(text[: quantity.start])][-_WORDS_TO_THE_NUMBER:]
    after = [word for word, _ in words_and_numbers(text[quantity.start :])][: _WORDS_TO_THE_NUMBER + 1]
    return wanted <= set(content_stems(" ".join([*before, *after])))


def _highest(asked: CatalogQuestion) -> bool:
    """Of a best error the lowest is meant."""
    if asked.extreme in ("best", "worst"):
        lower = pattern("catalog.lower_is_better").search(asked.measure) is not None
        return (asked.extreme == "best") != lower
    return pattern("catalog.upward").search(asked.extreme) is not None
