"""What the authors say of themselves, as another says it of them: "We propose" becomes "The authors propose"."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cache

from rag.text.vocabulary import words

_QUOTED = re.compile(
    r"\A[^“”]*”|“[^”]*(?:”|\Z)|``.*?(?:''|\Z)|(?<!\w)\"[^\"]*(?:\"|\Z)|(?<!\w)‘[^’]{3,}’(?!\w)", re.DOTALL
)
_PERSON = re.compile(
    r"(?<![\w@./’'-])(?P<word>[Ww]e|[Oo]urs?|us|[Oo]urselves|I|[Mm]y|me|[Mm]yself)(?P<short>['’](?:re|ve|ll|m)\b)?"
    r"(?![\w’'@-]|[./]\w)"
)
_SELF = re.compile(r"(?:\A|[,;:(–—] ?|\b(?:that|and|which|as|but|because|where|while|whether|if|then|what) )I\Z")
_ADVERBS = r"(?:(?:also|first|then|thus|therefore|further|\w+ly) )*"
_NEXT = re.compile(rf" (?P<adverbs>{_ADVERBS})(?P<verb>[a-z]+)")
_AND_VERB = re.compile(r"(?P<and>\band (?:also |then |\w+ly )?)(?P<verb>[a-z]+)\b")
_WITHIN = re.compile(r"[\w,;:)–—]\s*\Z")
_PREVIOUS = re.compile(r"(\w+)\W*\Z")
_OF_ALL = re.compile(r"(?:\w+ )?(\w+)")
_SHORT = {"re": "are", "m": "am", "ve": "have", "ll": "will"}
_LATER = {"we": "they", "i": "they", "our": "their", "my": "their", "ours": "theirs", "us": "them", "me": "them",
          "ourselves": "themselves", "myself": "themselves"}  # fmt: skip
_POSSESSIVE = frozenset({"our", "my", "ours"})
_REFLEXIVE = frozenset({"ourselves", "myself"})
_IRREGULAR = {"have": "has", "am": "is", "do": "does"}
_AFTER_THEY = {"am": "are", "was": "were"}


def rewrite(sentence: str) -> str:
    """The sentence in the third person: "the authors" once, then "they"; in quotation marks nothing changes.

    A single author ("I") is "the author". "We" of everybody ("as we age") stays, and so do names such as We-Math.
    """
    found = list(_pronouns(sentence))
    if not found:
        return sentence
    is_one = any(match["word"] == "I" for match in found) and not any(match["word"].lower() == "we" for match in found)
    noun = "author" if is_one or all(match["word"].lower() in ("my", "me", "myself") for match in found) else "authors"
    named = f"the present {noun}" if re.search(r"\bauthors?\b", sentence, re.IGNORECASE) else f"the {noun}"
    told, done = [], 0
    for position, match in enumerate(found):
        told.append(sentence[done : match.start()])
        word, verb = match["word"].lower(), _NEXT.match(sentence, match.end())
        done = match.end()
        is_first = position == 0 and word not in _REFLEXIVE
        subject = "the" if _is_shared(sentence, match) else _first(word, named) if is_first else _LATER[word]
        told.append(_like(match["word"], subject, sentence, match.start()))
        if match["short"]:
            told[-1] += " " + _agreeing(_SHORT[match["short"][1:]], is_first and is_one)
        elif word == "i" and verb:
            told[-1] += f" {verb['adverbs']}{_agreeing(verb['verb'], is_first and is_one)}"
            done = verb.end()
    rest = "".join(told[2:]) + sentence[done:]
    return "".join(told[:2]) + (_with_agreement(rest) if is_one and found[0]["word"] == "I" else rest)


def _pronouns(sentence: str) -> Iterator[re.Match[str]]:
    """The words that stand for the authors, in order."""
    quoted = [match.span() for match in _QUOTED.finditer(sentence)]
    found = [m for m in _PERSON.finditer(sentence) if not _is_within(m.start(), quoted)]
    has_self = any(m["word"] == "I" and _is_pronoun(sentence, m) for m in found)
    for match in found:
        word = match["word"]
        if word == "I":
            is_meant = _is_pronoun(sentence, match)
        elif word in ("me", "my", "myself"):
            is_meant = has_self or word == "my"
        else:
            is_meant = not _is_generic(sentence, match)
        if is_meant:
            yield match


def _is_within(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    before = bisect_left(spans, (place, 0)) - 1
    return before >= 0 and place < spans[before][1]


def _is_pronoun(sentence: str, match: re.Match[str]) -> bool:
    """Whether an I is a person, and not a number or a symbol."""
    if match["short"]:
        return True
    verb = _NEXT.match(sentence, match.end())
    if not verb or not _SELF.search(sentence[: match.end()]):
        return False
    return verb["verb"] in _verbs() or verb["verb"] in _unchanged() or verb["verb"].endswith("ed")


def _is_generic(sentence: str, match: re.Match[str]) -> bool:
    """Whether it is everybody, not the authors."""
    word = match["word"].lower()
    after = re.match(r" (\w+)", sentence[match.end() :])
    before = _PREVIOUS.search(sentence, max(0, match.start() - 40), match.start())
    if word == "us":
        near = before[1].lower() if before else ""
        of_all = near == "of" and re.search(r"(\w+) of \Z", sentence[: match.start()])
        return near in _listed("generic_us") - {"all", "most"} or bool(of_all and of_all[1] in _listed("generic_us"))
    return after is not None and after[1] in _listed("generic_we" if word == "we" else "generic_our")


def _is_shared(sentence: str, match: re.Match[str]) -> bool:
    """Whether it is knowledge that everybody has; "to our knowledge" is the authors' own."""
    if match["word"].lower() not in ("our", "my"):
        return False
    after = _OF_ALL.match(sentence, match.end() + 1)
    is_own = re.search(r"\b(?:to|of) (?:the best of )?\Z", sentence[: match.start()], re.IGNORECASE)
    return not is_own and after is not None and bool({*after[0].split()} & _listed("shared"))


def _first(word: str, named: str) -> str:
    if word not in _POSSESSIVE:
        return named
    return f"{named}'" if named.endswith("s") else f"{named}'s"


def _like(written: str, said: str, sentence: str, start: int) -> str:
    """With a capital where the word had one at the beginning of a sentence."""
    is_capital = written[0].isupper() and not _WITHIN.search(sentence[:start])
    return said[0].upper() + said[1:] if is_capital else said


def _agreeing(verb: str, is_singular: bool) -> str:
    """The verb after "the author", or after "they"."""
    if not is_singular:
        return _AFTER_THEY.get(verb, verb)
    if verb in _IRREGULAR or verb in _unchanged() or verb not in _verbs():
        return _IRREGULAR.get(verb, verb)
    if re.search(r"(?:s|x|z|ch|sh)\Z", verb):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if re.search(r"[^aeiou]y\Z", verb) else f"{verb}s"


def _with_agreement(rest: str) -> str:
    """With the s on a verb that follows the first: "The author reviews ... and discusses ..."."""
    return _AND_VERB.sub(lambda m: m["and"] + _agreeing(m["verb"], m["verb"] in _listed("verbs")), rest, count=1)


@cache
def _listed(name: str) -> frozenset[str]:
    return frozenset(words("first_person")[name].split())


@cache
def _verbs() -> frozenset[str]:
    return _listed("verbs") | _listed("verbs_or_nouns") | {"have", "am"}


@cache
def _unchanged() -> frozenset[str]:
    return _listed("unchanged") - {"have", "do"}
