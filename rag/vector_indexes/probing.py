"""Whether a vector index still finds what it holds, and the errors of one that is damaged or missing."""

from rag.errors import LibraryError, UnavailableError, how_to_make_room, how_to_rebuild
from rag.protocols import VectorIndex
from rag.types import ProbeResult, Probes

PROBE_COUNT = 40
"""How many papers a check looks for."""

_NEIGHBOURS = 3
_SAME_COSINE = 0.999
_FOUND_SHARE = 0.9  # an approximate index may miss a few; one written by two processes was seen to miss a quarter


def probe(index: VectorIndex, probes: Probes) -> ProbeResult:
    """Look for papers by a vector of theirs. Raises LibraryError when the index is damaged."""
    found = sum(
        any(hit == id and cosine > _SAME_COSINE for hit, cosine in index.nearest(vector, _NEIGHBOURS))
        for id, vector in probes
    )
    if found < _FOUND_SHARE * len(probes):
        reason = f"{found} of {len(probes)} papers are found by their own vector"
        raise damaged(index.place, index.library, reason)
    return ProbeResult(chunks=index.count(), tried=len(probes), found=found)


def probe_open(index: VectorIndex, probes: Probes) -> ProbeResult:
    """The same, and close the index."""
    try:
        return probe(index, probes)
    finally:
        index.close()


def damaged(place: str, library: str, error: object) -> LibraryError:
    """The error for an index that can't be read; one that lacks disk or memory is not damaged."""
    reason = " ".join(str(error).split())[:200]
    if room := how_to_make_room(reason):
        return UnavailableError(f"{place} can't be used ({reason}); {room}", public=room)
    return LibraryError(f"{place} is damaged ({reason}); {how_to_rebuild(library)}")


def missing(place: str, library: str) -> LibraryError:
    """The error for an index that was filled before and is not there."""
    return LibraryError(f"{place} is missing; {how_to_rebuild(library)}")
