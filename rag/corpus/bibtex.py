"""BibTeX and BibLaTeX: entries with their macros; LaTeX in the values becomes text."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from rag.corpus import latex, names, textfile
from rag.corpus.record import BrokenRecord, RawRecord

SUFFIXES: tuple[str, ...] = (".bib", ".bibtex", ".biblatex")
NEEDS = "BibTeX: entries such as `@article{key, title = {...}, abstract = {...}}`"

_ENTRY = re.compile(r"^[ \t]*@\s*(?P<kind>[A-Za-z]+)\s*(?P<open>[{(])", re.MULTILINE)
_KEY = re.compile(r"\s*(?P<key>[^\s,{}()\"]*)\s*(?P<end>,|[})])", re.ASCII)
_FIELD = re.compile(r"\s*(?P<name>[A-Za-z][\w:.+-]*)\s*=\s*", re.ASCII)
_AFTER = re.compile(r"\s*(?P<mark>[#,})])", re.ASCII)
_BLANKS = re.compile(r"\s*", re.ASCII)
_END = re.compile(r"[\s,]*[})]", re.ASCII)
_WORD = re.compile(r"[^\s,#{}()\"]+", re.ASCII)
_BRACES_OR_QUOTE = re.compile(r'\\.|[{}"]', re.DOTALL)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NO_PAPERS = frozenset({"comment", "preamble", "string"})
_DECODED_BY_ITSELF = frozenset({"author", "editor", "url", "doi", "eprint"})


class _SyntaxError(ValueError):
    """What an entry lacks, and where."""


def recognises(head: str) -> bool:
    """By a line that begins an entry with a key or a string."""
    found = _ENTRY.search(head)
    return bool(found and (found["kind"].lower() in _NO_PAPERS or _KEY.match(head, found.end())))


def read(path: Path, name: str) -> Iterator[RawRecord | BrokenRecord]:
    """The entries in file order; after a broken one reading goes on with the next line that begins an entry."""
    text = textfile.byte_text(path)
    macros = {month: month.capitalize() for month in _MONTHS}
    line, counted, position = 1, 0, 0
    while entry := _ENTRY.search(text, position):
        line, counted = line + text.count("\n", counted, entry.start()), entry.start()
        kind = entry["kind"].lower()
        position = entry.end()
        try:
            if kind == "string":
                defined, position = _fields(text, position, macros)
                macros |= {name.lower(): value for name, value in defined.items()}
            elif kind in _NO_PAPERS:
                position = _end_of_braces(text, position)
            else:
                found, position = _entry(text, position, macros)
                yield RawRecord(
                    line + text.count("\n", counted, entry.start("kind")),
                    _paper(kind, {name: _decoded(value) for name, value in found.items()}),
                )
        except _SyntaxError as error:
            yield BrokenRecord(line, f"the entry is not BibTeX: {error}; fix it, or export it again")


def _entry(text: str, position: int, macros: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """The fields of an entry whose key begins at `position`, and where it ends."""
    key = _KEY.match(text, position)
    if key is None:
        raise _SyntaxError("it has no key")
    return ({}, key.end()) if key["end"] != "," else _fields(text, key.end(), macros)


def _fields(text: str, position: int, macros: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """`name = value` up to the brace that ends the entry, names in lower case; of a name twice the first counts."""
    fields: dict[str, str] = {}
    while field := _FIELD.match(text, position):
        value, mark, position = _value(text, field.end(), macros)
        fields.setdefault(field["name"].lower(), value)
        if mark != ",":
            return fields, position
    end = _END.match(text, position)
    if end is None:
        seen = _seen(text, position)
        raise _SyntaxError(f"a field or the end was expected at {seen!r}" if seen else "it does not end")
    return fields, end.end()


def _value(text: str, position: int, macros: Mapping[str, str]) -> tuple[str, str, int]:
    """A value of parts joined by `#`; also the mark after it, and where that ends."""
    parts = []
    while True:
        part, position = _part(text, position, macros)
        parts.append(part)
        after = _AFTER.match(text, position)
        if after is None:
            seen = _seen(text, position)
            raise _SyntaxError(f"a comma is missing before {seen!r}" if seen else "it does not end")
        position = after.end()
        if after["mark"] != "#":
            return "".join(parts), after["mark"], position
        blanks = _BLANKS.match(text, position)
        position = blanks.end() if blanks else position


def _part(text: str, position: int, macros: Mapping[str, str]) -> tuple[str, int]:
    if text[position : position + 1] == "{":
        end = _end_of_braces(text, position + 1)
        return text[position + 1 : end - 1], end
    if text[position : position + 1] == '"':
        end = _end_of_quotes(text, position + 1)
        return text[position + 1 : end - 1], end
    word = _WORD.match(text, position)
    if word is None:
        raise _SyntaxError("a field has no value")
    return macros.get(word[0].lower(), word[0]), word.end()


def _seen(text: str, position: int) -> str:
    return " ".join(_decoded(text[position : position + 30]).split())


def _decoded(part: str) -> str:
    """A part of a `byte_text` as text; of an error message it may be cut inside a character."""
    return part.encode("latin-1").decode("utf-8", "replace")


def _end_of_braces(text: str, position: int) -> int:
    """After the brace that closes the one before `position`; an entry that begins a line first is a sign of none."""
    depth = 1
    for mark in _BRACES_OR_QUOTE.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    raise _SyntaxError("a brace is not closed")


def _end_of_quotes(text: str, position: int) -> int:
    depth = 0
    for mark in _BRACES_OR_QUOTE.finditer(text, position):
        depth += {"{": 1, "}": -1}.get(mark[0], 0)
        if mark[0] == '"' and depth == 0:
            return mark.end()
    raise _SyntaxError("a quote is not closed")


def _paper(kind: str, entry: Mapping[str, str]) -> dict[str, object]:
    """The fields of an entry as text; its key is no id."""
    read = {name: value if name in _DECODED_BY_ITSELF else latex.from_bibtex(value) for name, value in entry.items()}
    for name in ("url", "doi", "eprint"):
        if name in read:
            read[name] = re.sub(r"\\(?=[_%&#~])|[{}]", "", read[name]).strip()
    people = read.pop("author", "") or read.pop("editor", "")
    preprint = read.pop("eprint", None)
    number = read.pop("number", None)
    archive = (read.pop("archiveprefix", "") or read.pop("eprinttype", "")).lower()
    pages = {"arxiv": "arxiv_id", "pubmed": "pmid"}
    return {
        **{name: value for name, value in read.items() if name not in {"id", "type", "pubmedid"}},
        **({pages.get(archive, "arxiv_id"): preprint} if preprint else {}),
        "authors": names.bibtex_authors(people) if people.strip() else None,
        "pmid": read.get("pmid") or read.get("pubmedid") or (preprint if archive == "pubmed" else None),
        "issue": number or read.get("issue"),
        "entry_type": read.get("type") or kind,
    }
