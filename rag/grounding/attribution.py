"""Which words of an abstract bear out a sentence, and how far: lexical and numeric, so it can't see a contradiction."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from rag.text.analysis import content_stems, numbers, share
from rag.text.entities import Figure, figures, names, stands_in
from rag.types import Passage, PassageSentence, Support

SUPPORTED_SHARE = 0.6
PARTIAL_SHARE = 0.3
"""How much of a sentence's content words its quotes and their titles must hold to bear it out wholly, or in part."""

CLEAR_WORDS = 4
"""How many content words it takes to trace a sentence to an abstract that its writer did not name."""

_MOST_QUOTES = 3
_WORTH_A_QUOTE = 0.2
"""How much more of the content words a further quote from the same abstract must hold."""

_CLAUSE = re.compile(r"(?<=[^\d])[,;:]|[,;:](?=\D)|\b(?:and|while|whereas|but|compared|versus|vs)\b", re.IGNORECASE)


class Quoted(NamedTuple):
    """A sentence of a passage that bears out a sentence of the answer."""

    passage: Passage
    evidence: PassageSentence


def quotes(claim: str, passage: Passage) -> list[Quoted]:
    """The sentence of the passage that holds most of the claim, then those that add much to it; at least one."""
    wanted, missing = set(_telling(claim)), numbers(claim)
    chosen: list[PassageSentence] = []
    while len(chosen) < min(_MOST_QUOTES, len(passage.sentences)):
        rest = [evidence for evidence in passage.sentences if evidence not in chosen]
        best = max(rest, key=lambda evidence: _fit(claim, wanted, missing, evidence))
        gained = wanted & set(_telling(best.text))
        figured = missing & numbers(best.text)
        if chosen and not figured and len(gained) < max(2, _WORTH_A_QUOTE * len(_telling(claim))):
            break
        chosen.append(best)
        wanted, missing = wanted - gained, missing - figured
    return [Quoted(passage, evidence) for evidence in chosen]


def clear(claim: str, passages: Sequence[Passage], question: str = "") -> Passage | None:
    """The passage with a sentence that alone holds the claim, or at least what it adds to the question.

    None if there is none, or if the claim says too little to go by.
    """
    wanted = [words for words in (_telling(claim), _added(claim, question)) if len(words) >= CLEAR_WORDS]

    def held(passage: Passage) -> float:
        return max((share(words, _telling(e.text)) for words in wanted for e in passage.sentences), default=0.0)

    for passage in sorted(passages, key=held, reverse=True):
        if held(passage) < SUPPORTED_SHARE:
            return None
        if verdict(claim, quotes(claim, passage)[:1], question) != "unsupported":
            return passage
    return None


def verdict(claim: str, quoted: Sequence[Quoted], question: str = "") -> Support:
    """How far the quotes bear out the claim, which has no marks.

    Words that it repeats from the question and that the quotes lack make it partial at worst.
    """
    words = _telling(claim)
    if not quoted or not (words or figures(claim)):
        return "partial" if quoted else "unsupported"
    texts = _telling(" ".join(f"{passage.paper.title} {evidence.text}" for passage, evidence in quoted))
    held = share(words, texts)
    added = _added(claim, question)
    echoes = len(added) >= CLEAR_WORDS and share(added, texts) >= SUPPORTED_SHARE
    if (held < PARTIAL_SHARE and not echoes) or _made_up(claim, quoted):
        return "unsupported"
    misplaced = not all(_in_place(figure, named, quoted) for figure, named in _segments(claim))
    missing = any(not stands_in(name, _everything(quoted)) for name in names(claim))
    return "supported" if held >= SUPPORTED_SHARE and not misplaced and not missing else "partial"


def _added(claim: str, question: str) -> Sequence[str]:
    asked = _telling(question)
    return [word for word in _telling(claim) if word not in asked]


def _fit(claim: str, wanted: set[str], missing: set[str], evidence: PassageSentence) -> tuple[float, float]:
    words = _telling(evidence.text)
    of_claim = len(wanted & set(words)) / max(len(_telling(claim)), 1)
    return of_claim + len(missing & numbers(evidence.text)), evidence.similarity


def _made_up(claim: str, quoted: Sequence[Quoted]) -> bool:
    """Whether a figure stands nowhere in the papers cited, or belongs to something that none of them names."""
    wanted = figures(claim)
    everything = _everything(quoted)
    known = _figures(everything)
    if any(not any(figure.matches(other) for other in known) for figure in wanted):
        return True
    return bool(wanted) and any(not stands_in(name, everything) for name in names(claim))


def _in_place(figure: Figure, named: frozenset[str], quoted: Sequence[Quoted]) -> bool:
    """Whether a sentence tells the figure of what the claim names with it, and not of something else."""
    return any(_tells(passage, figure, named) for passage in dict.fromkeys(quote.passage for quote in quoted))


def _tells(passage: Passage, figure: Figure, named: frozenset[str]) -> bool:
    title = passage.paper.title
    if any(figure.matches(other) for other in _figures(title)):
        return True
    open_names = [name for name in named if not stands_in(name, title)]
    tellers = [e.text for e in passage.sentences if any(figure.matches(other) for other in _figures(e.text))]
    return any(_fits(figure, open_names, teller, passage) for teller in tellers)


def _fits(figure: Figure, named: Sequence[str], teller: str, passage: Passage) -> bool:
    """A name may stand in another sentence than the figure, unless that one has figures of its own for it."""
    elsewhere = [e.text for e in passage.sentences if e.text != teller and _figures(e.text)]
    absent = [name for name in named if not stands_in(name, teller)]
    if any(stands_in(name, text) for name in absent for text in elsewhere):
        return False
    return "respectively" in teller or not _swapped(figure, named, teller, passage.paper.title)


def _swapped(figure: Figure, named: Sequence[str], teller: str, title: str) -> bool:
    """Whether the sentence tells the figure of another name, and of this name another figure."""
    told = [(other, {name for name in others if not stands_in(name, title)}) for other, others in _segments(teller)]
    if any(figure.matches(other) and (others <= set(named) or set(named) <= others) for other, others in told):
        return False
    return any(name in others for name in named for other, others in told if not figure.matches(other))


@lru_cache(maxsize=512)
def _segments(text: str) -> tuple[tuple[Figure, frozenset[str]], ...]:
    """Each figure with the names told with it: those of its clause, and of the clauses before it without a figure."""
    found: list[tuple[Figure, frozenset[str]]] = []
    waiting: frozenset[str] = frozenset()
    for clause in _clauses(text):
        waiting |= names(clause)
        here = figures(clause)
        if here:
            found += [(figure, waiting) for figure in here]
            waiting = frozenset()
    if waiting and found:
        found[-1] = (found[-1][0], found[-1][1] | waiting)
    return tuple(found)


def _clauses(text: str) -> Iterator[str]:
    start = 0
    for cut in chain((match.start() for match in _CLAUSE.finditer(text)), (len(text),)):
        yield text[start:cut]
        start = cut


def _everything(quoted: Sequence[Quoted]) -> str:
    """All words of the papers that are quoted, as far as they were shown."""
    return " ".join(f"{passage.paper.title}. {passage.text}" for passage in dict.fromkeys(q.passage for q in quoted))


@lru_cache(maxsize=2048)
def _telling(text: str) -> tuple[str, ...]:
    return tuple(content_stems(text))


@lru_cache(maxsize=2048)
def _figures(text: str) -> tuple[Figure, ...]:
    return tuple(figures(text, spelled=True))
