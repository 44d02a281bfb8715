"""Which words of a claim stand in a sentence of an abstract, and which words take the place of which."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple

from rag.text.analysis import stems
from rag.text.entities import NAME, normalised_name
from rag.text.opposites import polarity, root
from rag.text.vocabulary import words

Kind = Literal["word", "function word", "number", "name"]

NEGATION = "¬"
"""The root that all plain negating words share."""

_LEAST_MOVED = 3
"""How many words in a row are worth looking for in another place."""

_TOKEN = re.compile(
    r"\d+(?:,\d{3})*(?:\.\d+)?(?:[kKMBT]\b|%)?(?![^\W_])(?![-–][A-Z\d])|[^\W_]+(?:[-–./'’][^\W_]+)*|[,;:()]"
)
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?%?")
_COUNTED = re.compile(r"(\d[\d.,]*)[-–]([a-z]{3,})\Z")
_BEFORE_A_WORD = re.compile(r"–|[-/](?=[a-z]{3,})")
_QUANTITY = re.compile(r"\d[\d.,]*(?:[A-Za-z]{1,2}|%)?\Z")
_REMAINS = frozenset({"s", "t"})
_DO = frozenset({"do", "does", "did"})
_PLAIN_NEGATIONS = frozenset({"not", "no", "never", "cannot", "neither", "nor", "none"})


class Token(NamedTuple):
    """A word, name or number; `text` is in lower case, `root` what is compared, `clause` counts from 0."""

    surface: str
    text: str
    root: str
    kind: Kind
    clause: int

    @property
    def has_content(self) -> bool:
        """Whether it says something by itself."""
        return self.kind != "function word"


class Gap(NamedTuple):
    """Words of the claim that stand where the quote has others, between words that both have: index ranges."""

    claim: range
    quote: range


@dataclass(frozen=True)
class Alignment:
    """The words of a claim against those of a quote: `partner` maps claim to quote positions, also of moved words."""

    claim: Sequence[Token]
    quote: Sequence[Token]
    partner: dict[int, int]
    gaps: tuple[Gap, ...]

    @cached_property
    def partner_in_claim(self) -> dict[int, int]:
        """From positions of the quote to those of the claim."""
        return {quote: claim for claim, quote in self.partner.items()}

    @cached_property
    def closeness(self) -> float:
        """The share of the claim's content that stands in the quote, 0 to 1."""
        content = [i for i, token in enumerate(self.claim) if token.has_content]
        return sum(i in self.partner for i in content) / len(content) if content else 0.0

    @cached_property
    def tightness(self) -> float:
        """The share of the claim's words that stand in the quote beside the same neighbour, 0 to 1.

        What negates only in the claim does not count.
        """
        partner = self.partner
        joined = [i for i in partner if partner.get(i + 1) == partner[i] + 1 or partner.get(i - 1) == partner[i] - 1]
        counted = sum(i in partner or not (is_negating(t) or t.text in _DO) for i, t in enumerate(self.claim))
        return len(joined) / counted if counted else 0.0

    def added(self, gap: Gap) -> list[Token]:
        """The words of the claim in the gap that stand nowhere else in the quote."""
        return [self.claim[i] for i in gap.claim if i not in self.partner]

    def dropped(self, gap: Gap) -> list[Token]:
        """The words of the quote in the gap that stand nowhere else in the claim."""
        return [self.quote[i] for i in gap.quote if i not in self.partner_in_claim]


@lru_cache(maxsize=1024)
def tokenise(text: str) -> tuple[Token, ...]:
    """The words of a text in order; a hyphenated word is several, a name with a digit is one."""
    found: list[Token] = []
    clause = 0
    for match in _TOKEN.finditer(text):
        if match[0] in ",;:()":
            clause += 1
        elif match[0] == "percent" and found and found[-1].kind == "number":
            found[-1] = found[-1]._replace(root=f"{found[-1].root}%")
        else:
            found += [Token(piece, *_analysed(piece, not found), clause) for piece in _pieces(match[0])]
    return tuple(found)


def align(claim: Sequence[Token], quote: Sequence[Token]) -> Alignment:
    """The longest common stretches first, then what was moved."""
    matcher = SequenceMatcher(None, [t.root for t in quote], [t.root for t in claim], autojunk=False)
    partner: dict[int, int] = {}
    gaps: list[Gap] = []
    at_claim = at_quote = 0
    for block in matcher.get_matching_blocks():
        gap = Gap(range(at_claim, block.b), range(at_quote, block.a))
        if len(gap.claim) or len(gap.quote):
            gaps.append(gap)
        partner.update({block.b + i: block.a + i for i in range(block.size)})
        at_claim, at_quote = block.b + block.size, block.a + block.size
    for gap in gaps:
        if len(gap.claim) >= _LEAST_MOVED:
            partner.update(_moved_stretches(claim, quote, gap.claim, set(partner.values())))
    partner.update(_moved_words(claim, quote, partner))
    return Alignment(claim, quote, partner, tuple(gaps))


@lru_cache(maxsize=1024)
def content_of(text: str) -> Counter[str]:
    """How often each root with content stands in the text; not to be changed."""
    return Counter(token.root for token in tokenise(text) if token.has_content)


def _moved_stretches(
    claim: Sequence[Token], quote: Sequence[Token], gap: range, taken: set[int]
) -> Iterator[tuple[int, int]]:
    """Two words or more in a row that the quote has in another place, as when clauses change places."""
    free = ["" if i in taken else token.root for i, token in enumerate(quote)]
    if sum(map(bool, free)) < _LEAST_MOVED:
        return
    matcher = SequenceMatcher(None, free, [claim[i].root for i in gap], autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.size > 1 and any(quote[block.a + i].has_content for i in range(block.size)):
            yield from ((gap.start + block.b + i, block.a + i) for i in range(block.size))


def _moved_words(claim: Sequence[Token], quote: Sequence[Token], partner: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Single words with content that both have in other places."""
    taken = set(partner.values())
    free: dict[str, list[int]] = {}
    for i, token in enumerate(quote):
        if i not in taken and token.has_content:
            free.setdefault(token.root, []).append(i)
    for i, token in enumerate(claim):
        if i not in partner and free.get(token.root):
            yield i, free[token.root].pop(0)


def _pieces(word: str) -> list[str]:
    if word.isalpha():  # nearly every word
        return [] if word in _REMAINS else [word]
    if counted := _COUNTED.match(word):
        return [counted[1], counted[2]]
    if re.search(r"n['’]t\Z", word):
        return [word[:-3], "not"]
    if not any(c.isdigit() for c in word):
        return [piece for piece in re.split(r"[-–./'’]", word) if piece and piece not in _REMAINS]
    if not any(c.isalpha() for c in word):
        return _NUMBER.findall(word)
    return [piece for piece in _BEFORE_A_WORD.split(word) if piece]


@lru_cache(maxsize=32_768)
def _analysed(surface: str, is_first: bool) -> tuple[str, str, Kind]:
    """Text, root and kind of a word; a capital says nothing on the first word of a sentence."""
    text = surface.lower()
    if text in words("numbers"):
        return text, f"{words('numbers')[text]:g}", "number"
    if _QUANTITY.match(surface):
        return text, text.replace(",", ""), "number"
    if text in _PLAIN_NEGATIONS:
        return text, NEGATION, "function word"
    if any(c.isdigit() for c in surface):
        return text, normalised_name(surface) or text, "name"
    if len(surface) > 1 and surface.isupper():
        return text, root(text), "name"
    kind: Kind = "word" if stems(text) and len(text) > 1 else "function word"
    if kind == "word" and (NAME.fullmatch(surface) or (surface[0].isupper() and not is_first)):
        kind = "name"
    return text, root(text), kind


def is_negating(token: Token) -> bool:
    """Whether the word alone negates what follows it."""
    return token.root == NEGATION or token.text in polarity("negating") or token.root in polarity("failing")
