"""Passages made of the sentences a test names, and a vocabulary that finds all words equally rare."""

from collections.abc import Mapping, Sequence

from rag.types import Paper, Passage, PassageSentence


class Flat:
    """Every stem weighs the same, except those of `absent`, which no paper has."""

    def __init__(self, absent: Sequence[str] = ()) -> None:
        self._absent = absent

    def idf(self, stems: Sequence[str]) -> Mapping[str, float]:
        return {stem: 5.0 if stem in self._absent else 1.0 for stem in stems}


def passage(
    title: str, *sentences: str, number: int = 1, score: float = 1.0, similarity: Sequence[float] = ()
) -> Passage:
    """A whole abstract as one passage; every sentence is .5 similar to the question unless told."""
    abstract = " ".join(sentences)
    similarities = similarity or [0.5] * len(sentences)
    evidence: list[PassageSentence] = []
    for sentence, likeness in zip(sentences, similarities, strict=True):
        start = evidence[-1].end + 1 if evidence else 0
        evidence.append(PassageSentence(start=start, end=start + len(sentence), text=sentence, similarity=likeness))
    return Passage(
        number=number,
        paper=Paper(id=f"paper-{number}", title=title, abstract=abstract),
        start=0,
        end=len(abstract),
        text=abstract,
        score=score,
        similarity=max(similarities),
        sentences=tuple(evidence),
    )
