"""Output on a terminal, wrapped to its width and coloured; through a pipe plain, one paragraph a line."""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from rag import answerability
from rag.connectors.enrich import EnrichReport
from rag.grounding import highlight
from rag.library.checks import Finding
from rag.library.library import Progress as ProgressCallback
from rag.library.registry import LibrarySummary
from rag.types import Answer, Citation, IngestReport, MergedRecord, Paper, Sentence

_MAX_COLUMNS = 100
"""Longer lines are hard to read."""

NEAREST = 3
MORE = "More from the abstracts"
NEAREST_STATEMENTS = "The nearest statements, which may not answer this"
_MESSAGES_SHOWN = 10
_MARKS = re.compile(r"(?:\[\d+\])+")
_COLOURED_MARKS = "\x1b[1;36m\\g<0>\x1b[0m"
_SPACE = re.compile(r"(\s+)")
_BLANK = re.compile(r"\s")
UNSAFE_ON_A_TERMINAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal would execute or reorder: it is removed, as the text of an abstract is not to be trusted."""

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

    def __init__(self) -> None:
        self._console = _PipeConsole(highlight=False, markup=False, emoji=False)

    def answer(self, answer: Answer) -> None:
        """The text, each source with its quotes or the nearest papers, further statements; then how it was made."""
        for line in answer.text.splitlines():
            self._write(_with_marks(line), hanging=2 if line.startswith("- ") else 0)
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
        width = max((len(_plain(paper.id)) for paper in papers), default=0)
        for paper in papers:
            line = Text.assemble((_plain(paper.id).ljust(width), _NUMBER), f"  {paper.year or '    '}  ", paper.title)
            self._write(line, hanging=width + 8)
        first = min(offset + 1, total)
        shown = f"{first}-{offset + len(papers)} of {total}" if papers else f"none of {total}"
        self._write(Text(f"{shown} papers", _FAINT))

    def paper(self, paper: Paper) -> None:
        """All fields of a paper."""
        self._write(Text(paper.title, _TITLE))
        self._write(Text(", ".join(paper.authors)))
        self._write(Text(" · ".join(str(fact) for fact in (paper.year, paper.venue, paper.id) if fact), _FAINT))
        self._write(Text("This paper has been retracted." if paper.retracted else "", _WARNING))
        self._write(Text(paper.url or "", _LINK))
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
        rejected = [(f"{r.source}:{r.line}: {r.reason}", _WARNING) for r in report.rejected]
        self._messages(rejected, report.more_rejected)
        self._messages([(f"{note.source}:{note.line}: {note.text}", _FAINT) for note in report.notes])
        self._messages([(_merge_line(record), _FAINT) for record in report.merged])
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

    def _messages(self, messages: Sequence[tuple[str, str]], unlisted: int = 0) -> None:
        for message, style in messages[:_MESSAGES_SHOWN]:
            self._write(Text(message, style), indent=2)
        if (more := len(messages) + unlisted - _MESSAGES_SHOWN) > 0:
            self._write(Text(f"and {more} more; --json lists them", _FAINT), indent=2)

    def findings(self, findings: Sequence[Finding]) -> None:
        """What `doctor` found; the remedy stands under each fault."""
        for finding in findings:
            mark, style = _VERDICTS[finding.verdict]
            self._write(Text.assemble((f"{mark} ", style), (f"{finding.part}: ", _TITLE), finding.message), hanging=2)
            if finding.remedy:
                self._write(Text(f"→ {finding.remedy}", style), indent=2, hanging=2)

    def line(self, text: str = "", style: str = "") -> None:
        """One paragraph; an empty line if there is no text."""
        self._write(Text(text, style) if text else None)

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
        self._write(Text.assemble((f"{mark:<4}", _NUMBER), (paper.title, _TITLE), paper.suffix, more), hanging=4)
        if paper.url:
            self._write(Text(paper.url, _LINK), indent=4)

    def _evidence(self, answer: Answer) -> None:
        """What a deep answer was written from: the grade of each abstract, and why."""
        if answer.evidence:
            self._heading("Evidence")
        for row in answer.evidence:
            self._write(Text(f"[{row.number}] {row.grade:g}/10 {_plain(row.why)}"), hanging=4)

    def _heading(self, text: str, style: str = _TITLE) -> None:
        self._write()
        self._write(Text(text, style))

    def _write(self, text: Text | None = None, indent: int = 0, hanging: int = 0) -> None:
        """One paragraph, its later lines indented by `hanging` more. Empty text writes nothing, None an empty line."""
        if text is None:
            self._console.print()
            return
        for number, line in enumerate(self._wrapped(_safe(text), indent + hanging)):
            line.rstrip()
            self._console.print(Text(" " * (indent + (hanging if number else 0))).append_text(line), soft_wrap=True)

    def _wrapped(self, text: Text, indent: int) -> Sequence[Text]:
        if not text.plain:
            return []
        if not self._console.is_terminal:
            return [text]
        return list(text.wrap(self._console, max(20, min(self._console.width, _MAX_COLUMNS) - indent)))


class StreamPrinter:
    """Prints one text to standard output piece by piece: whole words, wrapped to the width; through a pipe as it is."""

    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._coloured = self._terminal and not os.environ.get("NO_COLOR")
        self._width = min(_MAX_COLUMNS, shutil.get_terminal_size().columns)
        self._column = 0
        self._pending = ""

    def write(self, piece: str) -> None:
        """Print the next piece, except for a last word that may not be complete yet."""
        *parts, self._pending = _SPACE.split(self._pending + _plain(piece))
        for part in parts:
            self._print(part)
        sys.stdout.flush()

    def end(self) -> None:
        """Print what is left and end the line."""
        self._print(self._pending)
        self._pending = ""
        print(flush=True)

    def _print(self, part: str) -> None:
        if not self._terminal:
            sys.stdout.write(part)
        elif "\n" in part:
            sys.stdout.write("\n" * part.count("\n"))
            self._column = 0
        elif part.isspace():
            self._column += len(part)
            sys.stdout.write(part if self._column < self._width else "")
        else:
            if self._column and self._column + len(part) > self._width:
                sys.stdout.write("\n")
                self._column = 0
            self._column += len(part)
            sys.stdout.write(_MARKS.sub(_COLOURED_MARKS, part) if self._coloured else part)


@contextmanager
def progress(what: str) -> Iterator[ProgressCallback]:
    """A progress bar on standard error, shown only on a terminal; call the yielded function with (done, total)."""
    with progress_of(what) as (step,):
        yield step


@contextmanager
def progress_of(*steps: str) -> Iterator[Sequence[ProgressCallback]]:
    """A progress bar for each step, as `progress` has one; that of a later step is shown once it begins."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks = [bar.add_task(step, total=None, visible=not number) for number, step in enumerate(steps)]
        yield [partial(_update, bar, task) for task in tasks]


def _update(bar: Progress, task: TaskID, done: int, total: int) -> None:
    bar.update(task, completed=done, total=total, visible=True)


def print_file(pieces: Iterable[str]) -> None:
    """Print the text of a file as it is; on a terminal without what that would execute."""
    shown = _plain if sys.stdout.isatty() else str
    for piece in pieces:
        sys.stdout.write(shown(piece))


def print_error(message: str) -> None:
    """Print one line on standard error."""
    print(f"scholiast: {_plain(' '.join(message.split()))}", file=sys.stderr)


def _merge_line(record: MergedRecord) -> str:
    return f"{record.source}:{record.line}: {record.record} is merged into {record.into}: {record.because}"


def _repeats(sentence: Sentence, quote: str) -> bool:
    return sentence.support == "supported" and highlight.says_it_all(sentence.text, quote)


def _facts(answer: Answer) -> str:
    milliseconds = [f"{answer.timings_ms['total']:.0f} ms"] if "total" in answer.timings_ms else []
    facts = [_OUTCOMES[answer.outcome], answer.model, *milliseconds, f"library {answer.library}"]
    return " · ".join(facts)


def _with_marks(line: str) -> Text:
    text = Text(line)
    text.highlight_regex(_MARKS, _NUMBER)
    return text


def _safe(text: Text) -> Text:
    """The text without control characters."""
    if UNSAFE_ON_A_TERMINAL.search(text.plain):
        text = Text(_plain(text.plain), text.style)
    return text


def _plain(text: str) -> str:
    return UNSAFE_ON_A_TERMINAL.sub("", text)
