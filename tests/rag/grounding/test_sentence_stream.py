"""Sentences of an answer, also in a language that has no blanks, and in lists of titles."""

import pytest

from rag.grounding.sentence_stream import Fragment, SentenceStream, sentences

TEXTS = [
    "模型降低了误差[1]。训练时间缩短了一半。[2]它很好！",
    "模型降低了误差[1]。 训练缩短[2]。\n- 好[1]？坏。",
    "- Attention is all! A new model of speech [1]\n- Is sleep good for you? A study: It is [2]. They do.",
    "Das Modell senkt den Fehler [1]. Es ist gut [2].",
]


def test_a_chinese_sentence_has_the_marks_before_and_behind_its_full_stop() -> None:
    found = [(sentence.claim, sentence.numbers) for sentence in sentences(TEXTS[0])]
    assert found == [("模型降低了误差。", (1,)), ("训练时间缩短了一半。", (2,)), ("它很好！", ())]


def test_a_title_that_asks_or_exclaims_stays_in_its_list_item() -> None:
    found = [(sentence.text.strip(), sentence.numbers) for sentence in sentences(TEXTS[2])]
    assert found == [
        ("- Attention is all! A new model of speech [1]", (1,)),
        ("- Is sleep good for you? A study: It is [2].", (2,)),
        ("They do.", ()),
    ]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("fragments", [True, False])
def test_sentences_do_not_depend_on_the_pieces(text: str, length: int, fragments: bool) -> None:
    stream = SentenceStream(fragments=fragments)
    pieces = [text[i : i + length] for i in range(0, len(text), length)]
    items = [*(item for piece in pieces for item in stream.feed(piece)), *stream.flush()]
    texts = [item.text for item in items if not isinstance(item, Fragment)]
    assert texts == [sentence.text for sentence in sentences(text)]
    assert "".join(i.text if isinstance(i, Fragment) else i.text[i.sent :] for i in items) == text
