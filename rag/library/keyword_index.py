"""The keyword index: BM25 over papers, in a folder (tantivy), which can be rebuilt from the catalog at any time.

A paper is one document: its title and abstract as stems of English words, without the most common words, and the title
once more as a field of low weight; `eval/results/keywords.md` says why this library, these weights and this analyser.
tantivy's own scores count papers that were removed or replaced, so it proposes papers, and `bm25` scores them.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from threading import Lock

from tantivy import (
    DocAddress,
    Document,
    Index,
    IndexWriter,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
    TextAnalyzerBuilder,
    Tokenizer,
)

from rag.errors import LibraryError, LockedError, UnavailableError, how_to_make_room, how_to_rebuild
from rag.library import bm25
from rag.library.keyword_terms import aliases, fields_of
from rag.text.analysis import ANALYSER_NAME, normalise, stems
from rag.text.edits import one_edit_away
from rag.types import Paper

VERSION = 2
"""Of the documents in the index; another version's are not read. Change it with `_schema` or `_document`."""

TITLE_WEIGHT = 0.1  # on top of its words in the text
COMPOUND_WEIGHT = 0.5  # "gpt4" for "GPT-4", whose parts are searched too
GUESS_WEIGHT = 0.8  # a word that may be the right spelling of one in the question
GUESS_LETTERS = 5  # a shorter word has too many neighbours
GUESSES = 2  # for each such word: "seperation" is near to "separ", and to "sever" as in "several"
MAX_GUESSED_WORDS = 8
MAX_TERMS = 256  # more than an abstract has; the rest of a longer question is not searched
WRITER_BYTES = 30_000_000  # tantivy refuses less than 15 MB
SPARE_HITS = 16  # proposals beyond the limit
MAX_PROPOSALS = 2_000  # of more papers with equal scores, those that tantivy proposes first are ranked
_WIDENING = 4
_MANY_ALLOWED = 0.2  # of all papers; more cost less sorted out of what is proposed than as part of the query
_FIELDS = {"text": 1.0, "title": TITLE_WEIGHT}

_PLAIN_WORD = re.compile(rf"\b[^\W\d_]{{{GUESS_LETTERS},40}}\b")


@dataclass(frozen=True)
class _Snapshot:
    """One committed state; a search uses the same one from beginning to end.

    `deleted` counts the papers that tantivy still has to clear away; `mean_lengths` has that of each field, in stems.
    """

    searcher: Searcher
    schema: Schema
    revision: int
    papers: int
    deleted: int
    mean_lengths: Mapping[str, float]
    _counted: dict[tuple[str, str], int] = field(default_factory=dict)

    def frequency(self, stem: str, name: str = "text") -> int:
        """How many papers have the stem in this field; tantivy's own figure also counts those that are deleted."""
        frequency = self.searcher.doc_freq(name, stem)
        if not self.deleted or not frequency:
            return frequency
        if (name, stem) not in self._counted:
            query = Query.const_score_query(Query.term_query(self.schema, name, stem, "basic"), 0.0)
            self._counted[name, stem] = int(self.searcher.search(query, 1).count or 0)  # type: ignore[attr-defined]  # tantivy's stub lacks it
        return self._counted[name, stem]

    def idf(self, stem: str, name: str = "text") -> float:
        return bm25.idf(self.papers, self.frequency(stem, name))

    def paper(self, address: DocAddress) -> tuple[str, dict[str, bytes]]:
        """The id of a paper, and the packed stems of each of its fields."""
        document = self.searcher.doc(address)
        return str(document.get_first("id")), {name: bytes(document[f"{name}_packed"][0]) for name in _FIELDS}


class KeywordIndex:
    """Papers by their words. Searches may run in any number of threads, also during `apply`; all calls block."""

    def __init__(self, folder: Path, library: str) -> None:
        """Open the index, or create an empty one. Raises LibraryError if it is damaged or of another version."""
        self._folder = folder
        self._library = library
        self._schema = _schema()
        self._writing = Lock()
        with self._our_errors("opened"):
            self._index = self._open()
            self._snapshot: _Snapshot | None = self._read()

    def apply(self, papers: Iterable[Paper], removed: Iterable[str], revision: int) -> None:
        """Delete the removed ids, insert or replace the papers, and store the revision.

        All of it in one commit, or none: a crash leaves the old state. An error raised by iterating `papers` changes
        nothing. A commit waits for the disk, so few large calls are faster than many small ones. Raises LibraryError,
        and LockedError while another process writes.
        """
        removals = ((paper_id, None) for paper_id in removed)
        additions = ((paper.id, _document(paper)) for paper in papers)
        with self._writing, self._writer() as writer:
            for paper_id, document in chain(removals, additions):
                with self._our_errors("written"):
                    writer.delete_documents_by_term("id", paper_id)
                    if document is not None:
                        writer.add_document(document)
            with self._our_errors("written"):
                writer.delete_documents_by_term("note", "revision")
                writer.add_document(Document(note="revision", revision=revision))

    @property
    def revision(self) -> int:
        """The revision of the last `apply`; 0 when new."""
        return self._now().revision

    def __len__(self) -> int:
        return self._now().papers

    def search(self, question: str, limit: int, allowed: Collection[str] | None = None) -> list[tuple[str, float]]:
        """Paper ids with BM25 scores (above 0, no upper bound), best first, equal scores by id.

        Nothing in a question is read as query syntax. A paper matches if it has any of its words, or a word one letter
        away from one that no paper has. Empty when the question has only stop words. `allowed` restricts the papers;
        None means every paper. Raises LibraryError.
        """
        now = self._now()
        weights = self._weights(question, now)
        if limit < 1 or not weights or (allowed is not None and not allowed):
            return []
        scorer = bm25.Scorer(
            {
                name: {stem: weight * boost * now.idf(stem, name) for stem, weight in weights.items()}
                for name, boost in _FIELDS.items()
            },
            now.mean_lengths,
        )
        with self._our_errors("searched"):
            if allowed is None or len(allowed) > _MANY_ALLOWED * now.papers:
                return _rank(now, self._query(weights, None), scorer, limit, allowed)
            return _rank(now, self._query(weights, allowed), scorer, limit, None)

    def having_all(self, words: Collection[str], allowed: Collection[str] | None = None) -> list[str]:
        """The ids of all papers that have each of the stems in title or abstract, in order; empty without a stem.

        An exhaustive pass over the postings; only papers in `allowed` unless that is None. Raises LibraryError.
        """
        now = self._now()
        if not words or not now.papers:
            return []
        terms = [(Occur.Must, Query.term_query(self._schema, "text", stem, "freq")) for stem in words]
        with self._our_errors("searched"):
            hits = now.searcher.search(Query.boolean_query(terms), now.papers + SPARE_HITS, count=False).hits
            found = sorted(str(now.searcher.doc(address)["id"][0]) for _, address in hits)
        return found if allowed is None else [id for id in found if id in allowed]

    def idf(self, words: Iterable[str]) -> dict[str, float]:
        """The inverse document frequency of each stem: ln(1 + (N - n + .5) / (n + .5)), as in BM25.

        N is the number of papers, n the number of those with the stem; a stem that no paper has gets the highest value.
        """
        now = self._now()
        return {word: now.idf(word) for word in words}

    def differing(self, papers: Iterable[Paper]) -> list[str]:
        """The ids of those that the index lacks, has twice, or has with other words. Raises LibraryError."""
        now = self._now()
        with self._our_errors("searched"):
            return [paper.id for paper in papers if self._fields(now, paper.id) != [_packed(fields_of(paper))]]

    def _fields(self, now: _Snapshot, id: str) -> list[dict[str, bytes]]:
        hits = now.searcher.search(Query.term_query(self._schema, "id", id, "basic"), 2, count=False).hits
        return [now.paper(address)[1] for _, address in hits]

    def close(self) -> None:
        """Release the files, after a running `apply`. Nothing else may be called afterwards."""
        with self._writing:
            self._snapshot = None

    def _weights(self, question: str, now: _Snapshot) -> dict[str, float]:
        """The terms to search, each with its weight. A repeated word counts once."""
        text = normalise(question)
        weights = dict.fromkeys(stems(text), 1.0)
        for stem in stems(" ".join(aliases(text))):
            weights.setdefault(stem, COMPOUND_WEIGHT)
        for stem in self._guesses(text, now):
            weights.setdefault(stem, GUESS_WEIGHT)
        return dict(islice(weights.items(), MAX_TERMS))

    def _guesses(self, text: str, now: _Snapshot) -> Iterator[str]:
        """For each word that no paper has, the most frequent stems of words that are one typing error away."""
        words = islice(dict.fromkeys(_PLAIN_WORD.findall(text.lower())), MAX_TERMS)
        unknown = (word for word in words if any(not now.frequency(stem) for stem in stems(word)))
        for word in islice(unknown, MAX_GUESSED_WORDS):
            # Typing errors are made in words, not in stems: correct first, stem afterwards.
            near = {stem: now.frequency(stem) for stem in set(stems(" ".join(one_edit_away(word))))}
            known = sorted((stem for stem in near if near[stem]), key=lambda stem: (-near[stem], stem))
            yield from known[:GUESSES]

    def _query(self, weights: dict[str, float], allowed: Collection[str] | None) -> Query:
        terms = [
            (Occur.Should, Query.boost_query(Query.term_query(self._schema, name, stem, "freq"), weight * boost))
            for stem, weight in weights.items()
            for name, boost in _FIELDS.items()
        ]
        words = Query.boolean_query(terms)
        if allowed is None:
            return words
        of_these = Query.const_score_query(Query.term_set_query(self._schema, "id", list(allowed)), 0.0)
        return Query.boolean_query([(Occur.Must, words), (Occur.Must, of_these)])

    def _now(self) -> _Snapshot:
        if self._snapshot is None:
            raise LibraryError(f"the keyword index {self._folder} is closed; open the library again")
        return self._snapshot

    def _open(self) -> Index:
        self._folder.mkdir(parents=True, exist_ok=True)
        if not (self._folder / "meta.json").exists() and any(self._folder.glob("*.term")):
            raise ValueError("meta.json is missing")  # tantivy would create a new index among the old files
        index = Index(self._schema, path=str(self._folder))
        # What is indexed are stems already; the name tells which analyser made them.
        index.register_tokenizer(ANALYSER_NAME, TextAnalyzerBuilder(Tokenizer.whitespace()).build())
        index.config_reader("manual")  # a search sees what `apply` has committed, not a half-read folder
        index.reload()
        return index

    def _read(self) -> _Snapshot:
        searcher = self._index.searcher()
        notes = searcher.search(Query.term_query(self._schema, "note", "revision", "basic"), 1).hits
        revision = int(searcher.doc(notes[0][1])["revision"][0]) if notes else 0
        papers = searcher.num_docs - len(notes)
        return _Snapshot(
            searcher,
            self._schema,
            revision,
            papers,
            searcher.doc_freq("note", "paper") - papers,
            {name: total / max(papers, 1) for name, total in _total_lengths(searcher).items()},
        )

    @contextmanager
    def _writer(self) -> Iterator[IndexWriter]:
        """Commit at the end, or nothing at all. One thread, so that the same papers give the same index."""
        self._now()
        with self._our_errors("written"):
            writer = self._index.writer(WRITER_BYTES, 1)
            # A process killed while it committed leaves files that make the same commit fail every time.
            writer.garbage_collect_files()
        try:
            yield writer
            with self._our_errors("written"):
                writer.commit()
        finally:
            # Closes the writer: drops what was not committed, releases its lock, and waits for the merges, without
            # which small segments pile up.
            with self._our_errors("written"):
                writer.wait_merging_threads()
        with self._our_errors("written"):
            self._index.reload()
            self._snapshot = self._read()

    @contextmanager
    def _our_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except LibraryError:
            raise
        except BaseException as error:
            if not _from_tantivy(error):
                raise
            if "LockBusy" in str(error):
                raise LockedError(
                    f"another process is writing the keyword index {self._folder}; wait for it"
                ) from error
            room = how_to_make_room(str(error))
            what = f"the keyword index {self._folder} can't be {verb} ({error})"
            if room:
                raise UnavailableError(f"{what}; {room}", public=room) from error
            raise LibraryError(f"{what}; {how_to_rebuild(self._library)}") from error


def _rank(
    now: _Snapshot, query: Query, scorer: bm25.Scorer, limit: int, allowed: Collection[str] | None
) -> list[tuple[str, float]]:
    """The best of the papers allowed; None allows all. More are proposed until one that is not could not be among them.

    Of a paper that is not proposed is known that tantivy's score of it is at most the last proposal's, and that our
    scores exceed tantivy's by no more than for the papers that are.
    """
    found: dict[str, float] = {}
    share = 1.0 if allowed is None else min(1.0, len(allowed) / now.papers)
    excess, seen, wanted, most = 0.0, 0, int((limit + SPARE_HITS) / share), int(MAX_PROPOSALS / share)
    while True:
        # Counting all matches would keep tantivy from skipping papers that can't reach the top.
        hits = now.searcher.search(query, wanted, count=False).hits
        papers = [(float(theirs), *now.paper(address)) for theirs, address in hits[seen:]]
        papers = [paper for paper in papers if allowed is None or paper[1] in allowed]
        scores = scorer.scores([fields for *_, fields in papers]).tolist()
        found |= {id: score for (_, id, _), score in zip(papers, scores, strict=True)}
        excess = max([excess, *(ours / theirs for ours, (theirs, *_) in zip(scores, papers, strict=True))])
        best = sorted(found.items(), key=lambda hit: (-hit[1], hit[0]))[:limit]
        is_sure = len(best) == limit and excess * float(hits[-1][0]) < best[-1][1]
        if len(hits) < wanted or wanted >= most or is_sure:
            return best
        seen, wanted = wanted, min(wanted * _WIDENING, most)


def _total_lengths(searcher: Searcher) -> dict[str, float]:
    """How many stems each field of all papers has."""
    sums = searcher.aggregate(Query.all_query(), {name: {"sum": {"field": f"{name}_length"}} for name in _FIELDS})
    return {name: float(sums[name]["value"] or 0) for name in _FIELDS}


def _schema() -> Schema:
    build = SchemaBuilder()
    build.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for name in _FIELDS:
        build.add_text_field(name, tokenizer_name=ANALYSER_NAME, index_option="freq")
        build.add_integer_field(f"{name}_length", fast=True)
        build.add_bytes_field(f"{name}_packed", stored=True)
    # "paper", or "revision".
    # One document without text holds the revision, which is thus committed together with the papers.
    build.add_text_field("note", tokenizer_name="raw", index_option="basic")
    build.add_unsigned_field("revision", stored=True)
    return build.build()


def _document(paper: Paper) -> Document:
    fields = fields_of(paper)
    texts = {name: " ".join(found) for name, found in fields.items()}
    lengths = {f"{name}_length": len(found) for name, found in fields.items()}
    packed = {f"{name}_packed": found for name, found in _packed(fields).items()}
    return Document(id=paper.id, note="paper", **texts, **lengths, **packed)


def _packed(fields: Mapping[str, Sequence[str]]) -> dict[str, bytes]:
    return {name: bm25.pack(found) for name, found in fields.items()}


def _from_tantivy(error: BaseException) -> bool:
    """tantivy raises ValueError or OSError; a damaged file can also make it panic, which is not an Exception."""
    return isinstance(error, (ValueError, OSError)) or type(error).__name__ == "PanicException"
