"""HTML: a numbered list of papers, and an answer as a page whose marks lead to the papers and their quotes."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby
from urllib.parse import urlsplit

from rag.references.cited import Cited, cited_papers
from rag.references.fields import link, one_line, people, published, sentences, title
from rag.types import Answer, Paper

MEDIA_TYPE = "text/html"
SUFFIX = ".html"

_MARK = re.compile(r"\[(\d+)\]")
_HEAD = '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n<body>\n'
_END = "</body>\n</html>\n"


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """A page with an item for each paper."""
    yield _HEAD.format(title="References") + "<ol>\n"
    for paper in papers:
        yield f"<li>{reference(paper)}</li>\n"
    yield f"</ol>\n{_END}"


def reference(paper: Paper) -> str:
    """Authors, title with a link to its page, where and when it appeared."""
    named, address = escape(title(paper)), link(paper) or ""
    named = f'<a href="{escape(address)}">{named}</a>' if _is_web_address(address) else named
    before, after = sentences(escape(people(paper))), sentences(escape(published(paper)))
    return " ".join(part for part in (before, f"<cite>{named}</cite>.", after) if part)


def answer(answer: Answer, papers: Mapping[str, Paper]) -> str:
    """The question as a heading, the answer, further statements, and the papers with the words that were quoted."""
    cited = cited_papers(answer, papers)
    known = {entry.number for entry in cited}
    parts = [f"<h1>{escape(one_line(answer.question))}</h1>", *_paragraphs(answer.text, known)]
    parts += [f"<p><em>{escape(answer.notice)}</em></p>"] if answer.notice else []
    if answer.more:
        lines = [f"{entry.text} {''.join(f'[{number}]' for number in entry.citations)}" for entry in answer.more]
        parts += ["<h2>More from the abstracts</h2>", _list(lines, known)]
    if cited:
        parts += ["<h2>References</h2>", "<ol>", *map(_cited, cited), "</ol>"]
    return _HEAD.format(title=escape(one_line(answer.question))) + "\n".join(parts) + f"\n{_END}"


def _paragraphs(text: str, known: set[int]) -> Iterator[str]:
    """Lines that begin with `- ` as a list, each other one as a paragraph."""
    lines = [line for line in text.splitlines() if line.strip()]
    for listed, group in groupby(lines, lambda line: line.startswith("- ")):
        if listed:
            yield _list([line[2:] for line in group], known)
        else:
            yield from (f"<p>{_marked(line, known)}</p>" for line in group)


def _list(lines: Iterable[str], known: set[int]) -> str:
    return "\n".join(["<ul>", *(f"<li>{_marked(line, known)}</li>" for line in lines), "</ul>"])


def _marked(text: str, known: set[int]) -> str:
    """The text, its marks `[n]` as links to the papers."""
    return _MARK.sub(
        lambda mark: f'<a href="#paper-{mark[1]}">{mark[0]}</a>' if int(mark[1]) in known else mark[0], escape(text)
    )


def _cited(cited: Cited) -> str:
    quotes = "".join(f"\n<blockquote>{escape(one_line(quote))}</blockquote>" for quote in cited.quotes)
    return f'<li id="paper-{cited.number}" value="{cited.number}">{reference(cited.paper)}{quotes}</li>'


def _is_web_address(url: str) -> bool:
    """Whether it leads to a page and runs nothing, as `javascript:` would."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False
