"""Changes a sentence of an abstract in ways that keep what it says, or do not: made by rule, seeded, and repeatable.

The word lists are short, and are not those of the product's verifier. But the same hand wrote both, and most opposites
stand in both: `eval/results/support.md` says what is seen of words that the verifier does not know.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

Kind = Literal["verbatim", "softened", "negated", "opposite", "number", "name"]
KINDS: tuple[Kind, ...] = ("verbatim", "softened", "negated", "opposite", "number", "name")
KEEPS_MEANING: frozenset[Kind] = frozenset({"verbatim", "softened"})

_AUXILIARY = re.compile(r"\b(is|are|was|were|can|could|will|should|has been|have been)\b(?! not\b)(?= \w)")
_PRESENT = (
    "improves increases reduces outperforms achieves requires provides enables shows reveals learns uses yields causes "
    "inhibits affects predicts produces suggests allows supports contributes generates represents leads depends"
)
_PAST = (
    "improved increased reduced outperformed achieved required provided showed revealed caused inhibited affected "
    "predicted produced induced decreased prevented enhanced associated resulted"
)
_BASES = {"achieves": "achieve", "uses": "use", "causes": "cause", "reduces": "reduce", "improves": "improve",
          "increases": "increase", "enables": "enable", "requires": "require", "provides": "provide",
          "produces": "produce", "generates": "generate", "contributes": "contribute"}  # fmt: skip
_ONLY_E = re.compile(r"(?:improv|increas|reduc|achiev|requir|provid|caus|produc|induc|decreas|enhanc|associat)ed\Z")
"""Verbs of which only the d goes."""
_BEFORE_NO_VERB = "the an a and was were is are been have has of with by"
_PLURAL = re.compile(r"\b([Ww]e|[Tt]hey|[Rr]esults|[Ee]xperiments) (show|find|propose|present|demonstrate|introduce)\b")

_OPPOSITES_TEXT = """
increase/decrease increases/decreases increased/decreased increasing/decreasing improve/worsen improves/worsens
improved/worsened higher/lower high/low better/worse best/worst more/less larger/smaller large/small faster/slower
fast/slow reduce/raise reduces/raises reduced/raised reducing/raising positive/negative positively/negatively
before/after with/without strong/weak stronger/weaker enhances/impairs enhanced/impaired promotes/suppresses
promoted/suppressed gain/loss greater/smaller effective/ineffective efficient/inefficient outperforms/underperforms
significant/insignificant accurate/inaccurate same/different early/late long/short longer/shorter able/unable
simple/complex common/rare activation/inhibition upregulated/downregulated stable/unstable dependent/independent
success/failure robust/fragile most/fewest above/below maximum/minimum presence/absence
"""
_PAIRS = [pair.split("/") for pair in _OPPOSITES_TEXT.split()]
_OPPOSITES = {a: b for one, other in _PAIRS for a, b in ((one, other), (other, one))}
_OPPOSITE = re.compile(rf"\b(?:{'|'.join(sorted(_OPPOSITES, key=len, reverse=True))})\b", re.IGNORECASE)

_MILDER = {
    "demonstrate": "suggest", "demonstrates": "suggests", "demonstrated": "suggested", "show": "indicate",
    "shows": "indicates", "showed": "indicated", "reveal": "show", "revealed": "found", "utilize": "use",
    "propose": "present", "introduce": "present", "obtained": "reached", "achieves": "reaches", "achieve": "reach",
    "employed": "used", "investigated": "studied", "examined": "studied", "found": "observed", "enables": "allows",
}  # fmt: skip
_MILDER_WORD = re.compile(rf"\b(?:{'|'.join(_MILDER)})\b")
_ADVERB = re.compile(
    r"\b(?:significantly|substantially|consistently|highly|greatly|also|clearly|markedly|strongly|very) "
)
_HEDGED = re.compile(r"\b(is|are|was|were)\b(?! not)(?= \w)")
_LEADING = re.compile(r"(?P<first>(?:In|On|For|By|With|Using|During|After|When|Compared with|To) [^,.;:()]{8,90}), "
                      r"(?P<rest>[^.;:]{30,})\.\Z")  # fmt: skip
_TRAILING = re.compile(
    r"(?P<kept>.{50,}?), (?:which|suggesting|indicating|thus|thereby|leading|making|and|while) .{12,}\Z"
)
_PREFIXES = ("The authors report that ", "According to the abstract, ", "The results suggest that ")

_NUMBER = re.compile(r"(?<![\w.,/–-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w/–-]|[.,]\d)")
_NAME = re.compile(r"(?<![\w-])(?:[A-Z]+[a-z]*\d[\w-]*|[A-Z][a-z]+[A-Z]\w*|[A-Z]{3,}(?:-[A-Z\d]\w*)?)(?![\w-])")
_HEADING = re.compile(r"(?:[A-Z]{7,}|RESULTS?|PURPOSE|DESIGN|AIMS?|MAIN|DATA|AND|THE|FOR|WITH)\Z")

Maker = Callable[[str, str, random.Random], str]


def variants(sentence: str, abstract: str, seed: str) -> Mapping[Kind, str]:
    """The kinds of change that the sentence allows, each with the changed sentence; the same for the same seed."""
    found = {kind: make(sentence, abstract, random.Random(f"{seed} {kind}")) for kind, make in _MAKERS.items()}
    return {kind: text for kind, text in found.items() if text and (kind == "verbatim" or text != sentence)}


def _verbatim(sentence: str, abstract: str, chance: random.Random) -> str:
    return sentence


def _softened(sentence: str, abstract: str, chance: random.Random) -> str:
    """A milder wording: a hedge, a milder verb, without an adverb or a clause, or the clauses in another order."""
    ways = [
        _HEDGED.sub(
            lambda found: {"was": "may have been", "were": "may have been"}.get(found[1], "may be"), sentence, 1
        ),
        _MILDER_WORD.sub(lambda found: _MILDER[found[0]], sentence, count=1),
        _ADVERB.sub("", sentence, count=1),
        _LEADING.sub(lambda found: f"{_upper(found['rest'])} {_lower(found['first'])}.", sentence),
        _TRAILING.sub(lambda found: f"{found['kept']}.", sentence),
        f"{chance.choice(_PREFIXES)}{_lower(sentence)}",
    ]
    return chance.choice([way for way in ways if way != sentence])


def _negated(sentence: str, abstract: str, chance: random.Random) -> str:
    """The first verb that it knows, negated."""
    ways = [
        _AUXILIARY.sub(lambda found: _after_first_word(found[1], "not"), sentence, count=1),
        _PLURAL.sub(r"\1 do not \2", sentence, count=1),
        _verbs(_PRESENT).sub(lambda found: f"does not {_BASES.get(found[0], found[0][:-1])}", sentence, count=1),
        _verbs(_PAST).sub(
            lambda found: f"did not {found[0][: -1 if _ONLY_E.match(found[0]) else -2]}", sentence, count=1
        ),
    ]
    return chance.choice([way for way in ways if way != sentence] or [""])


def _opposite(sentence: str, abstract: str, chance: random.Random) -> str:
    """One word replaced by its opposite."""
    places = [found for found in _OPPOSITE.finditer(sentence) if sentence[found.end() : found.end() + 1] != "-"]
    if not places:
        return ""
    place = chance.choice([p for p in places if p[0].lower() not in ("with", "without")] or places)
    word = _OPPOSITES[place[0].lower()]
    return _replaced(sentence, place, _upper(word) if place[0][0].isupper() else word)


def _number(sentence: str, abstract: str, chance: random.Random) -> str:
    """One number replaced by another of the abstract."""
    return _swapped(_NUMBER, sentence, abstract, chance)


def _name(sentence: str, abstract: str, chance: random.Random) -> str:
    """One name replaced by another of the abstract."""
    return _swapped(_NAME, sentence, abstract, chance)


def _swapped(pattern: re.Pattern[str], sentence: str, abstract: str, chance: random.Random) -> str:
    places = [found for found in pattern.finditer(sentence) if not _HEADING.match(found[0])]
    if not places:
        return ""
    place = chance.choice(places)
    others = {other for other in pattern.findall(abstract) if not _HEADING.match(other)}
    others = {other for other in others if not _same(place[0], other)}
    return _replaced(sentence, place, chance.choice(sorted(others))) if others else ""


_MAKERS: Mapping[Kind, Maker] = {
    "verbatim": _verbatim,
    "softened": _softened,
    "negated": _negated,
    "opposite": _opposite,
    "number": _number,
    "name": _name,
}


def _verbs(words: str) -> re.Pattern[str]:
    """The verbs with a subject before them, and not such as "the improved model"."""
    not_after = "".join(f"(?<!{word} )" for word in _BEFORE_NO_VERB.split())
    return re.compile(rf"(?<=[a-z\d)] ){not_after}(?:{'|'.join(words.split())})(?= \w)")


def _same(one: str, other: str) -> bool:
    """Whether two numbers are equal, or two names are one but for hyphens, case, and what one of them adds."""
    if one[0].isdigit():
        return float(one.replace(",", "")) == float(other.replace(",", ""))
    a, b = (re.sub(r"[^a-z0-9]", "", name.lower()) for name in (one, other))
    return a in b or b in a


def _replaced(sentence: str, place: re.Match[str], word: str) -> str:
    return f"{sentence[: place.start()]}{word}{sentence[place.end() :]}"


def _after_first_word(words: str, added: str) -> str:
    first, _, rest = words.partition(" ")
    return " ".join(word for word in (first, added, rest) if word)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    """With a small first letter, unless the first word is a name or "I"."""
    return text[:1].lower() + text[1:] if re.match(r"[A-Z][a-z]+\b|A\b", text) else text


def usable(sentences: Sequence[str]) -> list[str]:
    """The sentences that are long enough to be changed and have no marks, questions or several sentences in them."""
    return [s for s in sentences if 9 <= len(s.split()) <= 60 and s.endswith(".") and "[" not in s]
