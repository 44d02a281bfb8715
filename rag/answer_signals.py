"""What the decision to answer rests on: how well the passages fit the question, and what of it they lack.

No signal depends on how the question is capitalised: a word is rare because few papers have it, and a name because it
has a digit, because the passages write it as one, or by its capitals where the question uses capitals for names.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from statistics import fmean

from rag import question as questions
from rag import restrictions
from rag.protocols import NO_WORD, Vocabulary
from rag.text.analysis import content_stems
from rag.text.entities import NAME
from rag.text.language import language_of
from rag.types import Passage

COMPARED = 8
"""The first passage is compared with the ones after it, up to this many in all."""

_CLEAR_LEAD = 0.3
_SOME_LEAD = 0.12
"""A paper that is asked for leads by more than this; by how much more matters less than whether it does."""
_NEUTRAL = {"lead": 0.07, "similarity_lead": 0.1}
"""Where there is nothing to compare the only passage with: between the usual lead of a paper that answers and none."""
_RARE_WORDS = 3
_MANY_WORDS = 20
_SUBJECT_WORDS = 2
_RARE_SHARE = 0.75
"""A word is rare from this share of the idf of a word that no paper has."""
_CAPITALISED = 0.6
_WORD = re.compile(r"[^\W\d_]{3,}")
_NAME_WITH_DIGIT = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*\d)\w+")
_DIGIT = re.compile(r"\d")
_EDGES = ".,;:()[]“”\"'"

_Weight = Callable[[Iterable[str]], float]


def signals(question: str, passages: Sequence[Passage], vocabulary: Vocabulary) -> dict[str, float]:
    """Numbers of about 0 to 1 (those called `..._weight` and leads may be less or more); `passages` has the best first.

    `eval/fit.py` fits their weights in `data/answerability.json`.
    """
    best, others = passages[0], passages[1:COMPARED]
    asked = questions.analyse(question)
    idf = vocabulary.idf(content_stems(question))
    highest = _highest_idf(vocabulary)
    known = {stem: weight for stem, weight in idf.items() if weight < highest}
    text = best.paper.title_and_abstract
    held, title = set(content_stems(text)), set(content_stems(best.paper.title))
    sentences = [set(content_stems(sentence.text)) for sentence in best.sentences]
    missing = {stem: weight / highest for stem, weight in known.items() if stem not in held}
    rarest_held = sorted((weight / highest for stem, weight in idf.items() if stem in held), reverse=True)
    held_known = _share(known, held) if known else 0.0
    closed = float(not asked.open)
    leads = _leads(best, others)
    named = _names(question, passages[:COMPARED]) & idf.keys()

    def weight(wanted: Iterable[str]) -> float:
        return sum(idf.get(stem, 0.0) for stem in wanted) / (sum(idf.values()) or 1.0)

    return {
        "score": best.score,
        **leads,
        "some_lead": min(leads["lead"], _SOME_LEAD),
        "similarity": best.similarity,
        "sentence_similarity": fmean(sorted(sentence.similarity for sentence in best.sentences)[-2:]),
        "held": held_known,
        "held_by_sentence": max(_share(idf, sentence | title) for sentence in sentences) if idf else 0.0,
        "rarest_held": sum(rarest_held[:_RARE_WORDS]) / _RARE_WORDS,
        "rarest_missing": max(missing.values(), default=0.0),
        "missing_weight": sum(missing.values()) / 10,
        "missing_names": weight(named - held),
        "missing_in_phrase": restrictions.rarest_missing_in_phrase(question, text, idf, highest),
        "restriction_unmet": float(restrictions.fit(question, text) != "met"),
        "unknown_words": 1 - len(known) / len(idf) if idf else 0.0,
        "words": min(len(idf), _MANY_WORDS) / _MANY_WORDS,
        "closed": closed,
        "closed_missing": closed * (1 - held_known),
        "several_papers": float(asked.shape != "single"),
        "rare_answer_type": float(asked.rare_answer_type and asked.shape != "list"),
        "metric_without_number": float(any(not questions.has_number_near(metric, text) for metric in asked.metrics)),
        "count_without_number": float(any(not questions.has_number_near(counted, text) for counted in asked.counted)),
        "condition_mismatch": _unmet(named - title, best, weight) if asked.asks_quantity else 0.0,
    }


def lacks_what_is_asked(question: str, passage: Passage, vocabulary: Vocabulary) -> bool:
    """Whether the paper has nothing of the kind that is asked for, such as a price, or is about another group or drug,
    or about something else altogether.

    Then it does not answer, however well it fits. What two papers are compared on, or many are listed for, one alone
    need not have.
    """
    asked = questions.analyse(question)
    text = passage.paper.title_and_abstract
    if _shares_no_word(question, text) or restrictions.lacks_other_case(question, text, vocabulary):
        return True
    if asked.shape != "list" and asked.answer_type_missing(text):
        return True
    return asked.shape == "single" and restrictions.fit(question, text) == "conflict"


def _shares_no_word(question: str, text: str) -> bool:
    """Whether a text in the language of the question has none of its words: of 229 answers of two fields none did."""
    asked = content_stems(question)
    return bool(asked) and set(asked).isdisjoint(content_stems(text)) and language_of(question) == language_of(text)


def holds_subject(question: str, passages: Sequence[Passage], vocabulary: Vocabulary) -> bool:
    """Whether a passage has one of the question's rarest words, so that it may be about the same.

    Its rarest words may be ones that no paper has, misspelt perhaps; then the rare ones that papers have count as well.
    """
    idf = vocabulary.idf(content_stems(question))
    highest = _highest_idf(vocabulary)
    least = sorted(idf.values(), reverse=True)[:_SUBJECT_WORDS]
    subject = {stem for stem, weight in idf.items() if weight >= least[-1] or _RARE_SHARE * highest <= weight < highest}
    return any(not subject.isdisjoint(content_stems(passage.paper.title_and_abstract)) for passage in passages)


def _leads(best: Passage, others: Sequence[Passage]) -> dict[str, float]:
    """How far the best passage is ahead of the mean of the others: a scale that each library sets for itself."""
    if not others:
        return dict(_NEUTRAL)
    return {
        "lead": min(best.score - fmean(other.score for other in others), _CLEAR_LEAD),
        "similarity_lead": best.similarity - fmean(other.similarity for other in others),
    }


def _names(question: str, passages: Sequence[Passage]) -> set[str]:
    """The stems of the question's names, in whatever case they are written."""
    words = [word.strip(_EDGES) for word in question.split()]
    lowered = {word.lower() for word in words}
    capitalised = [word[0].isupper() for word in _WORD.findall(question)]
    found = _NAME_WITH_DIGIT.findall(question)
    if sum(capitalised) < _CAPITALISED * len(capitalised):
        found += NAME.findall(question)
    for passage in passages:
        written = {word for word in passage.paper.title_and_abstract.split() if not word.islower()}
        bare = [word for raw in written if (word := raw.strip(_EDGES)).lower() in lowered]
        found += filter(NAME.fullmatch, bare)
    return {stem for name in found for stem in content_stems(name) if not stem.isdigit()}


def _unmet(conditions: Collection[str], passage: Passage, weight: _Weight) -> float:
    """How much of the names (data set, setting) no single sentence with a number has."""
    if not conditions:
        return 0.0
    sentences = [sentence.text for sentence in passage.sentences if _DIGIT.search(sentence.text)]
    met = max((weight(set(content_stems(sentence)) & set(conditions)) for sentence in sentences), default=0.0)
    return weight(conditions) - met


def _share(idf: Mapping[str, float], held: Collection[str]) -> float:
    return sum(weight for stem, weight in idf.items() if stem in held) / (sum(idf.values()) or 1.0)


def _highest_idf(vocabulary: Vocabulary) -> float:
    """The weight of a word that no paper has."""
    return vocabulary.idf([NO_WORD])[NO_WORD] or 1.0
