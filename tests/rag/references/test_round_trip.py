"""What goes out comes in again as the same papers."""

from pathlib import Path

import pytest

from rag import corpus, references
from rag.types import Paper
from tests.rag.corpus.test_samples import SAMPLES

FORMATS = {"bibtex": ".bib", "ris": ".ris", "csl": ".json"}
SAME = (
    "id",
    "title",
    "year",
    "authors",
    "abstract",
    "venue",
    "doi",
    "pmid",
    "arxiv_id",
    "url",
    "retracted",
    "keywords",
    "language",
    "volume",
    "issue",
    "pages",
    "publisher",
)


def papers_of(path: Path) -> list[Paper]:
    return [record for record in corpus.read(path) if isinstance(record, Paper)]


def again(papers: list[Paper], format: str, folder: Path) -> list[Paper]:
    path = folder / f"references{FORMATS[format]}"
    path.write_text("".join(references.write(papers, format)), "utf-8", newline="")
    return papers_of(path)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir() if path.name != "no_abstract.nbib"))
def test_every_sample_comes_in_again_as_the_same_papers(name: str, format: str, tmp_path: Path) -> None:
    papers = papers_of(SAMPLES / name)
    assert papers
    found = again(papers, format, tmp_path)
    shown = [[getattr(paper, field) for field in SAME] for paper in papers]
    assert [[getattr(paper, field) for field in SAME] for paper in found] == shown
    types = [(paper.publication_type, back.publication_type) for paper, back in zip(papers, found, strict=True)]
    assert all(before in (None, after) for before, after in types)
