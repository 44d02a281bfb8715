"""Leaves out the list of sources that a model appends: its numbers are its own, and its titles may be made up."""

import re

_HEADING = re.compile(
    r"[#*_>\s]*(?:references?|bibliography|sources?(?: (?:cited|used|consulted))?|works cited|citations?"
    r"|further reading|literature(?: cited)?|cited (?:works|papers|abstracts|sources)|footnotes?|notes"
    r"|参考文献|来源|引用文献|références(?: bibliographiques)?|bibliographie|literatur(?:verzeichnis|angaben)?|quellen"
    r"|einzelnachweise|referencias|fuentes|bibliografía|riferimenti|bibliografia|referências|источники|литература)[*_\s]*"
    r"(?:[:：][*_\s]*(?=\[|\d|-|https?:|$)|$)",
    re.IGNORECASE,
)
_HEADING_BEGUN = re.compile(r"[#*_>\s]*[^\W\d_]*(?: [^\W\d_]*){0,2}[*_]*\s*[:：]?[*_]*\s*(?:h|ht|htt|https?)?\Z")
_A_MARK = r"\[\^?(?:\d+|p\d[a-z\d]{1,9})\]"
_ENTRY = re.compile(
    rf"\s*(?:[-*•–]\s|{_A_MARK}|\d{{1,2}}[.)]\s|https?://)"
    r"|.*(?:\bet al\b|\bdoi\b|https?://|\((?:19|20)\d\d[a-z]?\)|;\s?\d+)",
    re.IGNORECASE,
)
_LONGEST_HEADING = 40
_DEFINITION = re.compile(rf"\s*{_A_MARK}\s*:")
_MARKED_LINE = re.compile(rf"\s*(?:[-*•–]\s*)?{_A_MARK}")
_MARKED_LINE_BEGUN = re.compile(r"\s*(?:[-*•–]\s*)?(?:\[\^?[p\d]?[a-z\d]{0,12}\]?)?\Z")
_MARK = re.compile(_A_MARK)
_ENTRY_FACTS = re.compile(
    r"\bet al\b|\bdoi\b|https?://|\((?:19|20)\d\d[a-z]?\)|\b(?:19|20)\d\d\.?\s*\Z|\bjournal\b|\bproc(?:\.|eedings)",
    re.IGNORECASE,
)


class WithoutSourceList:
    """A stage that leaves such lists out, line by line. The result does not depend on how the text was cut.

    A line that begins with a mark is one of them where it defines the mark, or names a source that was cited before.
    """

    def __init__(self) -> None:
        self._line = ""
        self._passing = False
        self._in_list = False
        self._blank = ""
        self._cited: set[str] = set()

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        shown = ""
        *lines, last = item.split("\n")
        for line in lines:
            shown += self._take(line, ends=True)
        shown += self._take(last, ends=False)
        return [shown] if shown else []

    def flush(self) -> list[str]:
        """The rest."""
        shown = "" if self._passing or not self._line else self._decided()
        return [shown] if shown else []

    def _take(self, piece: str, *, ends: bool) -> str:
        self._line += piece
        shown = piece if self._passing else ""
        if not self._passing and (ends or not self._may_be_source(self._line)):
            shown = self._decided()
        if ends:
            self._end_line()
        return shown

    @staticmethod
    def drops(line: str) -> bool:
        """Whether a line of its own after an answer is a heading of such a list, or one of its entries."""
        entry = _MARKED_LINE.match(line) and _ENTRY_FACTS.search(line)
        return bool(entry or _HEADING.match(line) or _DEFINITION.match(line))

    def _decided(self) -> str:
        """The line so far, if it is no source; then the rest of it is none either."""
        line = self._line
        if not line.strip():
            return ""
        if _HEADING.match(line):
            self._in_list = True
            return ""
        if self._in_list and _ENTRY.match(line):
            return ""
        self._in_list = False
        if self._is_source(line):
            return ""
        self._passing = True
        before, self._blank = self._blank, ""
        return before + line

    def _end_line(self) -> None:
        """The blanks between lines wait for the next line that is shown."""
        if self._passing:
            self._cited.update(_MARK.findall(self._line))
        if self._passing or (not self._line.strip() and not self._in_list):
            self._blank += "\n" if self._passing else f"{self._line}\n"
        self._line, self._passing = "", False

    def _is_source(self, line: str) -> bool:
        if _DEFINITION.match(line):
            return True
        marked = _MARKED_LINE.match(line)
        return bool(marked and set(_MARK.findall(marked[0])) <= self._cited and _ENTRY_FACTS.search(line))

    def _may_be_source(self, line: str) -> bool:
        marked = _MARKED_LINE.match(line) or _MARKED_LINE_BEGUN.match(line) or _DEFINITION.match(line)
        return self._in_list or marked is not None or _may_be_heading(line)


def _may_be_heading(line: str) -> bool:
    return len(line) < _LONGEST_HEADING and (_HEADING_BEGUN.match(line) is not None or _HEADING.match(line) is not None)
