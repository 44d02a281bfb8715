"""Plain text: a numbered list of papers, and an answer with the papers and quotes that it rests on."""

from collections.abc import Iterable, Iterator, Mapping

from rag.references.cited import Cited, cited_papers
from rag.references.fields import link, one_line, people, published, sentences, title
from rag.types import Answer, Paper

MEDIA_TYPE = "text/plain"
SUFFIX = ".txt"


def write(papers: Iterable[Paper]) -> Iterator[str]:
    """One line for each paper."""
    for number, paper in enumerate(papers, start=1):
        yield f"{number}. {reference(paper)}\n"


def reference(paper: Paper) -> str:
    """Authors, title, where and when it appeared, and its page."""
    named = sentences(people(paper), title(paper), published(paper))
    return f"{named} {link(paper) or ''}".strip()


def answer(answer: Answer, papers: Mapping[str, Paper]) -> str:
    """The question, the answer with its marks, and under them the papers with the words that were quoted."""
    parts = [one_line(answer.question), answer.text, *filter(None, [answer.notice])]
    if answer.more:
        parts.append("\n".join(["More from the abstracts:", *(f"- {line}" for line in _more(answer))]))
    if listed := [_cited(cited) for cited in cited_papers(answer, papers)]:
        parts.append("\n\n".join(["References", *listed]))
    return "\n\n".join(parts) + "\n"


def _more(answer: Answer) -> Iterator[str]:
    for statement in answer.more:
        yield f"{one_line(statement.text)} {''.join(f'[{number}]' for number in statement.citations)}"


def _cited(cited: Cited) -> str:
    quotes = "".join(f"\n    “{one_line(quote)}”" for quote in cited.quotes)
    return f"[{cited.number}] {reference(cited.paper)}{quotes}"
