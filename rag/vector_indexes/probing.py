"""Whether a vector index still finds what it holds, and the errors of one that is damaged or missing."""

from rag.errors import LibraryError, UnavailableError, how_to_make_room, how_to_rebuild
from rag.protocols import VectorIndex
from rag.types import ProbeResult, Probes, Vectors

PROBE_COUNT = 40
"""How many papers a check looks for."""

_NEIGHBOURS = 3
_SAME_COSINE = 0.999
_FOUND_SHARE = 0.9  # one written by two processes was seen to lack a quarter
_REACHED_SHARE = 0.5  # of vectors with much in common, a graph of 300,000 was seen to reach four fifths


def probe(index: VectorIndex, probes: Probes) -> ProbeResult:
    """Look for papers by the vector of their first chunk: a search may miss some that the index has all the same.

    Raises LibraryError when the index is damaged.
    """
    unreached = [(id, vector) for id, vector in probes if not _is_reached(index, id, vector)]
    reached = len(probes) - len(unreached)
    found = reached + sum(_is_held(index, id, vector) for id, vector in unreached)
    if found < _FOUND_SHARE * len(probes) or reached < _REACHED_SHARE * len(probes):
        reason = f"of {len(probes)} papers {found} are there, and {reached} are found by their own vector"
        raise damaged(index.place, index.library, reason)
    return ProbeResult(chunks=index.count(), tried=len(probes), found=found, reached=reached)


def _is_reached(index: VectorIndex, id: str, vector: Vectors) -> bool:
    return any(hit == id and cosine > _SAME_COSINE for hit, cosine in index.nearest(vector, _NEIGHBOURS))


def _is_held(index: VectorIndex, id: str, vector: Vectors) -> bool:
    return any(float(row @ vector) > _SAME_COSINE for row in index.rows([f"{id}#0"]).values())


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
