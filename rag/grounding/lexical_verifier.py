"""The offline verifier: does a claim's wording stand in its quotes, and what does it change in them?

It compares words, numbers and names, and aligns the claim with the sentence that it resembles (`contradictions.py`).
A contradiction in other words than the abstract's it does not see.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from rag.grounding import contradictions
from rag.text.analysis import content_stems, share
from rag.text.entities import Quantity, has_name, names, quantities
from rag.text.language import language_of
from rag.text.readable import in_print
from rag.types import Passage, Quote, Support

SUPPORTED_SHARE = 0.6
PARTIAL_SHARE = 0.3
"""How much of a claim's content words its quotes and their titles must hold to support it wholly, or in part."""

CLEAR_WORDS = 4
"""How many content words say enough to be compared."""

OTHER_LANGUAGE = "it is in another language than the abstract, so its words can't be compared"
"""The reason for a verdict on a claim of which at most the numbers could be compared."""

_AUTHORS = frozenset(content_stems("the present authors"))
_SAYING = frozenset(content_stems("abstracts papers studies say report show find according to"))
_BESIDE_A_DIGIT = re.compile(r"(?<=[^\x00-\u02ff])(?=\d)|(?<=[\d%])(?=[^\x00-\u02ff])")
"""Between a number and a letter of a script that has no blanks."""

_CLAUSE = re.compile(r"(?<=[^\d])[,;:]|[,;:](?=\D)|\b(?:and|while|whereas|but|compared|versus|vs)\b", re.IGNORECASE)


class LexicalVerifier:
    """Checks in this order: words, what the claim changes, numbers and names that stand nowhere or elsewhere."""

    def verify(self, claim: str, quotes: Sequence[Quote], question: str = "") -> Support:
        """Words that the claim repeats from the question and that the quotes lack make it partial at worst.

        A claim in another language than the abstracts is never supported: there are no words to compare.
        """
        claim, cited = in_print(claim), _cited(quotes)
        if claim.rstrip(".") in (abstract.title.rstrip(".") for abstract in cited.abstracts):
            return Support(verdict="supported", reason="it is the title of a cited paper")
        claim = _without_lead(claim, cited)
        words = stems_of(claim)
        if not quotes:
            return Support(verdict="unsupported", reason="it cites no abstract")
        if not words and not quantities(claim):
            return Support(verdict="partial", reason="it has no words to compare")
        texts = stems_of(" ".join(cited.quoted))
        held = share(words, texts)
        reason = f"{held:.0%} of its words are in the quotes"
        if held < PARTIAL_SHARE and not _adds_supported_words(claim, texts, question):
            if language_of(claim) != language_of(cited.text):
                return _across_languages(claim, cited)
            return Support(verdict="unsupported", reason=reason)
        sentences = [sentence for abstract in cited.abstracts for sentence in abstract.sentences]
        change = contradictions.find(claim, sentences)
        if change and change.verdict == "contradicted":
            return Support(verdict="contradicted", reason=change.reason)
        if invented := _invented(claim, cited):
            return Support(verdict="unsupported", reason=f"{invented} is not in the cited abstracts")
        if misplaced := next((n for n, near in _segments(claim) if not _in_place(n, near, cited)), None):
            return Support(verdict="partial", reason=f"the abstract gives {misplaced.value:g} for something else")
        if missing := _missing_name(claim, cited):
            return Support(verdict="partial", reason=f"the name {missing!r} is not in the cited abstracts")
        if changed := change.reason if change else contradictions.unfounded_direction(claim, cited.quoted):
            return Support(verdict="partial", reason=changed)
        return Support(verdict="supported" if held >= SUPPORTED_SHARE else "partial", reason=reason)


class _Abstract(NamedTuple):
    """A passage as an answer shows it."""

    title: str
    text: str
    sentences: tuple[str, ...]


class _Cited(NamedTuple):
    """What a claim is compared with: the abstracts it cites, all their words as far as they were shown, and
    the title and sentence of each quote."""

    abstracts: tuple[_Abstract, ...]
    text: str
    quoted: tuple[str, ...]


def _cited(quotes: Sequence[Quote]) -> _Cited:
    abstracts = tuple(map(_abstract, {quote.passage.number: quote.passage for quote in quotes}.values()))
    text = " ".join(f"{abstract.title}. {abstract.text}" for abstract in abstracts)
    quoted = [in_print(said) for quote in quotes for said in (quote.passage.paper.title, quote.sentence.text)]
    return _Cited(abstracts, text, tuple(quoted))


def _abstract(passage: Passage) -> _Abstract:
    sentences = tuple(in_print(sentence.text) for sentence in passage.sentences)
    return _Abstract(in_print(passage.paper.title), in_print(passage.text), sentences)


def _without_lead(claim: str, cited: _Cited) -> str:
    """Without what only says whose words follow: a cited paper by its title or the head of that, or "the papers say".

    A part of a title does not do: a paper on two drugs says one thing of each.
    """
    for title in (abstract.title.rstrip(".") for abstract in cited.abstracts if abstract.title):
        for lead in (f"{title}: ", f"“{title}”: ", f"{title.partition(':')[0].strip()}: "):
            if claim.startswith(lead):
                return claim.removeprefix(lead)
    lead, _, rest = claim.partition(": ")
    return rest if rest and stems_of(lead) and _SAYING.issuperset(stems_of(lead)) else claim


@lru_cache(maxsize=2048)
def stems_of(text: str) -> tuple[str, ...]:
    """The content stems of a text that is compared again and again, without those for its authors ("we")."""
    return tuple(stem for stem in content_stems(text) if stem not in _AUTHORS)


def added_words(claim: str, question: str) -> Sequence[str]:
    """The content stems of the claim that are not the question's."""
    asked = stems_of(question)
    return [word for word in stems_of(claim) if word not in asked]


def _adds_supported_words(claim: str, texts: Sequence[str], question: str) -> bool:
    added = added_words(claim, question)
    return len(added) >= CLEAR_WORDS and share(added, texts) >= SUPPORTED_SHARE


def _across_languages(claim: str, cited: _Cited) -> Support:
    """Only numbers can be compared: `partial` if it has some and the cited papers give them all."""
    claimed, known = quantities(_BESIDE_A_DIGIT.sub(" ", claim)), quantities(cited.text, spelled=True)
    if missing := next((n for n in claimed if not any(n.matches(other) for other in known)), None):
        return Support(verdict="unsupported", reason=f"the number {missing.value:g} is not in the cited abstracts")
    return Support(verdict="partial" if claimed else "unsupported", reason=OTHER_LANGUAGE)


def _invented(claim: str, cited: _Cited) -> str:
    """A number that stands nowhere in the cited papers, or the name it is given for, if none of them has it."""
    claimed = quantities(claim)
    if not claimed:
        return ""
    known = quantities(cited.text, spelled=True)
    for number in claimed:
        if not any(number.matches(other) for other in known):
            return f"the number {number.value:g}"
    missing = _missing_name(claim, cited)
    return f"the name {missing!r}" if missing else ""


def _missing_name(claim: str, cited: _Cited) -> str:
    """A name that stands nowhere in the cited papers; empty where all do. Most stand in the quotes, a shorter text."""
    unquoted = names(claim).difference(*map(names, cited.quoted))
    return next((name for name in sorted(unquoted) if not has_name(cited.text, name)), "")


def _in_place(number: Quantity, named: frozenset[str], cited: _Cited) -> bool:
    """Whether a cited paper gives the number for what the claim names with it, and not for something else."""
    return any(_gives(abstract, number, named) for abstract in cited.abstracts)


def _gives(abstract: _Abstract, number: Quantity, named: frozenset[str]) -> bool:
    if any(number.matches(other) for other in quantities(abstract.title, spelled=True)):
        return True
    open_names = [name for name in named if not has_name(abstract.title, name)]
    given = [text for text in abstract.sentences if any(number.matches(n) for n in quantities(text, spelled=True))]
    return any(_fits(number, open_names, giver, abstract) for giver in given)


def _fits(number: Quantity, named: Sequence[str], giver: str, abstract: _Abstract) -> bool:
    """A name may stand in another sentence than the number, unless that one has numbers of its own for it."""
    elsewhere = [text for text in abstract.sentences if text != giver and quantities(text, spelled=True)]
    absent = [name for name in named if not has_name(giver, name)]
    if any(has_name(text, name) for name in absent for text in elsewhere):
        return False
    return "respectively" in giver or not _swapped(number, named, giver, abstract.title)


def _swapped(number: Quantity, named: Sequence[str], giver: str, title: str) -> bool:
    """Whether the sentence gives the number for another name, and for this name another number."""
    given = [(other, {name for name in others if not has_name(title, name)}) for other, others in _segments(giver)]
    if any(number.matches(other) and (others <= set(named) or set(named) <= others) for other, others in given):
        return False
    return any(name in others for name in named for other, others in given if not number.matches(other))


@lru_cache(maxsize=512)
def _segments(text: str) -> tuple[tuple[Quantity, frozenset[str]], ...]:
    """Each number with the names given with it: those of its clause, and of the clauses before it without a number."""
    found: list[tuple[Quantity, frozenset[str]]] = []
    waiting: frozenset[str] = frozenset()
    for clause in _clauses(text):
        waiting |= names(clause)
        here = quantities(clause)
        if here:
            found += [(number, waiting) for number in here]
            waiting = frozenset()
    if waiting and found:
        found[-1] = (found[-1][0], found[-1][1] | waiting)
    return tuple(found)


def _clauses(text: str) -> Iterator[str]:
    start = 0
    for cut in chain((match.start() for match in _CLAUSE.finditer(text)), (len(text),)):
        yield text[start:cut]
        start = cut
