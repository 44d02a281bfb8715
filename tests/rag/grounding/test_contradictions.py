"""A claim that resembles a sentence of an abstract and changes it is contradicted; milder wording is not."""

import pytest

from rag.grounding import contradictions
from rag.grounding.grounding import ground
from rag.text import opposites
from rag.text.opposites import Row
from rag.types import Verdict
from tests.support.passages import passage

NETWORK = passage(
    "SpecNet and the recognition of noisy speech",
    "We propose SpecNet, a recogniser for noisy speech that needs no labels.",
    "SpecNet significantly outperforms WaveFormer on LibriSpeech with a word error rate of 4.2% after 12 hours.",
    "On VoxCeleb, training with dropout improves its accuracy by 3 points, whereas pruning reduces it.",
    "The decoder does not depend on the length of the recording.",
    "The encoder was trained before the decoder rather than after it, and 64 GPUs were used.",
)


def verdict(claim: str) -> tuple[Verdict, str]:
    [sentence] = ground(f"{claim} [1].", [NETWORK]).sentences
    return sentence.support, sentence.reason


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("SpecNet does not outperform WaveFormer on LibriSpeech with a word error rate of 4.2%", "negates"),
        ("The decoder does depend on the length of the recording", "the abstract negates 'depend'"),
        ("The decoder depends on the length of the recording", "the abstract negates 'depends'"),
        ("SpecNet never outperforms WaveFormer on LibriSpeech after 12 hours", "negates"),
        ("SpecNet fails to outperform WaveFormer on LibriSpeech after 12 hours", "negates"),
        ("On VoxCeleb, training without dropout improves its accuracy by 3 points", "negates"),
        ("We propose SpecNet, a recogniser for noisy speech that needs labels", "the abstract negates 'labels'"),
        ("The encoder was trained before the decoder, and 64 GPUs were not used", "negates"),
        ("On VoxCeleb, training with dropout degrades its accuracy by 3 points", "'degrades'"),
        ("On VoxCeleb, training with dropout improves its accuracy by 3 points, whereas pruning raises it", "'raises'"),
        ("SpecNet underperforms WaveFormer on LibriSpeech with a word error rate of 4.2%", "'underperforms'"),
        ("The encoder was trained after the decoder", "'after'"),
        ("WaveFormer significantly outperforms SpecNet on LibriSpeech with a word error rate of 4.2%", "WaveFormer"),
        ("SpecNet significantly outperforms WaveFormer on LibriSpeech with a word error rate of 12%", "12"),
        ("SpecNet significantly outperforms WaveFormer on VoxCeleb with a word error rate of 4.2%", "'VoxCeleb'"),
    ],
)
def test_a_change_that_turns_a_sentence_round_is_contradicted(claim: str, reason: str) -> None:
    found, why = verdict(claim)
    assert found == "contradicted"
    assert reason in why


@pytest.mark.parametrize(
    "claim",
    [
        "SpecNet may outperform WaveFormer on LibriSpeech with a word error rate of 4.2%",
        "The results suggest that SpecNet outperforms WaveFormer on LibriSpeech",
        "With a word error rate of 4.2%, SpecNet outperforms WaveFormer on LibriSpeech",
        "WaveFormer is outperformed by SpecNet on LibriSpeech with a word error rate of 4.2%",
        "SpecNet surpasses WaveFormer on LibriSpeech, with a word error rate of about 4% after 12 hours",
        "SpecNet outperformed WaveFormer on LibriSpeech",
        "The authors present SpecNet, a recogniser for noisy speech that does not need labels",
        "On VoxCeleb, pruning reduces its accuracy, whereas training with dropout improves it by 3 points",
        "The decoder doesn't depend on the recording's length",
        "64 GPUs were used, and the encoder was trained before the decoder",
    ],
)
def test_milder_or_reordered_wording_is_supported(claim: str) -> None:
    assert verdict(claim)[0] == "supported"


def test_another_word_in_a_verbatim_sentence_is_supported_in_part() -> None:
    found, why = verdict("The decoder does not depend on the language of the recording")
    assert found == "partial"
    assert "'language'" in why and "'length'" in why


def test_a_free_paraphrase_is_never_called_contradicted() -> None:
    found = passage("Tea", "In a trial, guests who drank green tea reported less stress than those with water.")
    claim = "Stress was not lower with water than with green tea [1]."
    assert ground(claim, [found]).sentences[0].support != "contradicted"


def test_a_sentence_that_another_one_of_the_abstract_supports_is_not_contradicted() -> None:
    found = passage(
        "Sleep", "Caffeine shortens the sleep of young nurses.", "Caffeine does not shorten the sleep of old nurses."
    )
    texts = [sentence.text for sentence in found.sentences]
    assert contradictions.find("Caffeine does not shorten the sleep of old nurses.", texts) is None
    assert contradictions.find("Caffeine shortens the sleep of young nurses.", texts) is None


def test_a_direction_that_no_quote_has_makes_a_paraphrase_partial() -> None:
    quoted = ["Mice that received the drug had fewer tumours, and survival rose."]
    assert contradictions.unfounded_direction("The drug does not help mice against tumours.", quoted)
    assert not contradictions.unfounded_direction("The drug lengthens survival and leaves fewer tumours.", quoted)


def test_an_unmarked_sentence_never_gets_the_mark_of_a_passage_that_contradicts_it() -> None:
    grounded = ground("SpecNet does not outperform WaveFormer on LibriSpeech.", [NETWORK])
    assert [(s.citations, s.support) for s in grounded.sentences] == [((), "unsupported")]


def test_an_answer_that_is_only_contradicted_is_incomplete_and_dropped_by_the_policy_drop() -> None:
    text = "SpecNet does not outperform WaveFormer on LibriSpeech [1]."
    assert ground(text, [NETWORK]).incomplete
    assert ground(text, [NETWORK], "drop").text == ""


@pytest.mark.parametrize("row", opposites.rows(), ids=lambda row: min(row.left))
def test_every_row_of_opposites_contradicts_its_example_and_not_its_counterexample(row: Row) -> None:
    quote, claim = row.example
    change = contradictions.find(claim, [quote])
    assert change and change.verdict == "contradicted"
    quote, claim = row.counterexample
    change = contradictions.find(claim, [quote])
    assert change is None or change.verdict != "contradicted"


def test_prefixes_and_suffixes_make_opposites() -> None:
    assert opposites.are_opposites("effective", "ineffective")
    assert opposites.are_opposites("hypertension", "hypotension")
    assert opposites.are_opposites("harmful", "harmless")
    assert not opposites.are_opposites("form", "inform") or opposites.are_synonyms("form", "forms")
    assert not opposites.are_opposites("increase", "increases")
