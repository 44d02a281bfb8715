"""Markdown: a numbered list of papers, and an answer whose marks are footnotes with the paper and its quotes."""

import re
from collections.abc import Iterable, Iterator, Mapping

from rag.references.cited import Cited, cited_papers
from rag.references.fields import link, one_line, people, published, sentences, title
from rag.types import Answer, Paper

MEDIA_TYPE = "text/markdown"
SUFFIX = ".md"

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|$~&])")
_LIST_MARK = re.compile(r"^(\s*)([-+]|\d+[.)])(?=\s)")
_MARK = re.compile(r"\[(\d+)\]")


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """One item for each paper."""
    for number, paper in enumerate(papers, start=1):
        yield f"{number}. {reference(paper)}\n"


def reference(paper: Paper) -> str:
    """Authors, title with a link to its page, where and when it appeared."""
    named, address = escape(title(paper)), link(paper)
    named = f"[{named}]({_address(address)})" if address else named
    return sentences(escape(people(paper)), named, escape(published(paper)))


def escape(text: str) -> str:
    """The text on one line, with nothing that Markdown or HTML would take as markup."""
    return _LIST_MARK.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line(text)))


def answer(answer: Answer, papers: Mapping[str, Paper]) -> str:
    """The question as a heading, the answer, further statements, and a footnote for each paper with its quotes."""
    cited = cited_papers(answer, papers)
    known = {entry.number for entry in cited}
    parts = [f"## {escape(answer.question)}", _with_footnotes(answer.text, known)]
    parts += [f"*{escape(answer.notice)}*"] if answer.notice else []
    if answer.more:
        parts.append("*More from the abstracts*")
        marked = (f"{statement.text} {_marks(statement.citations)}" for statement in answer.more)
        parts.append("\n".join(f"- {_with_footnotes(line, known)}" for line in marked))
    return "\n\n".join([*parts, *map(_footnote, cited)]) + "\n"


def _with_footnotes(text: str, known: set[int]) -> str:
    """The text, line by line, its marks `[n]` as footnotes. A list stays one."""
    return "\n".join(_line(line, known) for line in text.splitlines())


def _line(line: str, known: set[int]) -> str:
    item, words = ("- ", line[2:]) if line.startswith("- ") else ("", line)
    pieces = _MARK.split(words)  # text and numbers in turn
    written = [
        _SPECIAL.sub(r"\\\1", piece) if place % 2 == 0 else f"[^{piece}]" if int(piece) in known else rf"\[{piece}\]"
        for place, piece in enumerate(pieces)
    ]
    return item + _LIST_MARK.sub(r"\1\\\2", "".join(written))


def _marks(numbers: Iterable[int]) -> str:
    return "".join(f"[{number}]" for number in numbers)


def _footnote(cited: Cited) -> str:
    quotes = "".join(f"\n\n    > {escape(quote)}" for quote in cited.quotes)
    return f"[^{cited.number}]: {reference(cited.paper)}{quotes}"


def _address(url: str) -> str:
    """An address that can't end the link early."""
    return re.sub(r"[\s()<>\\]", lambda found: f"%{ord(found[0]):02X}", url)
