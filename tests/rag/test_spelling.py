"""A misspelt word is read as a word that the papers or any question have."""

from rag.spelling import corrected, guesses, notice, unknown_words
from rag.text.analysis import stems
from tests.support.passages import Flat

TEXTS = ("Sound separation by flows. The separation is fast.", "Several flows.")


def test_a_word_that_no_paper_has_is_unknown() -> None:
    absent = Flat(["\x00", *stems("seperation ResNett")])
    assert unknown_words("Which flows do seperation with ResNett?", absent) == ["seperation", "ResNett"]


def test_the_most_frequent_word_one_error_away_is_meant() -> None:
    assert guesses(["seperation"], TEXTS) == {"seperation": "separation"}


def test_a_word_of_any_question_needs_no_paper() -> None:
    assert guesses(["whcih", "teh"], ()) == {"whcih": "which", "teh": "the"}


def test_a_word_that_is_near_to_none_stays() -> None:
    assert guesses(["metformin", "gan"], TEXTS) == {}


def test_a_guess_takes_the_case_of_the_word_and_a_name_its_own() -> None:
    read_as = guesses(["SEPERATION", "Flwos", "OpnBezoar"], (*TEXTS, "OpenBezoar is small."))
    assert read_as == {"SEPERATION": "SEPARATION", "Flwos": "Flows", "OpnBezoar": "OpenBezoar"}
    assert corrected("SEPERATION of Flwos", read_as) == "SEPARATION of Flows"


def test_the_reader_is_told_of_each_guess() -> None:
    assert notice({"seperation": "separation"}) == "Read “seperation” as “separation”."
    assert notice({}) == ""


def test_a_word_that_asks_for_papers_is_never_misspelt_and_never_a_guess() -> None:
    absent = Flat(["\x00", *stems("latest studied seperation")])
    assert unknown_words("latest papers that studied seperation", absent) == ["seperation"]
    assert guesses(["latests"], ["latent codes"]) == {}


def test_a_word_of_any_question_is_never_misspelt() -> None:
    assert unknown_words("Which papers are there?", Flat(absent=["paper", "\x00"])) == []
