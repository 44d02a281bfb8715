"""No active markup of a model or an abstract gets out, and nothing depends on how a text is cut."""

import random
import re

import pytest

from rag.grounding.grounding import Grounding, uncited
from rag.grounding.inert import LONGEST_RUN, InertMarkup, RunLimit, inert
from tests.support.passages import passage

IMAGES = (
    "![a](http://evil.example/?q=1)",
    "![1 a](http://evil.example/?q=1)",
    "![1](http://evil.example/1.png)",
    "![1](//evil.example/1.png)",
    "![2](ftp://evil.example/1.png)",
    "![](http://evil.example/1.png)",
    "![ ](http://evil.example/1.png)",
    "![[1]](http://evil.example/1.png)",
    "![[a]](http://evil.example/1.png)",
    "![9][x](http://evil.example/1.png)",
    "![9][9]![1 b](http://evil.example/1.png)",
    "!![a](http://evil.example/1.png)",
    "!\u202e![a](http://evil.example/1.png)",
    "!\u202e[a](http://evil.example/1.png)",
    "[![a](http://evil.example/1.png)](http://evil.example)",
    "![a](<http://evil.example/1.png>)",
    '![a](http://evil.example/1.png "title")',
    "![a\nb](http://evil.example/1.png)",
    "![2][r]\n\n[r]: http://evil.example/1.png",
    "![r]\n\n[r]: http://evil.example/1.png",
    "![r][]\n\n[r]: http://evil.example/1.png",
    "![1]\n\n[1]: http://evil.example/1.png",
    "![2]\n\n[2]: //evil.example/1.png",
    "![r]\n\n> [r]: http://evil.example/1.png",
    "![r]\n\n- [r]: http://evil.example/1.png",
    "![r s]\n\n[r\ns]: http://evil.example/1.png",
    "![a word r]\n\n[a\nword \\[r]: http://evil.example/1.png",
    "![[evil.example/1.png]]",
    "!【1】(http://evil.example/1.png)",
    "![\\[a](http://evil.example/1.png)",
    "Wow![1](http://evil.example/1.png)!",
)
TAGS = (
    "<img src=http://evil.example/1.png>",
    "<IMG SRC='http://evil.example/1.png'/>",
    '<img src=x onerror="fetch(`//evil.example`)">',
    "<img\nsrc=//evil.example>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<script>alert(1)</script>",
    "<script src=//evil.example></script>",
    "<iframe src=//evil.example></iframe>",
    "<style>@import '//evil.example';</style>",
    "<link rel=stylesheet href=//evil.example>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example>",
    "<form action=//evil.example><button>Go</button></form>",
    "<a href='javascript:alert(1)'>x</a>",
    "<video poster=//evil.example>",
    "<object data=//evil.example>",
    "<x-tag style='background:url(//evil.example)'>",
    "<!--><img src=//evil.example>-->",
    "<![CDATA[<img src=//evil.example>]]>",
    "<?xml-stylesheet href='//evil.example'?>",
    "</p><img src=//evil.example>",
    "<<img src=//evil.example>",
    "[1]<img src=//evil.example>",
    "<[9]img src=//evil.example>",
    "<\u2066img src=//evil.example>",
    "<javascript:alert(1)>",
    "<data:text/html,hello>",
)
LINKS = (
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a]( javascript:alert(1))",
    "[a](\njavascript:alert(1))",
    "[a](java&#115;cript:alert(1))",
    "[a](&#x6A;avascript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a](<javascript:alert(1)>)",
    "[a](vbscript:msgbox(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "[a](file:///etc/passwd)",
    "[a](//evil.example)",
    "[a](\\\\evil.example)",
    "[1](javascript:alert(1))",
    "[1](//evil.example)",
    "[9](javascript:alert(1))",
    "[[1]](javascript:alert(1))",
    "[a][r]\n\n[r]: javascript:alert(1)",
    "[r]\n\n[r]: <javascript:alert(1)>",
    "[r]\n\n[r]:\njavascript:alert(1)",
    "[^r]\n\n[^r]: javascript:alert(1)",
    "$\\href{javascript:alert(1)}{x}$",
    "[a](\u202ejavascript:alert(1))",
    "[a](ht\u202etp\u2066://evil.example/\u202d)",
)
CORPUS = (*IMAGES, *TAGS, *LINKS)

ACTIVE = (
    re.compile(r"!\["),  # an image, by address or by label
    re.compile(r"<(?:[A-Za-z/?]|!-|!\[)"),  # a tag, a comment, an autolink
    re.compile(r"\]\((?!https?://)"),  # a link to anything but a web address
    re.compile(r"^[ >*+-]*\[[^\]]*\]:", re.MULTILINE),  # a definition of a link
    re.compile(r"script:", re.IGNORECASE),
    re.compile(r"[\u202a-\u202e\u2066-\u2069]"),
)


def grounded(*pieces: str) -> str:
    grounding = Grounding([passage("Sleep", "Sleep gets shorter in adults.", number=number) for number in (1, 2, 3)])
    found = [item for piece in pieces for item in grounding.feed(piece)] + grounding.flush()
    return "".join(item for item in found if isinstance(item, str))


def active(text: str) -> list[str]:
    return [found[0] for pattern in ACTIVE for found in pattern.finditer(text)]


def test_the_corpus_has_more_than_sixty_spellings_and_each_is_active() -> None:
    assert len(set(CORPUS)) > 60
    assert [text for text in CORPUS if not active(inert_blind(text))] == []


def inert_blind(text: str) -> str:
    """With marks that are not shown taken out, as a stage before does it."""
    return text.replace("[9]", "").replace("【", "[").replace("】", "]").replace("[[", "[").replace("]]", "]")


@pytest.mark.parametrize("text", CORPUS)
def test_no_active_markup_gets_out_of_an_answer_however_it_is_cut(text: str) -> None:
    answer = f"Sleep gets shorter in adults. {text} Sleep gets shorter [1]."
    whole = grounded(answer)
    assert active(whole) == []
    assert grounded(*answer) == whole
    assert active(grounded(f"{text} Sleep gets shorter.")) == []


@pytest.mark.parametrize("text", CORPUS)
def test_a_statement_of_ours_that_names_papers_is_inert_too(text: str) -> None:
    assert active(uncited(f"The nearest is “{text}”.").text) == []


@pytest.mark.parametrize(
    "text",
    [
        "It falls (p <0.05), and a < b <= c <- d.",
        "See [the code](https://example.org/a) and https://example.org/b.",
        "Wow! It works [1]: sleep gets shorter.",
        "As in [1]: sleep (3 h) gets shorter; f[x] (say).",
        "Does it? Yes! [CLS] is a token: it helps.",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert inert(text) == text


def test_an_image_becomes_a_link() -> None:
    assert grounded("See ![chart](https://a.example/?q=1) here!") == "See [chart](https://a.example/?q=1) here!"


def test_a_mark_after_an_exclamation_is_still_a_mark() -> None:
    assert grounded("Sleep gets shorter in adults![1]") == "Sleep gets shorter in adults! [1]"


def test_runs_are_shortened_however_the_text_is_cut() -> None:
    text = "a" + " " * 200 + "b" + "!" * 81 + "c" + " \t" * 90 + "d" + "7" * 500 + "e" * 80
    short = "a" + " " * 80 + "b" + "!" * 80 + "c" + " \t" * 40 + "d" + "7" * 80 + "e" * 80
    whole, letters = RunLimit(), RunLimit()
    assert whole.feed(text) == short
    assert "".join(map(letters.feed, text)) == short
    assert LONGEST_RUN == 80


@pytest.mark.slow
def test_random_markup_is_inert_and_the_same_however_it_is_cut() -> None:
    bits = (
        *"!()[]<>:/\\ \n1ax",
        "![",
        "](",
        "http://",
        "https://",
        "]:",
        "javascript:",
        "<img",
        "[1]",
        "\u202e",
        "word ",
    )
    chance = random.Random(5)
    for _ in range(10_000):
        text = "".join(chance.choice(bits) for _ in range(chance.randrange(1, 25)))
        places = sorted(chance.randrange(len(text) + 1) for _ in range(8))
        stage = InertMarkup()
        cut = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
        assert "".join([*(shown for piece in cut for shown in stage.feed(piece)), *stage.flush()]) == inert(text), text
        assert [f for f in active(inert(text)) if not f.startswith(("[", ">", " ", "\n"))] == [], text


def test_the_halves_of_a_character_are_put_together_and_one_alone_is_replaced() -> None:
    assert (
        grounded("Sleep gets shorter \ud83d", "\ude34 in adults \udc00 [1].")
        == "Sleep gets shorter 😴 in adults \ufffd [1]."
    )
