"""The pages of one search on disk, until they are in a library: a fetch that was killed goes on where it stopped."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from rag import corpus
from rag.connectors.search import Page
from rag.types import IngestNote, Paper, Record, Source

KEPT_SECONDS = 24 * 3600.0
"""Older pages are fetched again: a source has newer works by then, and has forgotten its cursors."""

_STATE = "state.json"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """How far a fetch has come: where the next page begins, None after the last; the pages and works until there."""

    place: str | None
    pages: int = 0
    works: int = 0
    total: int = 0


class Spool:
    """The folder of one search. What it holds is complete pages, whenever the process was killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def reached(self, first: str) -> Reached:
        """How far an earlier fetch has come; the beginning, `first`, if there was none or it is too old."""
        try:
            if time.time() - (self._folder / _STATE).stat().st_mtime < KEPT_SECONDS:
                return Reached(**json.loads((self._folder / _STATE).read_bytes()))
        except (OSError, ValueError, TypeError):
            pass
        self.delete()
        return Reached(place=first)

    def file(self, so_far: Reached) -> Path:
        """Where the next page is written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._page(so_far.pages)

    def add(self, so_far: Reached, page: Page) -> Reached:
        """Record that the next page is complete. An empty one has no file."""
        reached = replace(
            so_far,
            place=page.next,
            pages=so_far.pages + (page.works > 0),
            works=so_far.works + page.works,
            total=page.total,
        )
        new = self._folder / f"{_STATE}.new"
        new.write_text(json.dumps(asdict(reached)), encoding="utf-8")
        new.replace(self._folder / _STATE)
        return reached

    def records(self, so_far: Reached, format: str, source: str) -> Iterator[Record]:
        """The papers of all pages, the nth with line n of `source`; the same note is given once."""
        place, told = 0, set[str]()
        for number in range(so_far.pages):
            for record in corpus.read(self._page(number), format):
                if isinstance(record, IngestNote):
                    if record.text not in told:
                        yield replace(record, source=source, line=max(place, 1))
                    told.add(record.text)
                    continue
                place += 1
                if isinstance(record, Paper):
                    yield replace(record, sources=(Source(path=source, line=place),))
                else:
                    yield replace(record, source=source, line=place)

    def delete(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _page(self, number: int) -> Path:
        return self._folder / f"page{number:05}"


def delete_old(parent: Path) -> None:
    """Remove the folders of fetches that nobody has finished."""
    for folder in parent.iterdir() if parent.is_dir() else ():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
