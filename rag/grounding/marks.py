"""The marks `[n]` of an answer: other ways of writing them become `[n]`, those of passages not shown are taken out.

What is a mark: `[1]`, `[1, 2]`, `[1-3]`, `[ 1 ]`, `[[1]]`, `[^1]`, `[Source 1]`, `[ID:1]`, `【1】`, `【1†source】`,
`\\[1\\]`, `##1$$`, each with a link behind it or not; `[1` before the full stop of a sentence; `[-1]`, which names
nothing; and `(1)` where a citation would stand: after a blank, before the end of a clause, not after a word such as
Equation.
What is none: brackets with words (`[CLS]`), intervals (`[0, 1]`, "the range [1, 10]"), years and larger numbers in
parentheses, an index in code (which is written `a[ 0 ]`, so that nobody takes it for a mark).
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace

from rag.grounding.inert import RunLimit
from rag.types import Passage

_BLANK = r"[ \t\u00a0\u202f]"
_BLANKS = rf"{_BLANK}*+"
_OPEN, _CLOSE = r"\\?[\[［【〔]{1,2}", r"\\?[\]］】〕]{1,2}"
_LABEL = (
    r"(?:\^|sources?|abstracts?|papers?|passages?|references?|refs?\.?|ids?|documents?|docs?|citations?|no\.?|n|\#)"
)
_ONE = rf"(?:{_LABEL}\s*[#:]?\s*)?\d+"
_JOIN = r"\s*(?:,|;|&|and|[-‐‑–—])\s*"
_WORDED = rf"{_ONE}(?:{_JOIN}{_ONE})*\s*(?:(?::\d+)?†[^\]］】〕\n]*)?"
# Every part of a pattern has a longest length, so that what is held back, and the time to search it, have one too.
_LONGEST, _LONGEST_LIST, _LONGEST_LINK, _MOST_ATOMS = 120, 400, 500, 16
_BRACKETED = (
    rf"(?:\#\#\d{{1,4}}\$\$|\[-\d{{1,4}}\]|\[\d{{1,2}}(?=\.[ \n])|{_OPEN}\s*\d[\d\s,;–—-]{{0,{_LONGEST_LIST}}}+{_CLOSE}"
    rf"|(?={_OPEN}[^\]］】〕\n]{{1,{_LONGEST}}}+[\]］】〕]){_OPEN}\s*{_WORDED}{_CLOSE})"
    rf"(?:\(https?:[^)\s]{{0,{_LONGEST_LINK}}}+\))?+"
)
_PAREN = rf"(?<={_BLANK})\(\d{{1,2}}(?:\s?[,;–-]\s?\d{{1,2}}){{0,5}}\)"
_CLAUSE_ENDS = rf"(?={_BLANKS}(?:[.,;:!?\n\[【]|\(\d|\Z))"
_ATOM = re.compile(rf"(?:{_BRACKETED}|\[\d{{1,2}}(?=\.\Z)|{_PAREN}{_CLAUSE_ENDS})", re.IGNORECASE)
_ATOM_OF_GROUP = re.compile(rf"{_ATOM.pattern}|\[\d{{1,2}}\Z", re.IGNORECASE)
_GROUP = re.compile(
    rf"(?<!{_BLANK})(?P<blank>{_BLANKS})"
    rf"(?P<atoms>(?>{_ATOM.pattern})(?>{_BLANKS}{_ATOM.pattern}){{0,{_MOST_ATOMS - 1}}}+)(?P<after>{_BLANKS})",
    re.IGNORECASE,
)

# What may yet become a mark, or decide about the one before it, is held back: it reaches to the end of what is known.
_PARTIAL = (
    rf"(?:\\|`++|\#\#?\d{{0,4}}\$?|{_OPEN}[\d\s,;–—-]{{0,{_LONGEST_LIST}}}+\\?|{_OPEN}[^\]］】〕\n]{{0,{_LONGEST}}}+"
    rf"|(?<=[\]］】〕])\([^)\s]{{0,{_LONGEST_LINK}}}+|\([\d\s,;–-]{{0,30}}+\)?)"
)
_UNDECIDED = re.compile(
    rf"{_BLANKS}(?>(?:{_BRACKETED}|{_PAREN}){_BLANKS}){{0,{_MOST_ATOMS}}}+{_PARTIAL}?\Z", re.IGNORECASE
)
_MAY_BEGIN = re.compile(rf"{_BLANK}++|[\[［【〔(`\\\#]")
_HALF = re.compile(
    rf"(?<!{_BLANK}){_BLANKS}{_OPEN}\s*+(?:\^|[a-z]{{0,10}}\.?[\s#:]*+)?[\d\s,;:–—-]{{0,{_LONGEST_LIST}}}+\\?(…?)\Z",
    re.IGNORECASE,
)

_MARK = re.compile(rf"(?<!{_BLANK}){_BLANKS}\[(\d+)\]")
_RANGE = re.compile(r"(\d+)(?:\s*[-‐‑–—]\s*(?:[^\W\d]+\s*)?(\d+))?")
_AFTER_THE_NUMBERS = re.compile(r":\d+†.*|†.*|\(https?:.*", re.DOTALL)
_INTERVAL_BEFORE = re.compile(
    r"(?:\b(?:range|interval|shape|sizes?|resolutions?|windows?|bounds?)|∈|=)\s*\Z", re.IGNORECASE
)
_NAMED_BEFORE = re.compile(
    r"\b(?:eqs?|eqns?|equations?|figs?|figures?|tables?|sections?|secs?|steps?|stages?|theorems?|lemmas?|appendix"
    r"|chapters?|algorithms?|parts?|levels?|types?|phases?|tasks?|cases?|points?|items?|conditions?|problems?|formulas?"
    r"|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\.?\s*\Z",
    re.IGNORECASE,
)
_WITHIN_BRACKETS = re.compile(rf"{_OPEN}[\d\s,;–—-]*+\Z")
_INDEXED = re.compile(r"[\w)\]]")
_SUSPECT = re.compile(r"[\[［【〔]|\(\d|\#\#\d")
_MOST_DIGITS = 6
_LOOK_BACK = 60
_AT_ONCE = 512


class MarkFilter:
    """A stage from text as a writer writes it to text with no marks but `[n]` of the passages that were shown.

    The result does not depend on where the pieces were cut, and nothing that is given back ends within a mark. The time
    it takes grows with the length of the text alone, whatever the text says.
    """

    def __init__(self, shown: Collection[int]) -> None:
        self._shown = frozenset(shown)
        self._runs = RunLimit()
        self._before = ""
        self._held = ""
        self._search_from = 0
        self._code = _CodeState()

    def feed(self, item: str) -> list[str]:
        """What can be shown now; the rest comes with a later piece or at the end."""
        text = self._runs.feed(item)
        shown = "".join(self._take(text[start : start + _AT_ONCE]) for start in range(0, len(text), _AT_ONCE))
        return [shown] if shown else []

    def flush(self) -> list[str]:
        """What was held back, without half a mark."""
        text = self._decided()
        self._held = _HALF.sub(r"\1", self._held)
        text += self._release(len(self._held))
        return [text] if text else []

    def _take(self, text: str) -> str:
        self._held += text
        if len(self._held) < self._search_from:
            return ""
        shown = self._decided()
        self._search_from = len(self._held) + len(self._held) // 8  # a long one is not searched again for each letter
        return shown

    def _decided(self) -> str:
        before = len(self._before)
        return self._release(_undecided(self._before + self._held, before) - before)

    def _release(self, length: int) -> str:
        """At least the first `length` characters of what is held, and a group of marks whole, as they are shown."""
        text, done = self._before + self._held, len(self._before)
        end = done + length
        out: list[str] = []
        for found in _GROUP.finditer(text, done):
            if found.start() >= end:
                break
            self._code.pass_over(text[done : found.start()])
            out += [text[done : found.start()], self._written(found, text)]
            self._code.pass_over(found[0])
            done = found.end()
        self._code.pass_over(text[done:end])
        out.append(text[done:end])
        end = max(done, end)
        self._before, self._held = text[max(0, end - _LOOK_BACK) : end], text[end:]
        return "".join(out)

    def _written(self, found: re.Match[str], text: str) -> str:
        """The marks as they are shown, with the blanks around them."""
        before, blank, after = _text_before(text, found.start()), found["blank"], found["after"]
        if not blank and self._code.inside and _INDEXED.match(before[-1:]):
            return re.sub(r"\[\s*(\d+)\s*\]", r"[ \1 ]", found["atoms"]) + after
        kept = [mark for atom in _atoms(found, text) for mark in self._kept(*atom)]
        if kept:
            return f"{blank}{''.join(dict.fromkeys(kept))}{after}"
        if _WITHIN_BRACKETS.search(before):
            return "…"  # or what is left of [[9]9] would be a mark
        return "" if before[-1:] in ("", "\n") else after

    def _kept(self, atom: str, before: str, following: str) -> list[str]:
        """`[1]` and `[2]` for the numbers that were shown; the atom itself if it is no mark at all."""
        marks = [f"[{number}]" for number in _numbers(atom, self._shown)]
        within_a_sentence = atom.startswith("(") and following in tuple(",;:")
        if _is_prose(atom, before) or (within_a_sentence and len(marks) < len(_RANGE.findall(atom))):
            return [atom]
        return marks


class _CodeState:
    """Whether the text that was passed over ends within code: between backticks of one line, or between fences."""

    def __init__(self) -> None:
        self._fences = 0
        self._ticks = 0

    @property
    def inside(self) -> bool:
        return self._fences % 2 == 1 or self._ticks % 2 == 1

    def pass_over(self, text: str) -> None:
        self._fences += text.count("```")
        _, newline, line = text.rpartition("\n")
        self._ticks = (0 if newline else self._ticks) + line.replace("```", "").count("`")


def escape_marks(text: str) -> str:
    """The words of an abstract, with `(#3)` for what looks like a mark, so that it can't pass for one of ours."""

    def rewritten(found: re.Match[str]) -> str:
        atoms = [atom if _is_prose(atom, before) else _plain(atom) for atom, before, _ in _atoms(found, text)]
        return f"{found['blank']}{' '.join(atoms)}{found['after']}"

    return _GROUP.sub(rewritten, text)


def with_escaped_marks(passage: Passage) -> Passage:
    """The passage as a writer may see it. Its offsets are still those of the abstract, its words may not be."""
    if not _SUSPECT.search(f"{passage.paper.title}\n{passage.text}"):
        return passage
    return replace(
        passage,
        paper=replace(passage.paper, title=escape_marks(passage.paper.title)),
        text=escape_marks(passage.text),
        sentences=tuple(replace(sentence, text=escape_marks(sentence.text)) for sentence in passage.sentences),
    )


def places(text: str) -> Iterator[tuple[int, int, int]]:
    """Start (with the blanks before), end and number of each `[n]` in a text that has been through `MarkFilter`."""
    for found in _MARK.finditer(text):
        yield found.start(), found.end(), int(found[1])


def without(text: str) -> str:
    """The text with no marks at all."""
    marks = MarkFilter(())
    return "".join([*marks.feed(text), *marks.flush()])


def _atoms(found: re.Match[str], text: str) -> Iterator[tuple[str, str, str]]:
    """Each mark of a group, with the text before the group and the character that follows it."""
    before, following = _text_before(text, found.start()), text[found.end() : found.end() + 1]
    for atom in _ATOM_OF_GROUP.finditer(text, found.start("atoms"), found.end()):
        yield atom[0], before, following


def _undecided(text: str, start: int) -> int:
    """Where the part of the text begins that may yet become marks; its length where there is none."""
    while place := _MAY_BEGIN.search(text, start):
        if _UNDECIDED.match(text, place.start()):
            return place.start()
        start = place.end()
    return len(text)


def _text_before(text: str, place: int) -> str:
    """As much of it as is looked at to tell a mark from prose."""
    return text[max(0, place - _LOOK_BACK) : place]


def _numbers(atom: str, shown: Collection[int]) -> list[int]:
    """The shown ones among the numbers that a mark names, in its order."""
    named = []
    if atom.startswith("[-"):
        return []
    for first, last in _RANGE.findall(_AFTER_THE_NUMBERS.sub("", atom)):
        if len(first) <= _MOST_DIGITS and len(last) <= _MOST_DIGITS:
            named += [number for number in sorted(shown) if int(first) <= number <= int(last or first)]
    return list(dict.fromkeys(named))


def _is_prose(atom: str, before: str) -> bool:
    """An interval, a coordinate, or the number of an equation."""
    numbers = re.findall(r"\d+", _AFTER_THE_NUMBERS.sub("", atom))
    has_zero = any(not number.strip("0") for number in numbers)
    if atom.startswith("("):
        return has_zero or _NAMED_BEFORE.search(before) is not None
    return len(numbers) > 1 and (has_zero or _INTERVAL_BEFORE.search(before) is not None)


def _plain(atom: str) -> str:
    inner = _AFTER_THE_NUMBERS.sub("", atom).strip("\\[]［］【】〔〕()^#$- ")
    return f"(#{re.sub(r'^[^0-9]+', '', inner)})"
