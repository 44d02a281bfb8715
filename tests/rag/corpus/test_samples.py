"""Files in the form in which people's tools write them: what comes out, and that a damaged one does no harm."""

import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from random import Random
from zipfile import ZipFile

import pytest

from rag import corpus
from rag.errors import CorpusError
from rag.text.tails import evidence_end
from rag.types import IngestNote, Paper, Record, RejectedRecord

Row = dict[str, object]
SAMPLES = Path(__file__).parent / "samples"
TEXT = "We counted the otters of twelve rivers for nine winters. They came back where the water was clean."
SECTIONS = "BACKGROUND: We counted the otters of twelve rivers. RESULTS: They came back where the water was clean."
BOTH = ("Ada Wren", "Bo Crane")
ARTICLE: Row = {
    "id": "doi:10.5555/otter.1",
    "title": "Otters return to clean rivers",
    "abstract": TEXT,
    "year": 2021,
    "authors": BOTH,
    "venue": "Journal of River Studies",
    "doi": "10.5555/otter.1",
}
"""What a sample says of its first paper, unless its row says something else."""

WORDS: Row = {"keywords": ("otters", "rivers")}
PAGE: Row = {"url": "https://example.org/otters"}
PMID: Row = {"pmid": "90000001"}
PLACE: Row = {"volume": "12", "issue": "3", "pages": "1-9"}
PLACED: Row = {**PLACE, "publisher": "Wren Press"}
BARE: Row = {"id": "title:c4931113d229b0c7", "doi": None, "venue": None, "authors": ()}
CAPITALS: Row = {
    "venue": "JOURNAL OF RIVER STUDIES",
    **WORDS,
    **PMID,
    "language": "English",
    "publication_type": "Article",
}
PREPRINT: Row = {"id": "arxiv:2101.00001", "arxiv_id": "2101.00001"}
COPYRIGHT = f"{TEXT} © 2021 Wren Press Ltd"
GIVEN: Row = {"id": "4983", "doi": None, "venue": None, "authors": (), **PAGE}

PLACES: dict[str, Row] = {
    **dict.fromkeys(
        ("dimensions.csv", "embase.csv", "embase.ris", "europe_pmc.json", "ieee.csv", "pubmed.nbib", "pubmed.xml",
         "zotero.json"),
        PLACE,
    ),
    **dict.fromkeys(
        ("crossref.json", "csl.json", "endnote.xml", "lens.csv", "lens.json", "openalex.json", "scopus.csv",
         "scopus.ris", "zotero.bib", "zotero.csv", "zotero.ris"),
        PLACED,
    ),
    "acl.bib": {"pages": "1-9", "publisher": "Association for River Linguistics"},
    "scopus.bib": {"volume": "12", "pages": "1-9"},
    "semantic_scholar.json": {"volume": "12", "pages": "1-9"},
    "wos.txt": {**PLACE, "publisher": "WREN PRESS"},
    "wos_tab.txt": {**PLACE, "pages": "e17", "publisher": "WREN PRESS"},
}  # fmt: skip
"""Where in its venue a sample says that the paper appeared."""

EXPECTED: dict[str, Row] = {
    "acl.bib": {
        "venue": "Proceedings of the 1st Workshop on Rivers",
        "url": "https://aclanthology.org/2021.otter-1.1",
        "publication_type": "inproceedings",
    },
    "arxiv.atom": {**PREPRINT, "url": "http://arxiv.org/abs/2101.00001v2", "keywords": ("q-bio.PE",)},
    "arxiv_latin1.xml": {**PREPRINT, "authors": ("Ada Wren", "Bó Cråne")},
    "arxiv_snapshot.json": {**PREPRINT, "url": "https://arxiv.org/abs/2101.00001"},
    "bar.csv": BARE,
    "beir_corpus.jsonl": GIVEN,
    "biblatex.bib": {
        **PREPRINT,
        "title": "Otters Return to Clean Rivers",
        "authors": ("Ada Wren", "The Otter Group"),
        "venue": None,
        "doi": None,
        "language": "english",
        "publication_type": "online",
    },
    "by_id.json": {**BARE, "id": "otter-1"},
    "cord19.csv": {**PAGE, **PMID},
    "crossref.json": {
        "abstract": SECTIONS.replace("rivers. R", "rivers (p < 0.05). R"),
        "authors": ("Ada Wren", "The Otter Group"),
        "retracted": True,
        "language": "en",
        "publication_type": "journal-article",
    },
    "crossref_one.json": {
        "abstract": SECTIONS.replace("rivers. R", "rivers (p < 0.05). R"),
        "authors": ("Ada Wren", "The Otter Group"),
        "retracted": True,
    },
    "csl.json": {**PAGE, **PMID, "language": "en", "publication_type": "article-journal"},
    "csl_no_doi.json": {"id": BARE["id"], "doi": None},
    "dimensions.csv": {**PMID, "keywords": ("Otters", "Rivers"), "publication_type": "Article"},
    "embase.csv": {**PMID, "authors": ("Wren A.", "Crane B."), "language": "English", "publication_type": "Article"},
    "embase.ris": {**WORDS, "authors": ("Wren A.", "Crane B."), "language": "English", "publication_type": "Article"},
    "endnote.ris": {**WORDS, **PAGE, "language": "en"},
    "endnote.xml": {**WORDS, **PAGE, **PMID, "language": "eng", "publication_type": "Journal Article"},
    "europe_pmc.json": {
        **WORDS,
        **PMID,
        "title": "Otters return to clean rivers.",
        "abstract": SECTIONS,
        "authors": ("Wren A", "Crane B"),
        "publication_type": "research-article; Journal Article",
    },
    "excel.csv": {**BARE, "authors": BOTH},
    "hidden_total.csv": {**BARE, "year": None},
    "huge_field.csv": {**BARE, "year": None},
    "ieee.csv": {**WORDS, **PAGE, "authors": ("A. Wren", "B. Crane")},
    "latex.bib": {
        "id": "title:c0a8fdeb574e61e3",
        "doi": None,
        "title": "Otters return to CO2-poor rivers",
        "authors": ("Ada Wrén", "Bjørn Östman", "Bo de la Crâne"),
        "venue": "Journal of River Studies Letters",
        "abstract": "We counted 95% of the otters (twelve rivers) at $p < 0.05$; Lutra lutra came back – where > 10°C.",
    },
    "lens.csv": {**WORDS, **PAGE, **PMID, "publication_type": "journal article"},
    "lens.json": {**WORDS, **PAGE, **PMID, "language": "en", "publication_type": "journal article"},
    "list.json": BARE,
    "mendeley.xml": {**WORDS, **PAGE, **PMID},
    "mixed.zip": WORDS,
    "no_abstract.nbib": {"id": "pmid:90000001", "doi": None, **PMID, "language": "eng"},
    "openalex.csv": {"venue": None, "retracted": True, "language": "en"},
    "openalex.json": {**WORDS, **PAGE, **PMID, "retracted": True, "language": "en", "publication_type": "article"},
    "openalex.jsonl": {**WORDS, **PAGE, **PMID, "retracted": True},
    "ours.jsonl": {"id": "otter-1", "doi": None},
    "ours.jsonl.zst": GIVEN,
    "pandas.csv": {**BARE, "authors": BOTH},
    "plain.bib": {**WORDS, "url": "https://doi.org/10.5555/otter.1", "publication_type": "article"},
    "pubmed.nbib": {
        **PMID,
        "title": "Otters return to clean rivers.",
        "abstract": SECTIONS.replace("rivers. R", "rivers for nine winters. R"),
        "authors": (*BOTH, "The Otter Group"),
        "keywords": ("rivers", "Otters"),
        "retracted": True,
        "language": "eng",
        "publication_type": "Journal Article; Retracted Publication",
    },
    "pubmed.xml": {
        **PMID,
        "title": "Otters return to CO2-poor rivers.",
        "abstract": SECTIONS.replace("rivers. R", "rivers (p < 0.05). R"),
        "authors": ("Ada Wren", "Bo Crane Jr", "The Otter Group"),
        "keywords": ("rivers", "Otters"),
        "retracted": True,
        "language": "eng",
        "publication_type": "Journal Article; Retracted Publication",
    },
    "pubmed_qa.json": {
        **PMID,
        "id": "pmid:90000001",
        "doi": None,
        "title": "Do otters return to clean rivers?",
        "abstract": f"{SECTIONS} CONCLUSIONS: Otters return.",
        "authors": (),
        "venue": None,
    },
    "pubmed_with_abstract.csv": {**PMID, "authors": ("Wren A", "Crane B.")},
    "retracted.ris": {"title": "RETRACTED: Otters return to clean rivers", "retracted": True},
    "scopus.bib": {**WORDS, "abstract": COPYRIGHT, "language": "English", "publication_type": "Article"},
    "scopus.csv": {
        **WORDS,
        **PAGE,
        "abstract": f"{COPYRIGHT}. All rights reserved.",
        "language": "English",
        "publication_type": "Article",
    },
    "scopus.ris": {**WORDS, **PAGE, "abstract": COPYRIGHT, "language": "English"},
    "semantic_scholar.json": {**PREPRINT, **PAGE, **PMID, "publication_type": "JournalArticle"},
    "semantic_scholar_bulk.jsonl": PAGE,
    "semantic_scholar_old.jsonl": PAGE,
    "table.parquet": {"venue": None},
    "title_abstract.txt": {**BARE, "year": None},
    "wos.txt": CAPITALS,
    "wos_excel.tsv": CAPITALS,
    "wos_tab.txt": {**CAPITALS, "abstract": TEXT.replace("otters", '"otters"')},
    "wos_tab_win.txt": {**CAPITALS, "abstract": TEXT.replace("the otters", '"the otters')},
    "wrapped.ris": {**WORDS, **PAGE},
    "zotero.bib": {**WORDS, **PAGE, "language": "en", "publication_type": "article"},
    "zotero.csv": {**WORDS, **PAGE, "language": "en", "publication_type": "journalArticle"},
    "zotero.json": {**WORDS, **PAGE, "language": "en", "publication_type": "journalArticle"},
    "zotero.ris": {**WORDS, **PAGE, "language": "en", "publication_type": "JOUR"},
    "zotero.ris.gz": {**WORDS, **PAGE, "language": "en"},
}

REJECTED = {
    "acl.bib": (16, "no abstract"),
    "hidden_total.csv": (3, "abstract '1' has no words"),
    "mixed.zip": (1, "is in no known format"),
    "no_abstract.nbib": (1, "no abstract"),
    "openalex.jsonl": (2, "no abstract"),
    "ours.jsonl": (2, "not JSON"),
    "scopus.csv": (3, "no abstract: '[No abstract available]' stands in its place"),
}

NOTED = {
    "ieee.csv": "nothing is read from: Author Affiliations, Date Added To Xplore, ISSN",
    "list.json": "year 'soon' is no year between 1500 and 2099",
    "zotero.csv": "nothing is read from: Key, ISBN, ISSN, Date Added",
}


def records(name: str) -> list[Record]:
    return list(corpus.read(SAMPLES / name))


def test_every_sample_has_a_row() -> None:
    assert sorted(EXPECTED) == sorted(path.name for path in SAMPLES.iterdir())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_sample_gives_the_values_that_it_holds(name: str) -> None:
    first = next(record for record in records(name) if isinstance(record, Paper))
    expected = {**ARTICLE, **EXPECTED[name], **PLACES.get(name, {})}
    assert {field: getattr(first, field) for field in expected} == expected


@pytest.mark.parametrize("suffix", ["", ".txt", ".csv", ".json", ".xml"])
@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - {"title_abstract.txt"}))
def test_content_decides_whatever_a_file_is_called(name: str, suffix: str, tmp_path: Path) -> None:
    renamed = tmp_path / f"download{suffix}"
    renamed.write_bytes((SAMPLES / name).read_bytes())
    first = next(record for record in corpus.read(renamed) if isinstance(record, Paper))
    assert first.title == {**ARTICLE, **EXPECTED[name]}["title"]


@pytest.mark.parametrize("name", EXPECTED)
def test_what_does_not_go_in_is_named_with_its_line(name: str) -> None:
    found = [record for record in records(name) if isinstance(record, RejectedRecord)]
    assert [(r.line, r.reason[: len(REJECTED[name][1])]) for r in found] == (
        [REJECTED[name]] if name in REJECTED else []
    )


@pytest.mark.parametrize("name", NOTED)
def test_what_is_left_out_is_told(name: str) -> None:
    assert NOTED[name] in " ".join(record.text for record in records(name) if isinstance(record, IngestNote))


@pytest.mark.parametrize("name", ["scopus.bib", "scopus.csv", "scopus.ris"])
def test_a_copyright_line_stays_in_the_abstract_and_is_no_evidence(name: str) -> None:
    paper = next(record for record in records(name) if isinstance(record, Paper))
    assert paper.abstract[: evidence_end(paper.abstract)] == TEXT


def test_the_abstract_that_was_read_is_kept_beside_the_clean_one() -> None:
    paper = next(record for record in records("crossref.json") if isinstance(record, Paper))
    assert paper.raw_abstract is not None and paper.raw_abstract.startswith(
        "<jats:title>Abstract</jats:title><jats:sec>"
    )


def test_an_id_that_can_not_be_printed_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "papers.ris"
    path.write_bytes((SAMPLES / "zotero.ris").read_bytes().replace(b"otter.1", b"o\x14ter"))
    paper, *notes = corpus.read(path)
    assert isinstance(paper, Paper) and paper.id == BARE["id"]
    assert any("can't be printed" in note.text for note in notes if isinstance(note, IngestNote))


def cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(1, len(content))]


def with_a_bad_byte(content: bytes, random: Random) -> bytes:
    place = random.randrange(len(content))
    return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]


@pytest.mark.parametrize("damage", [cut, with_a_bad_byte])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_damaged_sample_gives_papers_rejections_or_one_clear_error(
    name: str, damage: Callable[[bytes, Random], bytes], tmp_path: Path
) -> None:
    content, random = (SAMPLES / name).read_bytes(), Random(name)
    for _ in range(8):
        path = tmp_path / name
        path.write_bytes(damage(content, random))
        try:
            found = list(corpus.read(path))
        except CorpusError as error:
            assert str(error).startswith(str(path))
        else:
            assert all(isinstance(record, Paper | RejectedRecord | IngestNote) for record in found)


@pytest.mark.parametrize(
    "name", ["zotero.ris", "plain.bib", "wos.txt", "pubmed.xml", "endnote.xml", "csl.json", "zotero.ris.gz"]
)
def test_a_record_that_is_cut_never_goes_in(name: str, tmp_path: Path) -> None:
    content = (SAMPLES / name).read_bytes().rstrip()
    for part in range(1, 20):
        path = tmp_path / name
        path.write_bytes(content[: len(content) * part // 20 - 1])
        try:
            found = list(corpus.read(path))
        except CorpusError:
            continue
        assert not any(isinstance(record, Paper) for record in found)


def test_a_folder_gives_what_can_be_read_and_names_what_can_not(tmp_path: Path) -> None:
    for name in ("plain.bib", "zotero.ris", "ours.jsonl.zst"):
        (tmp_path / name).write_bytes((SAMPLES / name).read_bytes())
    (tmp_path / "notes.md").write_text("# Shopping\n\nMilk.\n")
    (tmp_path / "photo").write_bytes(b"\x89PNG\r\n\0")
    found = list(corpus.read(tmp_path))
    assert sum(isinstance(record, Paper) for record in found) == 3
    assert {record.source: record.reason[:21] for record in found if isinstance(record, RejectedRecord)} == {
        str(tmp_path / "notes.md"): "is in no known format",
        str(tmp_path / "photo"): "is not text: byte 6 i",
    }


def test_a_file_name_in_another_encoding_is_kept_readably(tmp_path: Path) -> None:
    folder = bytes(tmp_path) + b"/caf\xe9"
    Path(folder.decode(errors="surrogateescape")).mkdir()
    file = Path((folder + b"/\xe9t\xe9.csv").decode(errors="surrogateescape"))
    file.write_text("title,abstract\nOtters,They swim well.\n")
    (paper,) = corpus.read(file)
    assert isinstance(paper, Paper) and paper.sources[0].path == f"{tmp_path}/café/été.csv"


def test_entities_that_a_file_declares_itself_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.xml"
    bomb.write_text(
        '<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
        "<feed><entry><title>&b;</title><summary>&b;</summary></entry></feed>"
    )
    with pytest.raises(CorpusError, match="declares an entity, 'a'"):
        corpus.read(bomb, "atom")


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "bomb.zip", "w", compression=8) as archive, archive.open("zeros.csv", "w") as member:
        for _ in range(101):
            member.write(bytes(1 << 20))
    with pytest.raises(CorpusError, match="unpacks to over 100 times its size"):
        corpus.read(tmp_path / "bomb.zip")


def test_pubmeds_table_without_abstracts_is_told_what_to_export_instead(tmp_path: Path) -> None:
    table = tmp_path / "csv-otters-set.csv"
    table.write_text("PMID,Title,Authors,Citation,First Author,Journal/Book,Publication Year\n1,Otters,,,,,\n")
    with pytest.raises(CorpusError, match=r"the CSV of PubMed, which has no abstracts; .* \(\.nbib\)"):
        corpus.read(table)


def test_papers_have_no_field_that_no_sample_fills() -> None:
    filled = {name for row in (ARTICLE, PLACED, *EXPECTED.values()) for name, value in row.items() if value}
    assert {field.name for field in fields(Paper)} - filled == {"ids", "raw_abstract", "sources"}


def workbook(path: Path, rows: list[list[str]]) -> Path:
    """The least of an Excel workbook."""
    cells = ["".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in row) for row in rows]
    sheet = "".join(f"<row>{row}</row>" for row in cells)
    main, office = "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://schemas.openxmlformats.org"
    kinds = f"{office}/officeDocument/2006/relationships"
    relation = f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" Type="{kinds}/'
    with ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{office}/package/2006/content-types"/>')
        archive.writestr("_rels/.rels", f'{relation}officeDocument" Target="xl/workbook.xml"/></Relationships>')
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{kinds}">'
            '<sheets><sheet name="a" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'{relation}worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>'
        )
    return path


def test_a_workbook_is_read_by_the_row_that_names_its_columns(tmp_path: Path) -> None:
    rows = [["Exported"], ["Article Title", "Abstract", "Publication Year"], ["Otters", "They swim well.", "2021"]]
    (paper,) = corpus.read(workbook(tmp_path / "savedrecs.xlsx", rows))
    assert isinstance(paper, Paper)
    assert (paper.title, paper.year, paper.sources[0].line) == ("Otters", 2021, 3)


def test_a_workbook_without_papers_says_so(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is no table of papers"):
        corpus.read(workbook(tmp_path / "sums.xlsx", [["a", "b"], ["1", "2"]]))


@pytest.mark.parametrize(("name", "library"), [("table.parquet", "pyarrow"), ("book.xlsx", "python_calamine")])
def test_without_its_extra_a_table_names_it(
    name: str, library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    path = SAMPLES / name if name == "table.parquet" else workbook(tmp_path / name, [["title", "abstract"]])
    with pytest.raises(CorpusError, match=r"pip install 'scholiast\[tables\]'"):
        corpus.read(path)
