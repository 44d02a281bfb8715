"""Grounding: quotes, verdicts, added and removed marks, refusals, and that none of it depends on how a text arrives."""

import random

import pytest

from rag.grounding.attribution import Policy
from rag.grounding.grounding import GroundedText, Grounding, ground
from rag.types import Citation
from tests.rag.grounding.test_marks import BITS, cut
from tests.support.passages import passage

CAFFEINE = passage(
    "Caffeine and the sleep of shift workers",
    "Many people work at night.",
    "Caffeine shortens the sleep of shift workers by 34% in a trial with 120 nurses.",
    "On CIFAR-10 the network reaches an FID of 2.51 in one step, and on ImageNet an FID of 3.25.",
)
TEA = passage(
    "Tea ceremonies",
    "Green tea calms the guests of a ceremony within 20 minutes.",
    "The GLUE benchmark improves by 12 points.",
    number=2,
)
BOTH = (CAFFEINE, TEA)
CLAIM = "Caffeine shortens the sleep of shift workers by 34%"


def test_a_cited_sentence_has_its_verbatim_quote_and_offsets() -> None:
    grounded = ground(f"{CLAIM} [1].", BOTH)
    [citation] = grounded.citations
    assert citation.quote == CAFFEINE.sentences[1].text
    assert citation.paper.abstract[citation.start : citation.end] == citation.quote
    assert (grounded.sentences[0].text, grounded.sentences[0].support) == (f"{CLAIM}.", "supported")


def test_a_sentence_may_rest_on_two_quotes_of_one_abstract() -> None:
    grounded = ground("Caffeine shortens the sleep of shift workers, as many people work at night [1].", BOTH)
    assert [(c.number, c.sentence) for c in grounded.citations] == [(1, 0), (1, 0)]


def test_the_citations_of_a_sentence_are_in_the_order_of_its_marks() -> None:
    grounded = ground("Green tea calms guests, caffeine shortens sleep [2][1].", BOTH)
    assert [c.number for c in grounded.citations] == [2, 1]
    assert grounded.sentences[0].citations == (2, 1)


def test_a_mark_behind_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    grounded = ground(f"{CLAIM}. [1] Green tea calms the guests of a ceremony. [2]", BOTH)
    assert [s.citations for s in grounded.sentences] == [(1,), (2,)]


def test_a_short_sentence_keeps_its_own_mark() -> None:
    grounded = ground("Sleep is short [1]. Green tea calms the guests [2].", BOTH)
    assert [s.citations for s in grounded.sentences] == [(1,), (2,)]


def test_an_uncited_sentence_gets_the_mark_of_the_passage_that_bears_it_out() -> None:
    grounded = ground(f"{CLAIM}. Penguins can fly long distances over frozen seas.", BOTH)
    assert grounded.text == f"{CLAIM} [1]. Penguins can fly long distances over frozen seas."
    assert [(s.citations, s.support) for s in grounded.sentences] == [((1,), "supported"), ((), "unsupported")]


def test_words_of_the_question_need_no_support_for_a_citation() -> None:
    asked = "Which remarkable beverage do ancient monasteries recommend against insomnia?"
    said = (
        "The remarkable beverage that ancient monasteries recommend is green tea, which calms the guests of a ceremony."
    )
    assert ground(said, BOTH).sentences[0].citations == ()
    grounded = ground(said, BOTH, question=asked)
    assert [(s.citations, s.support) for s in grounded.sentences] == [((2,), "partial")]


def test_a_list_gets_its_marks_at_the_ends_of_its_lines() -> None:
    grounded = ground(f"- {CLAIM}\n- Green tea calms the guests of a ceremony within 20 minutes\n", BOTH)
    assert grounded.text == f"- {CLAIM} [1]\n- Green tea calms the guests of a ceremony within 20 minutes [2]"


def test_with_the_policy_drop_an_unsupported_sentence_is_left_out() -> None:
    grounded = ground(f"Penguins can fly over mountains. {CLAIM} [1]. Owls sing opera at noon.", BOTH, "drop")
    assert grounded.text == f"{CLAIM} [1]."
    assert [s.text for s in grounded.sentences] == [f"{CLAIM}."]
    assert [c.sentence for c in grounded.citations] == [0]


def test_with_the_policy_drop_an_answer_without_support_declines() -> None:
    assert ground("Penguins can fly. Owls sing opera at noon.", BOTH, "drop").declined


def test_an_answer_in_which_nothing_is_borne_out_is_partial() -> None:
    assert ground("Penguins can fly over the sea [1].", BOTH).incomplete
    assert not ground(f"{CLAIM} [1].", BOTH).incomplete


@pytest.mark.parametrize(
    "lifted",
    [
        "Caffeine shortens the sleep of shift workers by 12% [1].",
        "Caffeine shortens the sleep of shift workers by 34 minutes [1].",
        "Green tea shortens the sleep of shift workers by 34% [2].",
        "On ImageNet the network reaches an FID of 2.51 [1].",
        "The network reaches an FID of 3.25 on CIFAR-10 [1].",
        "On CelebA the network reaches an FID of 2.51 in one step [1].",
        "The GLUE benchmark improves by 12 points [1].",
        "On GLUE caffeine shortens the sleep of shift workers by 34% [1].",
    ],
)
def test_a_figure_lifted_from_elsewhere_is_not_supported(lifted: str) -> None:
    assert ground(lifted, BOTH).sentences[0].support != "supported"


@pytest.mark.parametrize(
    "told",
    [
        "In a trial with 120 nurses, caffeine shortens sleep by 34 percent [1].",
        "On CIFAR-10 the network reaches an FID of 2.51 in one step [1].",
        "The network reaches an FID of 3.25 on ImageNet and of 2.51 on CIFAR-10 [1].",
        "Green tea calms the guests of a ceremony within twenty minutes [2].",
        "Caffeine shortens the sleep of shift workers by about 35% [1].",
    ],
)
def test_a_figure_told_otherwise_is_supported(told: str) -> None:
    assert ground(told, BOTH).sentences[0].support == "supported"


@pytest.mark.parametrize(
    "refusal",
    [
        "The abstracts do not say.",
        "The abstracts tell nothing about this.",
        "Les résumés ne le disent pas.",
        "The provided abstracts don't mention the melting point of tin.",
        "I'm sorry, but I cannot answer this question.",
        "I cannot answer.",
        "Sorry, none of the papers discuss this.",
        "Unfortunately, there is no information about tin in the abstracts [1].",
        "As an AI language model, I am unable to answer that.",
        "This question cannot be answered from the given context. Please consult other sources.",
        "Based on the provided abstracts, it is not possible to determine the melting point [1][2].",
        "I could not find the melting point. It is not mentioned in the passages.",
        "I won't help with that request.",
        "Je suis désolé, mais les résumés ne mentionnent pas cela.",
        "Es tut mir leid, das steht nicht in den Abstracts.",
        "N/A",
        "[1]",
        "[1][2].",
        "...",
        "",
        " \n",
    ],
)
def test_a_refusal_is_no_answer_and_nothing_of_it_is_shown(refusal: str) -> None:
    grounding = Grounding(BOTH)
    assert [*grounding.feed(refusal), *grounding.flush()] == []
    assert grounding.result.declined


def test_a_refusal_that_shows_itself_late_is_no_answer_either() -> None:
    assert ground(
        "Melting points are an interesting subject of many textbooks, but the abstracts do not say.", BOTH
    ).declined


def test_after_an_apology_an_answer_may_still_come() -> None:
    grounded = ground(f"I'm sorry, the abstracts do not say how long it lasts. However, {CLAIM.lower()} [1].", BOTH)
    assert not grounded.declined and grounded.incomplete
    assert grounded.text.startswith("I'm sorry")
    assert grounded.sentences[0].citations == ()


def test_what_the_abstracts_do_not_say_is_not_held_against_an_answer() -> None:
    grounded = ground(f"{CLAIM} [1]. The abstracts do not say how long it lasts.", BOTH)
    assert grounded.incomplete
    assert [s.support for s in grounded.sentences] == ["supported", "supported"]


def test_a_finding_in_the_negative_is_an_answer() -> None:
    found = passage("Naps", "The papers do not report an effect of naps on the memory of nurses.")
    assert not ground("The papers do not report an effect of naps on the memory of nurses [1].", [found]).declined


def test_text_is_shown_before_its_sentence_is_complete() -> None:
    grounding = Grounding(BOTH)
    shown = [*grounding.feed("Caffeine "), *grounding.feed("shortens "), *grounding.feed("the sleep of")]
    assert shown == ["Caffeine", " shortens", " the sleep of"]


def test_the_citation_of_a_sentence_is_sent_when_the_next_one_begins() -> None:
    grounding = Grounding(BOTH)
    found = grounding.feed(f"{CLAIM} [1]. Green tea ")
    assert [type(item) for item in found] == [str, Citation, str]


def fed(text: str, chance: random.Random, policy: Policy) -> tuple[GroundedText, list[str | Citation]]:
    grounding = Grounding(BOTH, policy)
    found = [item for piece in cut(text, chance) for item in grounding.feed(piece)]
    found += grounding.flush()
    return grounding.result, found


@pytest.mark.slow
def test_two_thousand_random_replies_are_the_same_however_they_arrive() -> None:
    words = (
        *BITS,
        CLAIM,
        f"{CLAIM} [1].",
        "Green tea calms the guests",
        "I cannot answer that. ",
        "34%",
        "- ",
        "\n- ",
        "“",
    )
    chance = random.Random(11)
    for _ in range(2_000):
        text = "".join(chance.choice(words) for _ in range(chance.randrange(1, 20)))
        policy: Policy = chance.choice(("flag", "flag", "drop"))
        grounded, found = fed(text, chance, policy)
        assert "".join(item for item in found if isinstance(item, str)) == grounded.text, text
        assert [item for item in found if isinstance(item, Citation)] == list(grounded.citations), text
        assert grounded == ground(text, BOTH, policy), text
        assert all(c.paper.abstract[c.start : c.end] == c.quote for c in grounded.citations)
        assert {n for s in grounded.sentences for n in s.citations} <= {1, 2}
