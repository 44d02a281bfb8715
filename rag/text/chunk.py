"""Cuts an abstract into chunks: runs of whole sentences up to a number of tokens, with character offsets."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rag.text import sentences, tails, tokens
from rag.types import Chunk, Paper, Span

LIMIT_TOKENS = 96
OVERLAP_SENTENCES = 1
NAME = f"sentences-{LIMIT_TOKENS}-{OVERLAP_SENTENCES}-v2"
"""What an index remembers of the chunker; the last part changes with the algorithm."""
USABLE = frozenset({NAME, f"sentences-{LIMIT_TOKENS}-{OVERLAP_SENTENCES}-v1"})
"""Chunkers whose libraries are used as they are: papers keep the spans that they were stored with, only those that are
added or changed are cut by this one. v1 cut a sentence after "Phys." and kept Chinese ones together."""


class _Piece(NamedTuple):
    """A sentence, or a part of one that is longer than the limit."""

    start: int
    end: int
    tokens: int


def split(
    paper: Paper,
    limit: int = LIMIT_TOKENS,
    overlap: int = OVERLAP_SENTENCES,
    *,
    spans: Sequence[Span] | None = None,
) -> list[Chunk]:
    """The chunks of a paper's abstract, in order; together they cover every character that may be evidence.

    Each holds as many whole sentences as fit into about `limit` tokens and begins with up to `overlap` sentences of
    the one before. A sentence longer than the limit is cut where a token begins, at a blank if there is one. `spans`
    are the sentences that may be evidence, where the caller has them.
    """
    text = paper.abstract[: tails.evidence_end(paper.abstract)]
    pieces = _pieces(text, sentences.spans(text) if spans is None else spans, limit)
    return [
        Chunk(paper_id=paper.id, ordinal=ordinal, start=start, end=end, text=text[start:end])
        for ordinal, (start, end) in enumerate(_runs(list(pieces), limit, overlap))
    ]


def _runs(pieces: list[_Piece], limit: int, overlap: int) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(pieces):
        last = _last_that_fits(pieces, first, limit)
        yield pieces[first].start, pieces[last].end
        if last + 1 == len(pieces):
            return
        first = _first_of_next(pieces, first, last, limit, overlap)


def _last_that_fits(pieces: list[_Piece], first: int, limit: int) -> int:
    last, total = first, pieces[first].tokens
    while last + 1 < len(pieces) and total + pieces[last + 1].tokens <= limit:
        last += 1
        total += pieces[last].tokens
    return last


def _first_of_next(pieces: list[_Piece], first: int, last: int, limit: int, overlap: int) -> int:
    """Repeat sentences only while the new one still fits after them, so that every chunk brings something new."""
    earliest = max(first + 1, last + 1 - overlap)
    for begin in range(earliest, last + 1):
        if sum(piece.tokens for piece in pieces[begin : last + 2]) <= limit:
            return begin
    return last + 1


def _pieces(text: str, spans: Sequence[Span], limit: int) -> Iterator[_Piece]:
    for start, end in spans:
        count = tokens.count(text[start:end])
        if count <= limit:
            yield _Piece(start, end, count)
        else:
            yield from _cut(text, start, end, limit)


def _cut(text: str, start: int, end: int, limit: int) -> Iterator[_Piece]:
    """Parts of at most `limit` tokens, without the blanks around them."""
    begins = [start + offset for offset in tokens.offsets(text[start:end])] + [end]
    first = 0
    while first < len(begins) - 1:
        stop = _boundary(text, begins, first, limit)
        part = text[begins[first] : begins[stop]]
        left = begins[first] + len(part) - len(part.lstrip())
        if part.strip():
            yield _Piece(left, left + len(part.strip()), stop - first)
        first = stop


def _boundary(text: str, begins: list[int], first: int, limit: int) -> int:
    """The token to cut before: the last one in reach that begins with a blank, else the last one in reach."""
    reach = min(first + limit, len(begins) - 1)
    if reach == len(begins) - 1:
        return reach
    # One character may be several tokens, which then begin at the same offset: no cut inside it.
    stops = [stop for stop in range(first + 1, reach + 1) if begins[stop] > begins[stop - 1]]
    at_blank = [stop for stop in stops[len(stops) // 2 :] if text[begins[stop]].isspace()]
    if at_blank or stops:
        return (at_blank or stops)[-1]
    return next(stop for stop in range(reach, len(begins)) if begins[stop] > begins[first])
