"""What a claim that resembles a sentence of an abstract changes in it: polarity, opposites, numbers, names, order.

Claim and sentence are aligned word by word. Only a claim that is close to the sentence can contradict it; what is a
free paraphrase is left to the comparison of words.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from rag.grounding.alignment import Alignment, Gap, Token, align, content_of, is_negating, tokenise
from rag.text.entities import quantities
from rag.text.opposites import (
    are_opposites,
    are_synonyms,
    negates_by_affix,
    negating_phrases,
    opposites_of,
    polarity,
)

CLOSE = 0.6
"""The share of a claim's content that a sentence must have to be compared with it."""
TIGHT = 0.6
"""The share of a claim's words that must stand in the sentence beside the same neighbour to contradict it."""
_LEAST_SHARED = 3
_LEAST_SHARE = 0.5
_AS_CLOSE = 0.1
"""A sentence this little less close than the closest may support the claim in its place."""
_MOST_COMPARED = 2
_SHORT_GAP = 4
_SCOPE = 4
"""How many words with content a negating word may reach."""
_NEIGHBOURS = 4

_AIM = re.compile(
    r"\b(?:[Tt]o (?:determine|investigate|examine|assess|evaluate|study|compare|test|explore|describe|identify"
    r"|analy[sz]e)|whether|aims?|aimed|objectives?|purpose|goal|hypothesi\w+|unclear|unknown|question)\b|\?\Z"
)
"""In a sentence that says what is to be found out."""
_HEDGE = re.compile(r"(?:may|might|could|can|appear|seem|tend|likely|possibly|perhaps|potential\w*|probabl\w*|\w+ly)\Z")
_GENERIC = "method"
"""A word that may stand for a name, and all its synonyms."""

_BEATS = frozenset({"outperform", "surpass", "exceed", "beat", "superior", "underperform", "inferior", "trail"})
_WORSE = frozenset(
    {"underperform", "inferior", "trail", "less", "lower", "worse", "fewer", "smaller", "slower", "shorter"}
)


class Change(NamedTuple):
    """What a claim changes: `contradicted`, or `partial` where a word is only another; `reason` says what."""

    verdict: Literal["contradicted", "partial"]
    reason: str


def find(claim: str, sentences: Sequence[str]) -> Change | None:
    """What the claim changes in the sentence that it resembles most; None if it resembles none or changes nothing."""
    said = tokenise(claim)
    wanted = content_of(claim)
    shares = [((wanted & content_of(s)).total() / max(wanted.total(), 1), s) for s in sentences]
    likely = sorted(shares, reverse=True)[:_MOST_COMPARED]
    aligned = [(align(said, tokenise(s)), _AIM.search(s) is None) for share, s in likely if share >= _LEAST_SHARE]
    aligned = [(a, states) for a, states in aligned if _is_like(a)]
    best = max((a.closeness for a, _ in aligned), default=0.0)
    near = sorted((item for item in aligned if item[0].closeness >= best - _AS_CLOSE), key=lambda i: -i[0].closeness)
    changes = [_change(a, states) for a, states in near]
    return None if None in changes or not changes else changes[0]


def _is_like(a: Alignment) -> bool:
    return len(a.partner) >= _LEAST_SHARED and (a.closeness >= CLOSE or a.tightness >= TIGHT)


def unfounded_direction(claim: str, quoted: Sequence[str]) -> str:
    """What the claim says of a direction that the quotes do not: it negates and none of them does, or has a word where
    they have only its opposite. Empty if there is nothing; needs no alignment, so that it sees free paraphrases too.
    """
    said, words = tokenise(claim), [token for sentence in quoted for token in tokenise(sentence)]
    if any(map(is_negating, said)) and not any(is_negating(token) or negates_by_affix(token.text) for token in words):
        return "it negates, the abstract does not"
    roots = {token.root: token for token in words}
    for token in said:
        opposite = next((roots[root] for root in opposites_of(token.root) if root in roots), None)
        if opposite and not is_negating(token) and not any(are_synonyms(token.text, t.text) for t in words):
            return _instead(token, opposite)
    return ""


def _change(a: Alignment, states: bool) -> Change | None:
    """What the claim changes in one sentence; `states` is False if that only says what is to be found out.

    In a free paraphrase the rules err too often to call it contradicted; then a change makes it partial.
    """
    is_tight = a.tightness >= TIGHT
    negated, opposed = next(_negations(a), ""), next(_opposites(a), "")
    reason = (negated or opposed) if bool(negated) != bool(opposed) else ""  # both together say the same again
    if is_tight:
        reason = reason or next((found for rule in _TIGHT_RULES for found in rule(a)), "")
    if reason and (is_tight or states):
        return Change("contradicted" if is_tight else "partial", reason)
    reason = next(_replaced(a), "") if is_tight else ""
    return Change("partial", reason) if reason else None


# ------------------------------------------------------------------------------------------------------- polarity


def _negations(a: Alignment) -> Iterator[str]:
    """Negating words that only one of the two has before a word that both have."""
    in_claim, in_quote = _negators(a.claim, a.partner), _negators(a.quote, a.partner_in_claim)
    added = [i for i in in_claim if i not in a.partner]
    dropped = [i for i in in_quote if i not in a.partner_in_claim]
    for place in list(added):
        if same := next((i for i in dropped if abs(i - _place_in_quote(a, place)) <= _SHORT_GAP), None):
            added.remove(place)
            dropped.remove(same)
    for place in added:
        if word := _added_to(a, place, in_quote):
            yield f"it negates {word!r}, the abstract does not"
    for place in dropped:
        if word := _dropped_from(a, place, in_claim):
            yield f"the abstract negates {word!r}, it does not"


def _place_in_quote(a: Alignment, place: int) -> int:
    """Where in the quote a word of the claim would stand: behind the partner of the nearest word before it."""
    return next((a.partner[i] + 1 for i in range(place, -1, -1) if i in a.partner), 0)


def _added_to(a: Alignment, place: int, in_quote: Sequence[int]) -> str:
    """The word that the claim negates at this place and the quote does not; empty if there is none."""
    gap = _gap_at(a, place)
    if gap and not any(i in gap.quote for i in in_quote) and _is_tight(a.quote, gap.quote):
        after = next((i for i in _content(a.claim, place + 1) if i in a.partner), gap.claim.start - 1)
        if after >= 0 and a.partner.get(after, len(a.quote)) - gap.quote.stop <= _SCOPE:
            return a.claim[after].text
    word = next((i for i in _content(a.claim, place + 1)[:_SCOPE] if i in a.partner), None)
    if word is None or any(a.partner[word] in _content(a.quote, i + 1)[:_SCOPE] for i in in_quote):
        return ""
    return a.claim[word].text


def _dropped_from(a: Alignment, place: int, in_claim: Sequence[int]) -> str:
    """The word that the quote negates at this place and the claim does not; empty if there is none."""
    first = next(iter(_content(a.quote, place + 1)), None)
    word = a.partner_in_claim.get(first) if first is not None else None
    if word is None or any(word in _content(a.claim, i + 1)[:_SCOPE] for i in in_claim):
        return ""
    return a.claim[word].text


def _negators(tokens: Sequence[Token], partner: Mapping[int, int]) -> list[int]:
    """Where a word or the end of a phrase negates what follows; "not only" does so if the other text has "only" too."""
    found = []
    for i, token in enumerate(tokens):
        if is_negating(token):
            is_half = i + 1 < len(tokens) and tokens[i + 1].text in polarity("after") and i + 1 not in partner
            if not is_half and not (i and tokens[i - 1].text in polarity("before")):
                found.append(i)
        elif any(_ends_with(tokens, i, phrase) for phrase in negating_phrases().get(token.text, ())):
            found.append(i)
    return found


def _ends_with(tokens: Sequence[Token], end: int, phrase: Sequence[str]) -> bool:
    start = end + 1 - len(phrase)
    return start >= 0 and all(tokens[start + i].text == word for i, word in enumerate(phrase))


def _content(tokens: Sequence[Token], start: int) -> list[int]:
    """Where words with content stand from here on in the clause; in the next one if the clause ends here."""
    ahead = range(start, min(start + 3 * _SCOPE, len(tokens)))
    return [i for i in ahead if tokens[i].has_content and tokens[i].clause == tokens[start].clause]


def _gap_at(a: Alignment, place: int) -> Gap | None:
    return next((gap for gap in a.gaps if place in gap.claim), None)


def _is_tight(tokens: Sequence[Token], gap: range) -> bool:
    return sum(tokens[i].has_content for i in gap) <= 1


# ------------------------------------------------------------------------------------------ opposites and exchanges


def _opposites(a: Alignment) -> Iterator[str]:
    """A word in the place of its opposite, or beside a word beside which the quote has the opposite."""
    for gap in a.gaps:
        exchanged = len(gap.claim) == len(gap.quote) == 1
        claimed = [a.claim[i] for i in gap.claim] if exchanged else a.added(gap)
        quoted = [a.quote[i] for i in gap.quote] if exchanged else a.dropped(gap)
        if max(len(gap.claim), len(gap.quote)) <= 2 * _SHORT_GAP:
            yield from (_instead(c, q) for c in claimed for q in quoted if _opposed(c, q))
    known = {token.root for token in a.quote}
    for i, said in enumerate(a.claim):
        if i not in a.partner and said.root not in known:
            for j, token in enumerate(a.quote):
                if j not in a.partner_in_claim and _opposed(said, token) and _beside_the_same(a, i, j):
                    yield _instead(said, token)


def _opposed(one: Token, other: Token) -> bool:
    """Whether the words are opposites; what negates is counted as a negation."""
    return are_opposites(one.text, other.text) and not is_negating(one) and not is_negating(other)


def _beside_the_same(a: Alignment, place: int, place_in_quote: int) -> bool:
    """Whether a word with content beside both is the same."""
    near = range(max(0, place - _NEIGHBOURS), min(place + _NEIGHBOURS + 1, len(a.claim)))
    partners = [a.partner[i] for i in near if i in a.partner and a.claim[i].has_content]
    return any(abs(partner - place_in_quote) <= _NEIGHBOURS for partner in partners)


def _numbers(a: Alignment) -> Iterator[str]:
    """A number in the place of another."""
    for gap, claimed, quoted in _exchanged(a, "number"):
        if not _names(a, gap) and not _same_number(claimed, quoted):
            yield f"it gives {claimed.surface} where the abstract gives {quoted.surface}"


def _exchanged_names(a: Alignment) -> Iterator[str]:
    """A name in the place of another."""
    for gap, claimed, quoted in _exchanged(a, "name"):
        one, other = claimed.root, quoted.root
        written = _joined(a.claim, gap.claim), _joined(a.quote, gap.quote)
        if written[0] != written[1] and one not in other and other not in one:
            yield _instead(claimed, quoted)


def _joined(tokens: Sequence[Token], gap: range) -> str:
    return "".join(tokens[i].root for i in gap)


def _exchanged(a: Alignment, kind: str) -> Iterator[tuple[Gap, Token, Token]]:
    """Pairs of this kind, one in the place of the other, in short gaps; numbers only where both sides have as many."""
    for gap in a.gaps:
        if max(len(gap.claim), len(gap.quote)) > 2 * _SHORT_GAP:
            continue
        alone = len(gap.claim) == len(gap.quote) == 1
        claimed = [t for t in ([a.claim[i] for i in gap.claim] if alone else a.added(gap)) if t.kind == kind]
        quoted = [t for t in ([a.quote[i] for i in gap.quote] if alone else a.dropped(gap)) if t.kind == kind]
        if len(claimed) == len(quoted) or kind == "name" or (claimed and quoted and _begin_with(a, gap, kind)):
            yield from ((gap, c, q) for c, q in zip(claimed, quoted, strict=False))


def _begin_with(a: Alignment, gap: Gap, kind: str) -> bool:
    return len(gap.claim) == 1 and a.claim[gap.claim.start].kind == a.quote[gap.quote.start].kind == kind


def _names(a: Alignment, gap: Gap) -> bool:
    """Whether a gap exchanges names too; then the numbers may have moved with them."""
    return any(token.kind == "name" for token in a.added(gap)) and any(t.kind == "name" for t in a.dropped(gap))


def _same_number(one: Token, other: Token) -> bool:
    """Whether one is the other, rounded."""
    if one.root == other.root:
        return True
    a, b = quantities(one.surface, spelled=True), quantities(other.surface, spelled=True)
    if not a or not b:
        return False
    digits = len(one.root.partition(".")[2])
    return a[0].matches(b[0]) or (
        digits < len(other.root.partition(".")[2]) and round(b[0].value, digits) == a[0].value
    )


# ------------------------------------------------------------------------------------------------------- comparison


def _swapped_comparison(a: Alignment) -> Iterator[str]:
    """What is compared has changed sides, and the word that compares has not changed."""
    claim, quote = _comparison(a.claim), _comparison(a.quote)
    if claim is None or quote is None or claim.is_less != quote.is_less:
        return
    left, right = claim.left & quote.right - quote.left, claim.right & quote.left - quote.right
    if left and right and not (claim.left & quote.left - quote.right) and not (claim.right & quote.right - quote.left):
        yield f"it compares {min(left)!r} with {min(right)!r} the other way round"


class _Comparison(NamedTuple):
    left: frozenset[str]
    right: frozenset[str]
    is_less: bool


def _comparison(tokens: Sequence[Token]) -> _Comparison | None:
    """The words on both sides of the first word that compares; in the passive they change sides."""
    for i, token in enumerate(tokens):
        is_verb = token.root in _BEATS
        if not is_verb and token.text != "than":
            continue
        side = range(max(0, i - 2 * _NEIGHBOURS), i), range(i + 1, min(i + 1 + _NEIGHBOURS, len(tokens)))
        left, right = (frozenset(tokens[j].root for j in places if tokens[j].has_content) for places in side)
        if is_verb and i + 1 < len(tokens) and tokens[i + 1].text == "by":
            left, right = right, left
        near = {t.root for t in tokens[max(0, i - _NEIGHBOURS) : i + 1]} | {
            t.text for t in tokens[max(0, i - _NEIGHBOURS) : i + 1]
        }
        return _Comparison(left, right, bool(near & _WORSE))
    return None


# --------------------------------------------------------------------------------------------------- another word


def _replaced(a: Alignment) -> Iterator[str]:
    """A word with content in the place of one that is no synonym, in a claim that is nearly the sentence."""
    for gap in a.gaps:
        added = [t for t in a.added(gap) if t.kind in ("word", "name") and not _HEDGE.match(t.text)]
        dropped = [t for t in a.dropped(gap) if t.kind in ("word", "name") and not _HEDGE.match(t.text)]
        if not 1 <= len(added) <= _SHORT_GAP or not 1 <= len(dropped) <= _SHORT_GAP:
            continue
        initials = "".join(t.text[0] for t in dropped), "".join(t.text[0] for t in added)
        for claimed in added:
            known = any(are_synonyms(claimed.text, t.text) or are_synonyms(t.text, _GENERIC) for t in dropped)
            if not known and not are_synonyms(claimed.text, _GENERIC) and not _abbreviates(claimed, dropped, initials):
                yield _instead(claimed, dropped[0])


def _abbreviates(claimed: Token, dropped: Sequence[Token], initials: tuple[str, str]) -> bool:
    return claimed.text.rstrip("s") in initials[0] or any(t.text.rstrip("s") in initials[1] for t in dropped)


def _instead(claimed: Token, quoted: Token) -> str:
    return f"it says {claimed.surface!r} where the abstract says {quoted.surface!r}"


_TIGHT_RULES: tuple[Callable[[Alignment], Iterator[str]], ...] = (_numbers, _exchanged_names, _swapped_comparison)
