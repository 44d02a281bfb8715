"""BM25 scores from the papers that a library holds now; what was removed or replaced counts for nothing."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

# As in tantivy, which proposes papers in nearly this order.
_K1 = 1.2
_B = 0.75

_HASH = np.dtype("<u4")


def idf(papers: int, having: int) -> float:
    """The inverse document frequency of a stem that `having` of the papers have: ln(1 + (N - n + .5) / (n + .5))."""
    return math.log(1 + (papers - having + 0.5) / (having + 0.5))


def pack(stems: Sequence[str]) -> bytes:
    """The stems of a field as `Scorer` reads them: a hash of 32 bits each, in order."""
    return np.array([crc32(stem.encode()) for stem in stems], _HASH).tobytes()


@dataclass(frozen=True)
class Scorer:
    """Scores papers for one question.

    `weights` has for each field those of the stems to look for: their idf times their weight in the question.
    `mean_lengths` are in stems.
    """

    weights: Mapping[str, Mapping[str, float]]
    mean_lengths: Mapping[str, float]

    def scores(self, papers: Sequence[Mapping[str, bytes]]) -> NDArray[np.float64]:
        """The score of each paper, given its packed fields: to the last bit the same, whatever papers stand beside."""
        totals = np.zeros(len(papers))
        for name, weights in self.weights.items():
            lengths = np.array([len(paper[name]) // _HASH.itemsize for paper in papers], np.int64)
            held = np.frombuffer(b"".join(paper[name] for paper in papers), _HASH)
            owner = np.repeat(np.arange(len(papers)), lengths)
            norms = _K1 * (1 - _B + _B * _rounded(lengths) / max(self.mean_lengths[name], 1.0))
            for stem, weight in weights.items():
                counts = np.bincount(owner[held == crc32(stem.encode())], minlength=len(papers))
                totals += weight * (_K1 + 1) * counts / (counts + norms)
        return totals


def _rounded(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Lengths as tantivy keeps them, in one byte: exact up to 40, then four significant binary digits above 24."""
    above = np.maximum(lengths - 24, 1)
    spare = np.where(lengths > 40, np.maximum(np.floor(np.log2(above)).astype(np.int64) - 3, 0), 0)
    return np.where(spare > 0, 24 + (above >> spare << spare), lengths)
