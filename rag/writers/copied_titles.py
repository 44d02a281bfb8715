"""Sentences that a model begins as a list of sources would: `[1] The title: what the abstract says.`"""

import re
from collections.abc import Mapping

from rag.grounding.marks import places
from rag.text.sentences import spans

_MARK = re.compile(r"\s*(?:\*\*)?\[(\d+)\](?:\*\*)?[ .:–—-]*")
_MARK_BEGUN = re.compile(r"\s*\*{0,2}(?:\[\d{0,4}\]?\*{0,2}[ .:–—-]*)?\Z")
_LABEL = "title:"
_AFTER = re.compile(r"[\"'”*]{0,3}(?: ?\((?:19|20)\d\d[a-z]?\))?[\"'”*]{0,3}\s*(?:[:.–—-][\"'”*]{0,3}\s*|\Z)")
_AFTER_BEGUN = re.compile(r"[\"'”*]{0,3} ?(?:\([\da-z]{0,5}\)?)?[\"'”*]{0,3} ?\Z")
_END = re.compile(r"[.!?…。！？]+[\"'”’»)]*\Z")


class WithoutCopiedTitles:
    """A stage from text with marks `[n]` to the same without copied titles; the mark goes behind what is said.

    In a list the title stays, behind a dash. A line that begins so is held until its end. The result does not depend on
    where the text was cut.
    """

    def __init__(self, titles: Mapping[int, str], *, in_list: bool = False) -> None:
        """`titles` has that of each number."""
        self._titles = titles
        self._in_list = in_list
        self._line = ""
        self._passing = False

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        *lines, last = item.split("\n")
        shown = "".join(self._take(line, ends=True) for line in lines) + self._take(last, ends=False)
        return [shown] if shown else []

    def flush(self) -> list[str]:
        """The rest."""
        shown = "" if self._passing else self._rewritten(self._line)
        return [shown] if shown else []

    def _take(self, piece: str, *, ends: bool) -> str:
        shown = piece
        if not self._passing:
            self._line += piece
            shown = ""
            if ends:
                shown = self._rewritten(self._line)
            elif not self._may_be_copied(self._line):
                self._passing, shown = True, self._line
        if not ends:
            return shown
        is_dropped = not self._passing and bool(self._line.strip()) and not shown
        self._line, self._passing = "", False
        return "" if is_dropped else f"{shown}\n"

    def _may_be_copied(self, line: str) -> bool:
        mark = _MARK.match(line)
        if not mark or mark.end() == len(line):
            return _MARK_BEGUN.match(line) is not None
        rest, title = _without_label(line[mark.end() :]), self._title(mark)
        if not title or not rest or _LABEL.startswith(rest.lower()):
            return bool(title)
        begun, after = _folded(rest), rest[len(title) :]
        if len(begun) <= len(title):
            return title.startswith(begun)
        return begun.startswith(title) and bool(_AFTER.match(after) or _AFTER_BEGUN.match(after))

    def _rewritten(self, line: str) -> str:
        """The line as it would have been written without the title; empty where it is nothing but the title."""
        mark = _MARK.match(line)
        title = self._title(mark) if mark else ""
        if not mark or not title:
            return line
        rest = _without_label(line[mark.end() :])
        after = _AFTER.match(rest[len(title) :])
        if not _folded(rest).startswith(title) or not after:
            return line
        said = rest[len(title) + after.end() :].strip()
        cited = " ".join(_cited(said[s.start : s.end], mark[1]) for s in spans(said))
        return f"- {rest[: len(title)]}: {cited}" if cited and self._in_list else cited

    def _title(self, mark: re.Match[str]) -> str:
        return _folded(self._titles.get(int(mark[1]), ""))


def _without_label(text: str) -> str:
    """Without what stands before a title."""
    text = text.lstrip("\"'“*")
    return text[len(_LABEL) :].lstrip(" \"'“*") if text.lower().startswith(_LABEL) else text


def _folded(text: str) -> str:
    """For comparing, as long as it was: letters in one case, and each blank a space."""
    return "".join(" " if letter.isspace() else letter.lower()[:1] for letter in text)


def _cited(sentence: str, number: str) -> str:
    if next(iter(places(sentence)), None):
        return sentence
    end = _END.search(sentence)
    place = end.start() if end else len(sentence)
    return f"{sentence[:place]} [{number}]{sentence[place:]}"
