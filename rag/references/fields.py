"""What several formats write of a paper: text on one line, its web page, and its id where nothing else tells it."""

from rag.corpus.identity import page, paper_id
from rag.types import Paper

RETRACTED = "Retracted publication"
"""What a reference to a retracted paper says; the readers of all formats know it."""

_MAX_AUTHORS = 10


def one_line(text: str) -> str:
    """The text with single spaces, so that no value can begin a line of a file."""
    return " ".join(text.split())


def link(paper: Paper) -> str | None:
    """The lasting web page of the paper: that of its DOI, else the one that its record names."""
    return page(f"doi:{paper.doi}") if paper.doi else paper.url


def title(paper: Paper) -> str:
    """The title without a full stop at its end, as something may follow."""
    return one_line(paper.title).removesuffix(".")


def people(paper: Paper) -> str:
    """The authors as a reader reads them; of many the first ten."""
    names = [one_line(name) for name in paper.authors]
    if len(names) > _MAX_AUTHORS:
        return f"{', '.join(names[:_MAX_AUTHORS])} et al."
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def published(paper: Paper) -> str:
    """Venue, volume with the issue, pages and year, and whether the paper is retracted; empty where none is known."""
    issue = f"({paper.issue})" if paper.issue and paper.volume else ""
    place = (one_line(paper.venue or ""), f"{paper.volume or ''}{issue}", paper.pages or "")
    facts = (*(place if paper.venue else ()), str(paper.year or ""), RETRACTED if paper.retracted else "")
    return ", ".join(filter(None, facts))


def sentences(*parts: str) -> str:
    """The parts that there are, each with a mark at its end."""
    return " ".join(part if part[-1] in ".?!" else f"{part}." for part in parts if part)


def own_id(paper: Paper) -> str | None:
    """The id, unless it follows from the paper's numbers or title, as it does when the paper is read again."""
    numbers = {"arxiv": paper.arxiv_id, "doi": paper.doi, "pmid": paper.pmid}
    public = next((f"{kind}:{number}" for kind, number in numbers.items() if number), None)
    return None if paper_id(paper.title, public) == paper.id else paper.id
