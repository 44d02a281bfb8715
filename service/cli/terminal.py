"""Output on a terminal, wrapped to its width and coloured; through a pipe plain, one paragraph a line."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

from rich.console import Console
from rich.style import Style
from rich.text import Text

from rag import answerability
from rag.connectors.enrich import EnrichReport
from rag.grounding import highlight
from rag.library.checks import Finding
from rag.library.registry import LibrarySummary
from rag.types import Answer, Citation, IngestReport, MergedRecord, Paper, Sentence
from service.cli import links, paging
from service.cli.output import MAX_COLUMNS, UNSAFE_ON_A_TERMINAL, named, plain
from service.cli.streaming import MARKS

NEAREST = 3
MORE = "More from the abstracts"
NEAREST_STATEMENTS = "The nearest statements, which may not answer this"
_MESSAGES_SHOWN = 10
_MARK = re.compile(r"\[(\d+)\]")
_BLANK = re.compile(r"\s")

_OUTCOMES = {
    "answered": "Answered",
    "partial": "Answered in part",
    "not_in_abstracts": "Not in the abstracts",
    "out_of_scope": "Out of scope",
    "empty_library": "Empty library",
}
_VERDICTS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "fault": ("✗", "red")}
_NUMBER, _TITLE, _FAINT, _LINK = "bold cyan", "bold", "dim", "blue underline"
_WARNING, _FAULT = "yellow", "bold red"


class _PipeConsole(Console):
    """Leaves the handling of a closed pipe to `main.py`."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Page:
    """Prints the results of commands to standard output."""

    def __init__(self, *, plain: bool = False, buffer: StringIO | None = None) -> None:
        """`plain` prints as through a pipe wherever it is; a buffer is what is shown on the terminal afterwards."""
        self._console = _PipeConsole(
            highlight=False,
            markup=False,
            emoji=False,
            file=buffer,
            force_terminal=False if plain else True if buffer else None,
            color_system=None if plain else "auto",
        )
        self._linked = self._console.is_terminal and links.are_shown()

    @classmethod
    @contextmanager
    def paged(cls, pager: bool = True, *, plain: bool = False) -> Iterator["Page"]:
        """A page that is shown at the end, in the user's pager if it is longer than the screen, as `paging` does."""
        if plain or not pager or not sys.stdout.isatty():
            yield cls(plain=plain)
            return
        buffer = StringIO()
        yield cls(buffer=buffer)
        paging.show(buffer.getvalue())

    def answer(self, answer: Answer) -> None:
        """The text, each source with its quotes or the nearest papers, further statements; then how it was made."""
        for line in answer.text.splitlines():
            self._write(self._with_marks(line, answer.cited_papers), hanging=2 if line.startswith("- ") else 0)
        self._write(Text(answer.notice, _WARNING))
        self._unsupported(answer)
        if answer.cited_papers:
            self._heading("Sources")
            for number, paper in answer.cited_papers.items():
                cited = [citation for citation in answer.citations if citation.number == number]
                self._source(number, paper, cited, answer.sentences)
        elif answer.passages:
            self._heading("Nearest papers")
            for passage in answerability.nearest(answer.passages):
                self._paper(f"[{passage.number}]", passage.paper)
        self.more(answer)
        self._evidence(answer)
        self._write()
        self._write(Text(_facts(answer), _FAINT))

    def results(self, papers: Sequence[Paper], results: Sequence[Mapping[str, Any]]) -> None:
        """Ranked papers, best first, each with its score and the sentence that matched best."""
        if not papers:
            self._write(Text("Nothing found."))
        for paper, result in zip(papers, results, strict=True):
            self._paper(f"{result['rank']}.", paper, f"{result['score']:.2f}")
            self._write(Text(result["snippet"], _FAINT), indent=4)

    def papers(self, papers: Sequence[Paper], total: int, offset: int) -> None:
        """One paper a line: id, year, title."""
        width = max((len(plain(paper.id)) for paper in papers), default=0)
        beside = width <= self._console.width // 3 or not self._console.is_terminal
        for paper in papers:
            id = Text(plain(paper.id).ljust(width if beside else 0), _NUMBER)
            title = Text(paper.title, self._link(paper.url))
            if beside:
                self._write(Text.assemble(id, f"  {paper.year or '    '}  ", title), hanging=width + 8)
            else:
                self._write(id)
                self._write(Text.assemble(f"{paper.year or '    '}  ", title), indent=2, hanging=6)
        first = min(offset + 1, total)
        shown = f"{first}-{offset + len(papers)} of {total}" if papers else f"none of {total}"
        self._write(Text(f"{shown} papers", _FAINT))

    def paper(self, paper: Paper) -> None:
        """All fields of a paper."""
        self._write(Text(paper.title, _TITLE))
        self._write(Text(", ".join(paper.authors)))
        self._write(Text(" · ".join(str(fact) for fact in (paper.year, paper.venue, paper.id) if fact), _FAINT))
        self._write(Text("This paper has been retracted." if paper.retracted else "", _WARNING))
        self.url(paper.url)
        self._write()
        self._write(Text(paper.abstract))
        self._write()
        if paper.ids:
            self._write(Text(f"also {', '.join(paper.ids)}", _FAINT))
        for source in paper.sources:
            self._write(Text(f"read from {source.path}, line {source.line}", _FAINT))

    def libraries(self, libraries: Sequence[LibrarySummary]) -> None:
        """One library a line."""
        if not libraries:
            self._write(Text("No library yet; `scholiast ingest PATH` makes one, `scholiast demo` loads a sample."))
        width = max((len(library.name) for library in libraries), default=0)
        for library in libraries:
            counts = f"{library.papers:>9,} papers {library.chunks:>10,} chunks  {library.embedder}"
            self._write(Text.assemble((library.name.ljust(width), _TITLE), counts))

    def report(self, report: IngestReport) -> None:
        """What an ingest did, which records it merged, and why others were rejected, or kept without a value."""
        done = f"{report.added} added, {report.updated} updated, {report.unchanged} unchanged"
        self._write(Text(f"{done}, {len(report.rejected) + report.more_rejected} rejected"))
        self._messages(_once_each((f"{r.source}:{r.line}", r.reason) for r in report.rejected), _WARNING)
        self._more(report.more_rejected)
        self._messages(_once_each((f"{note.source}:{note.line}", note.text) for note in report.notes), _FAINT)
        self._messages([_merge_line(record) for record in report.merged], _FAINT)
        self._write(Text(f"library {report.library}: {report.papers:,} papers, {report.chunks:,} chunks", _FAINT))

    def enriched(self, report: EnrichReport) -> None:
        """What each paper gained."""
        for paper in report.enriched:
            gained = ["retracted" if value is True else f"{name} {value}" for name, value in paper.filled.items()]
            self._write(
                Text.assemble((paper.id, _NUMBER), f"  {paper.title}: ", (", ".join(gained), _TITLE)), hanging=2
            )
        counts = f"{len(report.enriched):,} enriched of {report.asked:,} with a DOI, PubMed or arXiv id"
        self._write(Text(f"library {report.library}: {report.papers:,} papers, {counts}", _FAINT))

    def _messages(self, messages: Sequence[str], style: str) -> None:
        for message in messages[:_MESSAGES_SHOWN]:
            self._write(Text(message, style), indent=2)
        self._more(len(messages) - _MESSAGES_SHOWN)

    def _more(self, count: int) -> None:
        if count > 0:
            self._write(Text(f"and {count:,} more; --json lists them", _FAINT), indent=2)

    def findings(self, findings: Sequence[Finding]) -> None:
        """What `doctor` found; the remedy stands under each fault."""
        for finding in findings:
            mark, style = _VERDICTS[finding.verdict]
            self._write(Text.assemble((f"{mark} ", style), (f"{finding.part}: ", _TITLE), finding.message), hanging=2)
            if finding.remedy:
                self._write(Text(f"→ {finding.remedy}", style), indent=2, hanging=2)

    def entry(self, id: str, text: str, below: str = "") -> None:
        """One thing of a list: its text, and below it, small, what more is known and the id by which it is found."""
        self._write(Text(text), hanging=12)
        self._write(Text(below, _FAINT), indent=12)
        self._write(Text(id, _NUMBER), indent=12)

    def line(self, text: str = "", style: str = "", url: str | None = None) -> None:
        """One paragraph, linked to the address where the terminal can; an empty line if there is no text."""
        self._write(Text(text, Style.parse(style) + self._link(url)) if text else None)

    def url(self, url: str | None, indent: int = 0) -> None:
        """An address, if there is one. Never wrapped: in two parts it is none."""
        if url:
            text = _safe(Text(_BLANK.sub(" ", url), Style.parse(_LINK) + self._link(url)))
            self._console.print(Text(" " * indent).append_text(text), soft_wrap=True)

    def contradicted(self, sentences: Iterable[tuple[str, str]]) -> None:
        """Sentences that the abstracts contradict, each with the reason; nothing if there are none."""
        for place, (sentence, reason) in enumerate(sentences):
            if not place:
                self._heading("Contradicted by the abstracts", _FAULT)
            self._write(Text(sentence, _FAULT), indent=4)
            self._write(Text(reason, _WARNING), indent=6)

    def _unsupported(self, answer: Answer) -> None:
        if answer.outcome not in ("answered", "partial"):
            return
        self.contradicted((s.text, s.reason) for s in answer.sentences if s.support == "contradicted")
        unsupported = [sentence.text for sentence in answer.sentences if sentence.support == "unsupported"]
        if unsupported:
            self._heading("Not supported by the abstracts")
            for sentence in unsupported:
                self._write(Text(sentence, _WARNING), indent=4)

    def more(self, answer: Answer) -> None:
        """The statements beyond the answer, small."""
        if answer.more:
            self._heading(MORE if answer.citations else NEAREST_STATEMENTS, _FAINT)
        for statement in answer.more:
            marks = "".join(f"[{number}]" for number in statement.citations)
            self._write(Text(f"- {statement.text} {marks}", _FAINT), hanging=2)

    def _source(self, number: int, paper: Paper, cited: Sequence[Citation], sentences: Sequence[Sentence]) -> None:
        """The paper, and the quotes that the answer does not repeat, with the words that support it in bold."""
        self._paper(f"[{number}]", paper)
        shown = {c.quote: c for c in cited if not _repeats(sentences[c.sentence], c.quote)}
        for quote, citation in shown.items():
            text = Text(f"“{_BLANK.sub(' ', quote)}”", "italic")
            for start, end in highlight.supporting(sentences[citation.sentence].text, quote):
                text.stylize("bold", start + 1, end + 1)
            self._write(text, indent=4, hanging=1)

    def _paper(self, mark: str, paper: Paper, after: str = "") -> None:
        more = (f"  {after}", _FAINT) if after else ""
        title = (paper.title, Style.parse(_TITLE) + self._link(paper.url))
        self._write(Text.assemble((f"{mark:<4}", _NUMBER), title, paper.suffix, more), hanging=4)
        self.url(paper.url, indent=4)

    def _link(self, url: str | None) -> Style:
        """What makes a text clickable, where the terminal can."""
        target = links.target(url) if self._linked else ""
        return Style(link=target or None)

    def _with_marks(self, line: str, papers: Mapping[int, Paper]) -> Text:
        """A line of an answer, its marks coloured and linked to their papers."""
        text = Text(line)
        text.highlight_regex(MARKS, _NUMBER)
        for mark in _MARK.finditer(line):
            if paper := papers.get(int(mark[1])):
                text.stylize(self._link(paper.url), *mark.span())
        return text

    def _evidence(self, answer: Answer) -> None:
        """What a deep answer was written from: the grade of each abstract, and why."""
        if answer.evidence:
            self._heading("Evidence")
        for row in answer.evidence:
            self._write(Text(f"[{row.number}] {row.grade:g}/10 {plain(row.why)}"), hanging=4)

    def _heading(self, text: str, style: str = _TITLE) -> None:
        self._write()
        self._write(Text(text, style))

    def _write(self, text: Text | None = None, indent: int = 0, hanging: int = 0) -> None:
        """One paragraph, its later lines indented by `hanging` more. Empty text writes nothing, None an empty line."""
        if text is None:
            self._console.print()
            return
        for number, line in enumerate(self._wrapped(_safe(text), indent, hanging)):
            line.rstrip()
            self._console.print(Text(" " * (indent + (hanging if number else 0))).append_text(line), soft_wrap=True)

    def _wrapped(self, text: Text, indent: int, hanging: int) -> Sequence[Text]:
        """The lines; what stands before `hanging` in the first is its label."""
        if not text.plain:
            return []
        if not self._console.is_terminal or len(text) <= hanging:
            return [text]
        columns = max(20, min(self._console.width, MAX_COLUMNS) - indent - hanging)
        label, rest = text.divide([hanging]) if hanging else (Text(), text)
        first, *others = rest.wrap(self._console, columns)
        return [label.append_text(first), *others]


def _once_each(messages: Iterable[tuple[str, str]]) -> Sequence[str]:
    """Pairs of a place and what is said of it, as lines that say the same only once."""
    places: dict[str, list[str]] = {}
    for place, text in messages:
        places.setdefault(text, []).append(place)
    return [f"{named(found)}: {text}" for text, found in places.items()]


def _merge_line(record: MergedRecord) -> str:
    return f"{record.source}:{record.line}: {record.record} is merged into {record.into}: {record.because}"


def _repeats(sentence: Sentence, quote: str) -> bool:
    return sentence.support == "supported" and highlight.says_it_all(sentence.text, quote)


def _facts(answer: Answer) -> str:
    milliseconds = [f"{answer.timings_ms['total']:.0f} ms"] if "total" in answer.timings_ms else []
    facts = [_OUTCOMES[answer.outcome], answer.model, *milliseconds, f"library {answer.library}"]
    return " · ".join(facts)


def _safe(text: Text) -> Text:
    """The text without control characters."""
    if UNSAFE_ON_A_TERMINAL.search(text.plain):
        text = Text(plain(text.plain), text.style)
    return text
