"""What vectors of 8-bit numbers choose holds all that a comparison of the vectors themselves would find."""

import random
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.library import dense, quantised
from rag.library.catalog import Catalog
from rag.library.dense import Hits
from rag.library.library import Library
from rag.library.quantised import QuantisedVectors
from rag.types import Paper, Vectors
from tests.support.running import wait_until
from tests.support.stand_ins import WordsEmbedder, papers

LIMIT = 5


class UnevenEmbedder(WordsEmbedder):
    """Vectors that 8-bit numbers show badly: most of some lies in one direction, some are nearly the same or zero."""

    def vector(self, text: str) -> NDArray[np.float64]:
        vector = super().vector(text)
        kind = len(text) % 4
        if kind == 0:
            vector[3] += 40.0
        elif kind == 1:
            vector = 1.0 + vector / 500
        elif kind == 2:
            vector *= 0.0
        return vector / max(float(np.linalg.norm(vector)), 1e-9)


async def _compared(library: Library, vector: Vectors, ids: Collection[str]) -> Hits:
    stored = await library.stored(ids)
    return dense.compare([(id, paper.chunk_vectors) for id, paper in stored.items()], vector, LIMIT)


def _question(chance: random.Random) -> Vectors:
    vector = np.array([chance.gauss(0, 1) for _ in range(32)], np.float32)
    return vector / np.float32(np.linalg.norm(vector))


@pytest.mark.parametrize("embedder", [WordsEmbedder(), UnevenEmbedder()])
async def test_whatever_the_history_a_choice_of_papers_ranks_by_the_vectors_themselves(
    tmp_path: Path, embedder: WordsEmbedder
) -> None:
    chance = random.Random(1)
    library = await Library.open(tmp_path, "main", embedder, create=True)
    held: set[str] = set()
    for step in range(8):
        came = chance.sample(papers(400, note=str(step)), 100)
        await library.ingest([*came, Paper(id=f"empty-{step}", title="A title alone", abstract="")])
        gone = chance.sample(sorted(held), len(held) // 4)
        await library.remove(gone)
        held = held - set(gone) | {paper.id for paper in came}
        if step == 5:
            await library.rebuild(embed=True)
        for _ in range(5):
            vector = _question(chance)
            chosen = {*chance.sample(sorted(held), len(held) // 3), "nobody", f"empty-{step}"}
            assert await library.nearest(vector, LIMIT, chosen) == await _compared(library, vector, chosen)
    library.close()


async def test_few_more_are_chosen_than_are_wanted(tmp_path: Path) -> None:
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(500))
    catalog = Catalog(tmp_path)
    vectors, ids = QuantisedVectors(catalog, "main"), [paper.id for paper in papers(400)]
    for question in ("the optimizer of system 12", "an ablation", "paper 3"):
        vector = await library.embedder.embed_query(question)
        chosen = vectors.nearest(vector, ids, LIMIT, catalog.row("main"))
        assert {id for id, _ in await _compared(library, vector, ids)} <= set(chosen)
        assert len(chosen) < 10 * LIMIT
    assert vectors.nearest(vector, ["nobody"], LIMIT, catalog.row("main")) == []
    catalog.close()
    library.close()


async def test_a_question_does_not_wait_until_a_large_library_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantised, "_READ_WHILE_WAITING", 100)
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(500))
    catalog = Catalog(tmp_path)
    vectors = QuantisedVectors(catalog, "main")
    row = catalog.row("main")
    assert not vectors.is_ready(row, 500)
    assert wait_until(lambda: vectors.is_ready(row, 500))
    assert vectors.is_ready(row, 600)  # the hundred that came since are read by the question
    assert not vectors.is_ready(row, 601)
    vector, chosen = await library.embedder.embed_query("an ablation"), {paper.id for paper in papers(150)}
    found = await library.nearest(vector, LIMIT, chosen)  # by its vector index, whose scores have six digits
    assert dict(found) == pytest.approx(dict(await _compared(library, vector, chosen)), abs=1e-3)
    catalog.close()
    library.close()


async def test_vectors_that_cannot_be_read_ahead_are_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    catalog = Catalog(tmp_path)
    library = await Library.open(tmp_path, "main", WordsEmbedder(), create=True)
    await library.ingest(papers(5))
    row = catalog.row("main")
    vectors = QuantisedVectors(catalog, "main")
    assert not vectors.is_ready(replace(row, dimension=31), 1_000_000)
    assert wait_until(lambda: "questions with filters take longer" in caplog.text)
    catalog.close()
    library.close()
