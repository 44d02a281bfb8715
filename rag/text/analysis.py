"""The words of a text: the analyser that the keyword index and the rules share, and the stems that carry content."""

import re
from collections.abc import Sequence
from unicodedata import normalize

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

ANALYSER_NAME = "english_1"
"""A keyword index remembers this name and refuses one of another name, so change it with the analyser."""

# Words that say how a question is put rather than what it is about. Halves of contractions come last.
_STOP_WORDS = """
a about above across after again against all almost also although always am among an and another any anybody anyone
anything are around as at be because been before being below between both but by can cannot could did do does doing done
down during each either else enough even ever every everyone everything few for from further get gets give given gives
go goes got had has have having he her here hers herself him himself his how however i if in instead into is it its
itself just least less let lets like many may me might mine more most much must my myself near neither no nor not now of
off often on once only onto or other others our ours ourselves out over own per perhaps please pls quite rather really
same say says shall she should since so some somebody someone something still such than that the their theirs them
themselves then there these they thing things this those though through thus to too toward towards under until up upon
us use used uses using very via was we well were what whatever whats when where whether which while who whom whose why
will with within without would yes yet you your yours yourself yourselves
d doesn don didn hadn hasn isn ll m s t ve wasn weren wouldn aren couldn shouldn
"""


def _make_analyser() -> TextAnalyzer:
    words = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(64))
    folded = words.filter(Filter.lowercase()).filter(Filter.ascii_fold())
    return folded.filter(Filter.custom_stopword(_STOP_WORDS.split())).filter(Filter.stemmer("english")).build()


ANALYSER = _make_analyser()


def stems(text: str) -> list[str]:
    """The words of the text as the keyword index knows them: stems in order, repeated as in the text, no stop words."""
    return ANALYSER.analyze(normalise(text))


def normalise(text: str) -> str:
    """Accents composed with their letters (NFC), and no lone surrogates."""
    return normalize("NFC", replace_surrogates(text))


def replace_surrogates(text: str) -> str:
    """A question mark for each lone surrogate, which UTF-8 can't encode and other libraries refuse; offsets stay."""
    return text.encode("utf-8", "replace").decode()


_ASKING = stems(
    "a about an and any anyone anything are as at be been but by can could did do does each else everything exact "
    "exactly explain for from give had has have how i if in into is it its kind kinds list me mean means much my need "
    "no not number of on one ones or our out paper papers please pls publication says so some somebody someone sort "
    "sorts study such tell than that the their them then there they thing this those to two up us use used uses using "
    "was we were what whats when where which who whom whose why will with without work works would you your"
)
_FUNCTION_STEMS = frozenset(_ASKING)
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)*|\d+(?:\.\d+)*")


def content_stems(text: str) -> list[str]:
    """The distinct stems that say what a question is about, in order of appearance."""
    return list(dict.fromkeys(stem for stem in stems(text) if stem not in _FUNCTION_STEMS and len(stem) > 1))


def numbers(text: str) -> set[str]:
    """The numbers in a text, written without separators of thousands."""
    return {match.replace(",", "") for match in _NUMBER.findall(text)}


def share(part: Sequence[str], whole: Sequence[str]) -> float:
    """How much of `part` stands in `whole`, 0 to 1; nothing is wholly contained in anything."""
    distinct = set(part)
    return len(distinct & set(whole)) / len(distinct) if distinct else 1.0
