"""Years, authors and venues restrict a question for several papers, and no other question."""

import pytest

from rag.catalog_questions.restrictions import restricted
from rag.engine import Engine
from rag.library.library import Library
from rag.types import EVERYTHING, Filters
from rag.workspace import Workspace
from tests.conftest import settings
from tests.support.catalog_papers import PAPERS
from tests.support.command import words


@pytest.fixture
async def library(engine: Engine) -> Library:
    """The engine's own."""
    assert isinstance(engine.vocabulary, Library)
    return engine.vocabulary


@pytest.mark.parametrize(
    ("question", "rest", "first", "last"),
    [
        ("Which papers from 2020 are about sleep?", "Which papers are about sleep?", 2020, 2020),
        ("papers on hip fracture since 2017", "papers on hip fracture", 2017, None),
        ("studies on sleep after 2020", "studies on sleep", 2021, None),
        ("list all papers before 2016", "list all papers", None, 2015),
        ("papers on insulin up to 2017", "papers on insulin", None, 2017),
        ("What was published between 2015 and 2017?", "What ?", 2015, 2017),
        ("papers on hip fracture 2015-2017", "papers on hip fracture", 2015, 2017),
        ("articles from 2020 or later on diabetes", "articles on diabetes", 2020, None),
        ("Which works of the 2010s deal with insulin?", "Which works of the 2010s deal with insulin?", 2010, 2019),
        ("how many papers published in 2021 are about sleep", "how many papers are about sleep", 2021, 2021),
    ],
)
async def test_years_become_filters(
    library: Library, question: str, rest: str, first: int | None, last: int | None
) -> None:
    found = await restricted(question, library)
    assert (found.filters.year_from, found.filters.year_to) == (first, last)
    assert "of 13)." in found.notice
    assert found.question == rest or "2010s" in question


@pytest.mark.parametrize(
    "question",
    [
        "Did incidence fall between 2015 and 2017?",
        "In 2019 data, how many had diabetes?",
        "Which drugs were approved in 2019?",
        "Which studies enrolled patients from 2010 to 2015?",
        "Which papers use data from 2015?",
        "What happened to nurses in 2019?",
        "Which papers show that training by Langevin dynamics works?",
        "How many patients were treated by Moe in 2019?",
    ],
)
async def test_the_years_of_what_papers_say_restrict_nothing(library: Library, question: str) -> None:
    found = await restricted(question, library)
    assert (found.question, found.filters, found.notice, found.missing) == (question, EVERYTHING, "", "")


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("Which papers are by Ann Moe?", {1, 2}),
        ("papers by Moe on light", {1, 2}),
        ("papers by moe", {1, 2}),
        ("What has Ida Berg published?", {2, 9}),
        ("papers by Berg and Moe", {2}),
        ("Falk's papers on hip fracture", {5, 8}),
        ("which papers in Sleep Reports are about light?", {1, 2}),
        ("list the articles published in diabetes letters", {4, 5, 6, 7}),
        ("studies by Per Lund in Bone Care", {8}),
    ],
)
async def test_authors_and_venues_become_filters(library: Library, question: str, numbers: set[int]) -> None:
    found = await restricted(question, library)
    assert set(found.filters.papers) == {f"10.5555/m{number}" for number in numbers}


async def test_filters_of_a_request_stay_and_are_only_narrowed(library: Library) -> None:
    given = Filters(year_from=2018, papers=("10.5555/m8", "10.5555/m10"))
    found = await restricted("papers by Per Lund since 2015", library, given)
    assert (found.filters.year_from, set(found.filters.papers)) == (2018, {"10.5555/m8", "10.5555/m10"})


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Which papers are by Olga Muster?", "No paper in this library has an author named Olga Muster."),
        ("papers published in Nature", "No paper in this library has the venue Nature."),
        ("papers on sleep from 1999", "No paper in this library is from 1999; the years it knows are 2015 to 2023."),
    ],
)
async def test_what_no_paper_passes_is_declined_with_the_reason(engine: Engine, question: str, said: str) -> None:
    answer = await engine.ask(question)
    assert (answer.outcome, answer.text) == ("not_in_abstracts", said)


async def test_an_ordinary_list_is_answered_from_the_papers_that_pass_and_says_so(engine: Engine) -> None:
    answer = await engine.ask("Which papers from 2020 are about hip fracture?")
    assert {passage.paper.year for passage in answer.passages} == {2020}
    assert "Only papers from 2020 are considered (2 of 13)." in answer.notice


async def test_papers_of_years_alone_are_listed(engine: Engine) -> None:
    answer = await engine.ask("Which papers from 2020?")
    assert answer.text.startswith("2 papers:") and len(answer.cited_papers) == 2


async def test_a_library_without_years_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with Workspace(settings(tmp_path_factory.mktemp("home")), words()) as workspace:
        await workspace.ingest(PAPERS[-1])
        answer = await workspace.ask("papers on apnoea from 2020")
    assert "it does not hold the years of its papers" in answer.text
