"""The measurement of growth: the papers that it makes, what it measures of them, and the table that it prints."""

from itertools import islice

import pytest

from eval.bench import scale


def test_the_exponent_is_the_power_of_the_size_that_a_figure_grows_with() -> None:
    assert scale.exponent_of([10, 100, 1000], [2, 1, 200]) == pytest.approx(1)
    assert scale.exponent_of([1000, 4000], [3, 6]) == pytest.approx(0.5)
    assert scale.exponent_of([10, 1000], [7, 7]) == 0


def test_the_table_has_a_column_for_each_size_and_the_exponent_where_there_are_several() -> None:
    columns = [{"ask, p50 ms": 12.34567, "disk MB": 1.0}, {"ask, p50 ms": 24.69134, "disk MB": 10_000.0}]
    assert scale.table([1_000, 10_000], columns).splitlines() == [
        "|  | 1,000 | 10,000 | exponent |",
        "| --- | --- | --- | --- |",
        "| ask, p50 ms | 12.35 | 24.69 | 0.30 |",
        "| disk MB | 1 | 1e+04 | 4.00 |",
    ]
    assert scale.table([60], columns[:1]).splitlines()[0] == "|  | 60 |"


def test_a_made_paper_depends_on_its_number_alone() -> None:
    papers = list(islice(scale.made_papers(), 20))
    assert papers[7:12] == list(islice(scale.made_papers(first=7), 5))
    assert len({paper.id for paper in papers}) == len({paper.abstract for paper in papers}) == 20
    assert all(len(paper.abstract.split(". ")) >= 5 for paper in papers)


def test_questions_are_stretches_of_abstracts_and_the_same_each_time() -> None:
    questions = scale.made_questions(20)
    abstracts = [" ".join(paper.abstract.split()) for paper in islice(scale.made_papers(), 20)]
    assert questions == scale.made_questions(20) and len(questions) == scale.QUESTIONS
    assert all(any(question in abstract for abstract in abstracts) for question in questions)


def test_bare_tantivy_is_measured_with_as_many_papers_as_are_asked_for() -> None:
    figures = {size: scale.measure_tantivy(size, "", "chroma") for size in (30, 60)}
    assert all(value > 0 for value in figures[60].values())
    disk = {size: of["bare tantivy, disk, kB per paper"] * size for size, of in figures.items()}
    assert disk[60] > disk[30]
