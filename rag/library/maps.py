"""A map of a library: its papers in the plane, alike ones near each other; and the papers nearest to one."""

from dataclasses import dataclass

import numpy as np

from rag import threads
from rag.library.browse import Browse, MapPaper
from rag.library.library import Library
from rag.types import Paper, Vectors

MAX_PAPERS = 5_000
"""Of a larger library that many are on the map, spread evenly over the ids."""


@dataclass(frozen=True, kw_only=True)
class MapPoint(MapPaper):
    """A paper and where it lies; x and y are from 0 to 1."""

    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class LibraryMap:
    """The points of a library as of a revision; `papers` counts all that it has."""

    library: str
    revision: int
    papers: int
    points: tuple[MapPoint, ...]


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A paper and the cosine of its chunk that is nearest to another paper's mean."""

    paper: Paper
    similarity: float


class Maps:
    """Makes the map of a library once for each of its revisions."""

    def __init__(self, browse: Browse) -> None:
        self._browse = browse
        self._made: dict[str, LibraryMap] = {}

    async def of(self, library: Library) -> LibraryMap:
        """The map of a library as it is now."""
        revision, known = await library.revision(), self._made.get(library.name)
        if known and known.revision == revision:
            return known
        found, vectors = await self._browse.vectors(library.name, MAX_PAPERS)
        places = await threads.read(project, vectors)
        points = tuple(
            MapPoint(**vars(paper), x=round(float(x), 4), y=round(float(y), 4))
            for paper, (x, y) in zip(found, places, strict=True)
        )
        papers = (await library.counts()).papers
        self._made[library.name] = LibraryMap(library=library.name, revision=revision, papers=papers, points=points)
        return self._made[library.name]


async def neighbours(library: Library, id: str, limit: int) -> list[Neighbour]:
    """The papers most like one, the nearest first. Raises NotFoundError."""
    paper = await library.paper(id)
    stored = (await library.stored([paper.id])).get(paper.id)
    if stored is None or not len(stored.chunk_vectors):
        return []
    mean = stored.chunk_vectors.mean(axis=0)
    hits = await library.nearest(mean / np.linalg.norm(mean), limit + 1)
    near = [(other, similarity) for other, similarity in hits if other != paper.id][:limit]
    found = await library.stored([other for other, _ in near])
    return [
        Neighbour(paper=found[other].paper, similarity=round(similarity, 4))
        for other, similarity in near
        if other in found
    ]


def project(vectors: Vectors) -> Vectors:
    """Vectors of shape (n, dimension) in the plane, shape (n, 2), by their two principal components, from 0 to 1.

    The same vectors lie at the same places: of the two directions of a component the one is chosen in which its largest
    part is positive.
    """
    if len(vectors) < 2:
        return np.full((len(vectors), 2), 0.5, np.float32)
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    plane = axes[:, ::-1][:, :2]
    plane = plane * np.sign(plane[np.abs(plane).argmax(axis=0), range(plane.shape[1])])
    placed = centred @ plane
    low, span = placed.min(axis=0), np.ptp(placed, axis=0)
    return np.asarray((placed - low) / np.where(span > 0, span, 1.0), np.float32)
