"""How short an answer is, how soon it says what was asked, how it reads, and what it adds to the first abstract."""

from dataclasses import replace

import pytest

from eval.metrics import answers, baselines, shape
from eval.questions import PaperRef
from eval.records import SeenPaper
from eval.reply import AnswerSentence, ShownPassage, parse
from tests.support.eval_cases import ABSTRACTS, QUESTIONS, answer, case, ref

A, B, _, D, _ = QUESTIONS


def test_marks_take_no_room_among_the_first_words() -> None:
    assert answers.facts_within(case(B, text="word " * 38 + "[1] [2] yes graphs"), 40) == 1
    assert answers.facts_within(case(B, text="word " * 39 + "yes graphs"), 40) == 0.5
    assert answers.all_facts_within(case(B, text="word " * 39 + "yes graphs"), 40) == 0


def test_facts_that_stand_only_in_what_follows_are_no_facts_of_the_answer() -> None:
    given = case(B, text="Yes [1].", more=(AnswerSentence(text="Its nets use graphs.", numbers=(2,)),))
    assert (answers.facts(given), answers.facts_anywhere(given)) == (0.5, 1)


def test_what_follows_an_answer_is_read_with_its_quotes() -> None:
    given = answer("Yes [1].", ["2"])
    quote = {**given["citations"][0], "quote": ABSTRACTS["1"][:10], "paper": {"id": "1", "title": "Paper 1"}}
    further = {"text": "Alpha nets have 12 layers.", "citations": [2], "support": "supported", "quotes": [quote]}
    reply = parse({**given, "more": [further]}, ())
    assert reply.more == (AnswerSentence(text="Alpha nets have 12 layers.", numbers=(2,)),)
    assert [(q.paper.id, q.quote) for q in reply.quotes] == [("2", ABSTRACTS["2"][:20]), ("1", "Alpha nets")]
    assert [paper.id for paper in reply.cited] == ["2"]
    assert parse(given, ()).more == ()


def test_golden_values_of_shape() -> None:
    long = case(B, text="It depends on much [1]. Yes, they do [1][2]. They use graphs [2].")
    assert shape.words(long) == 10
    assert shape.first_sentence(long) == 0
    assert shape.sentences_with_fact(long) == pytest.approx(2 / 3)
    assert shape.first_sentence(case(B, text="Yes, they do [1]. It depends.")) == 1
    declined = case(B, text="Yes, we do not say.", outcome="not_in_abstracts")
    assert shape.words(declined) is shape.sentences_with_fact(declined) is shape.markup(declined) is None
    assert shape.first_sentence(declined) == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("We propose a net.", 1),
        ("The net beats OUR baseline.", 1),
        ("The authors call it “our best net”.", 0),
        ("It was tested in the US.", 0),
        ("Paper of Us: it has layers.", 0),
    ],
)
def test_who_speaks_is_told_from_pronouns(text: str, found: float) -> None:
    shown = (ShownPassage(number=1, paper=PaperRef("9", "Paper of Us"), text=""),)
    assert shape.speaks_as_authors(case(A, text=text, shown=shown)) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("of \\alpha nets", 1),
        ("about $O(n)$ steps", 1),
        ("10^{-3} less", 1),
        ("CO<sub>2</sub>", 1),
        ("p &lt; 0.05", 1),
        ("256times256 pixels", 1),
        ("43times/31times faster", 1),
        ("sim10 hours", 1),
        ("costs $5 and $6", 0),
        ("p < 0.05 and x > 3", 0),
        ("AT&T; 3 times faster, 12 approximations", 0),
        ("a simple 2x4 sample of 10 papers", 0),
    ],
)
def test_markup_is_seen(text: str, found: float) -> None:
    assert shape.markup(case(A, text=text)) == found


def test_baselines_are_cut_from_the_first_abstract() -> None:
    abstract = " ".join(["They use graphs."] + ["Nothing is said of it here."] * 10 + ["So yes, we end."])
    paper = SeenPaper(id="2", title="Paper 2", abstract=abstract)
    given = replace(case(B, text="x", ranked=(ref("2"), ref("1"))), abstracts={"2": paper})
    assert baselines.baselines(given) == {"first": 0.5, "last": 0.5, "likeliest": 0.5}
    assert baselines.baselines(case(D, text="x", ranked=(ref("2"),))) == {}  # no key facts
    assert baselines.baselines(case(B, text="x")) == {}  # nothing was found
    empty = replace(given, abstracts={"2": replace(paper, abstract="")})
    assert baselines.baselines(empty) == {"first": 0, "last": 0, "likeliest": 0}


def test_the_likeliest_sentence_holds_the_rarest_words_of_the_question() -> None:
    first, second = "Nets are deep in every field that we know of today.", "Alpha nets train in three and a half days."
    text = f"{first} {second} Nets and nets and more nets are everywhere around us."
    assert baselines.likeliest_sentences("How long do alpha nets train?", text)[0] == second
    assert baselines.likeliest_sentences("Who?", text)[0] == first
