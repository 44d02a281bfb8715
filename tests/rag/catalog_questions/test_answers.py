"""What the catalog answers, through the real engine: fields, counts, dates, the library, reading lists, negations."""

import pytest

from rag.engine import CitationEvent, Delta, Done, Engine, Sources
from rag.types import Answer, Filters, Turn
from tests.support.catalog_papers import PAPERS


def cited(answer: Answer) -> list[str]:
    """The ids of the cited papers without what they have in common, by number."""
    return [paper.id.removeprefix("10.5555/") for paper in answer.cited_papers.values()]


# Fields of one paper


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who wrote “Insulin pumps in pregnancy”?", "“Insulin pumps in pregnancy” is by Lena Sund [1]."),
        ("authors of Metformin in older adults", "“Metformin in older adults” is by Lena Sund and Omar Reyes [1]."),
        ("When was the study Metformin in older adults published?", "“Metformin in older adults” is from 2020 [1]."),
        (
            "In which journal did “Evening light and sleep in adolescents” appear?",
            "“Evening light and sleep in adolescents” appeared in Sleep Reports [1].",
        ),
        (
            "what is the doi of Telephone follow-up after hip fracture?",
            "“Telephone follow-up after hip fracture” has the DOI 10.5555/m8 [1].",
        ),
        ("link to Insulin pumps in pregnancy", "“Insulin pumps in pregnancy” is at https://example.org/m7 [1]."),
    ],
)
async def test_a_field_of_a_paper_is_told_and_cites_it(engine: Engine, question: str, text: str) -> None:
    answer = await engine.ask(question)
    assert (answer.outcome, answer.text, answer.model) == ("answered", text, "catalog")
    assert answer.citations == () and answer.sentences[0].citations == (1,)
    assert (answer.sentences[0].support, answer.sentences[0].reason) == ("supported", "from the catalog's fields")


async def test_a_field_that_the_library_does_not_hold_is_said_to_be_missing(engine: Engine) -> None:
    answer = await engine.ask("Who wrote Screening for apnoea at home?")
    assert answer.outcome == "not_in_abstracts"
    assert answer.text == "The library does not hold the authors of “Screening for apnoea at home”."
    assert [passage.paper.id for passage in answer.passages] == ["apnoea"]


async def test_of_two_fields_the_missing_one_is_named(engine: Engine) -> None:
    answer = await engine.ask("Who wrote Early walking after hip fracture surgery, and where was it published?")
    assert answer.outcome == "partial"
    assert "is by Per Lund [1]" in answer.text and "does not hold the venue of" in answer.text


async def test_a_paper_that_is_not_clearly_meant_is_not_guessed(engine: Engine) -> None:
    answer = await engine.ask("Who wrote the paper on volcanic eruptions in Iceland?")
    assert answer.outcome == "not_in_abstracts" and not answer.citations
    assert "not clear which paper" in answer.text
    assert not any(name in answer.text for paper in PAPERS for name in paper.authors)


async def test_a_follow_up_asks_for_the_paper_of_the_conversation(engine: Engine) -> None:
    history = [
        Turn(role="user", content="How did insulin pumps work for pregnant women?"),
        Turn(role="assistant", content="Forty women used insulin pumps while pregnant [1]."),
    ]
    answer = await engine.ask("and who wrote it?", history)
    assert "Lena Sund" in answer.text


async def test_code_is_a_sentence_of_the_abstract(engine: Engine) -> None:
    answer = await engine.ask("Where is the code of Deep learning reads chest radiographs?")
    [citation] = answer.citations
    assert citation.quote == "The code is available at https://github.com/example/chest."
    assert citation.paper.abstract[citation.start : citation.end] == citation.quote


# Counts and dates


async def test_papers_are_counted_over_the_whole_library(engine: Engine) -> None:
    answer = await engine.ask("How many papers are about hip fracture?")
    assert answer.text.startswith("3 of 13 abstracts mention “hip fracture” (of 2015 to 2020):")
    assert sorted(cited(answer)) == ["m10", "m8", "m9"]
    for citation in answer.citations:
        assert citation.paper.abstract[citation.start : citation.end] == citation.quote


async def test_nothing_on_a_topic_is_told_as_none(engine: Engine) -> None:
    answer = await engine.ask("how many studies on volcanoes do you have?")
    assert (answer.outcome, answer.text) == ("out_of_scope", "None of the 13 abstracts mentions “volcanoes”.")


@pytest.mark.parametrize(
    ("question", "paper"),
    [
        ("What is the newest paper on hip fracture?", "m10"),
        ("Which study on insulin is the oldest?", "m7"),
        ("Since when are there papers on sleep?", "m1"),
        ("earliest study on chest radiographs", "m11"),
    ],
)
async def test_the_first_and_the_last_are_found_by_their_year(engine: Engine, question: str, paper: str) -> None:
    answer = await engine.ask(question)
    assert (answer.outcome, cited(answer)) == ("answered", [paper])


async def test_papers_without_a_year_are_told_of_and_do_not_compete(engine: Engine) -> None:
    answer = await engine.ask("What is the newest paper on apnoea?")
    assert answer.outcome == "not_in_abstracts"
    assert answer.text == "The library does not hold the year of any of the 1 paper that mentions “apnoea”."


async def test_papers_are_counted_per_year(engine: Engine) -> None:
    answer = await engine.ask("How many papers on hip fracture per year?")
    assert "2015: 1, 2017: 1, 2020: 1" in answer.text


async def test_who_and_what_has_most_papers(engine: Engine) -> None:
    assert "are by Per Lund: 2" in (await engine.ask("Who wrote the most papers on hip fracture?")).text
    assert "are in Diabetes Letters: 4" in (await engine.ask("Which journal has the most papers?")).text


async def test_a_highest_value_is_told_with_every_candidate_quoted(engine: Engine) -> None:
    answer = await engine.ask("Which paper reports the highest accuracy on OpenChest?")
    assert answer.text.startswith("The highest accuracy on OpenChest that an abstract gives is 91%:")
    assert [citation.quote for citation in answer.citations] == [
        "It has an accuracy of 91% on OpenChest.",
        "Its accuracy on OpenChest is 88%.",
    ]


async def test_a_single_value_is_no_highest_one(engine: Engine) -> None:
    assert (await engine.ask("Which paper reports the highest accuracy on telephones?")).model != "catalog"


# The library, what to read, what is denied


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("What is in here?", "This library holds 13 papers from 2015 to 2023"),
        ("How many papers do you have?", "This library holds 13 papers"),
        ("Which years do you cover?", "The papers are from 2015 to 2023"),
        ("Who are the authors here?", "Per Lund (3)"),
        ("which journals are covered", "Diabetes Letters (4)"),
    ],
)
async def test_the_library_is_described(engine: Engine, question: str, said: str) -> None:
    answer = await engine.ask(question)
    assert answer.outcome == "answered" and said in answer.text


async def test_an_overview_is_recommended_first_with_its_sentence(engine: Engine) -> None:
    answer = await engine.ask("What should I read first on hip fracture?")
    assert cited(answer)[0] == "m9" and len(cited(answer)) == 3
    assert answer.citations[0].paper.title == "Vitamin D and hip fracture: an overview of trials"


async def test_what_is_not_needed_is_shown_by_a_sentence_that_says_so(engine: Engine) -> None:
    answer = await engine.ask("Which insulin treatments do NOT need needles?")
    assert cited(answer) == ["m6"]
    assert answer.citations[0].quote.startswith("No needles are involved")


async def test_a_denial_that_no_abstract_makes_is_declined_with_what_was_read(engine: Engine) -> None:
    answer = await engine.ask("Which hip fracture interventions work without nurses?")
    assert (answer.outcome, answer.citations) == ("not_in_abstracts", ())
    assert answer.text == "None of the 3 papers on “hip fracture” says that it works without “nurses”."


# All of them


async def test_the_events_are_those_of_any_answer(engine: Engine) -> None:
    found = [event async for event in engine.stream("How many papers are about insulin?")]
    assert [type(event) for event in found] == [Sources, Delta, CitationEvent, CitationEvent, Done]
    assert isinstance(found[1], Delta) and isinstance(found[-1], Done)
    assert found[1].text == found[-1].answer.text


async def test_filters_hold_for_counts_too(engine: Engine) -> None:
    answer = await engine.ask("How many papers are about insulin?", filters=Filters(year_from=2017))
    assert answer.text.startswith("1 of 10 abstracts mentions “insulin”") and cited(answer) == ["m6"]


async def test_an_empty_library_is_still_said_to_be_empty(engine: Engine) -> None:
    assert engine.catalog is not None
    answer = await engine.ask("How many papers are about insulin?", filters=Filters(papers=("nobody",)))
    assert answer.outcome == "out_of_scope" or "No paper" in answer.text
