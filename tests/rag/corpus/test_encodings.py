"""Text that is no UTF-8 is read where its encoding is unmistakable, with a note, and refused where it is not."""

from pathlib import Path

import pytest

from rag import corpus
from rag.errors import CorpusError
from rag.types import IngestNote, Paper

WOS = """FN Clarivate Analytics Web of Science
VR 1.0
PT J
AU {author}
TI {title}
AB {abstract}
PY 2021
ER

EF
"""
SCOPUS = """Authors,Title,Year,Abstract
"{author}","{title}",2021,"{abstract}"
"""
FRENCH = {
    "author": "Gagné, Zoë",
    "title": "Les loutres d’été",
    "abstract": "L’été, les loutres reviennent à la rivière.",
}
NORDIC = {
    "author": "Åse Bjørn",
    "title": "Otters at 5 °C ± 1",
    "abstract": "The “Ærlig” otters of the fjord – it’s naïve to count them – leave about 10 µm³ of fur at each stone.",
}


def read(folder: Path, template: str, words: dict[str, str], encoding: str) -> tuple[Paper, list[str]]:
    file = folder / "export.txt"
    file.write_bytes(template.format(**words).replace("\n", "\r\n").encode(encoding))
    first, *others = corpus.read(file)
    assert isinstance(first, Paper)
    return first, [other.text for other in others if isinstance(other, IngestNote)]


@pytest.mark.parametrize("words", [FRENCH, NORDIC])
@pytest.mark.parametrize("template", [WOS, SCOPUS])
def test_windows_1252_is_read_and_told(tmp_path: Path, template: str, words: dict[str, str]) -> None:
    paper, notes = read(tmp_path, template, words, "cp1252")
    assert (paper.title, paper.abstract) == (words["title"], words["abstract"])
    assert [note for note in notes if "was read as Windows-1252" in note]


def test_latin_1_is_read_and_told(tmp_path: Path) -> None:
    words = {name: text.replace("’", "'") for name, text in FRENCH.items()}
    paper, notes = read(tmp_path, WOS, words, "latin-1")
    assert (paper.title, paper.authors) == ("Les loutres d'été", ("Zoë Gagné",))
    assert len(notes) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_says_its_encoding_is_read_without_a_note(tmp_path: Path, encoding: str) -> None:
    paper, notes = read(tmp_path, WOS, NORDIC, encoding)
    assert (paper.title, notes) == (NORDIC["title"], [])


@pytest.mark.parametrize(
    ("abstract", "encoding"),
    [
        ("Выдры возвращаются в чистые реки.", "cp1251"),
        ("Οι βίδρες επιστρέφουν.", "cp1253"),
        ("Pan Paweł liczył wydry.", "cp1250"),
        ("Pan Dvořák a pan Nováček.", "cp1250"),
        ("Pan Ďurčák řekl, že vydry jsou zpět.", "iso8859-2"),
        ("Café à la crème.", "mac_roman"),
        ("川のカワウソが戻る。", "shift_jis"),
        ("水獭回到了清澈的河流。", "gbk"),
    ],
)
def test_another_encoding_is_refused_and_never_misread(tmp_path: Path, abstract: str, encoding: str) -> None:
    with pytest.raises(CorpusError, match=r"is not UTF-8: .*; save it as UTF-8"):
        read(tmp_path, WOS, {"author": "Wren, A", "title": "Otters", "abstract": abstract}, encoding)


@pytest.mark.parametrize("bad", [b"\xff", b"\x81", b"\xc3", b"\x00"])
def test_damaged_utf_8_is_refused(tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "export.txt"
    file.write_bytes(WOS.format(**FRENCH).encode() + b"PT J\nTI Two" + bad + b"\nER\n")
    with pytest.raises(CorpusError, match="is not"):
        list(corpus.read(file))


@pytest.mark.parametrize("text", ['[{"title": "Été", "abstract": "Chaud."}]', "<?xml version='1.0'?><feed>é</feed>"])
def test_json_and_xml_are_utf_8_unless_they_say_otherwise(tmp_path: Path, text: str) -> None:
    file = tmp_path / "export.txt"
    file.write_bytes(text.encode("cp1252"))
    with pytest.raises(CorpusError, match="is not UTF-8"):
        list(corpus.read(file))
