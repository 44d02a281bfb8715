"""What a model or an abstract says, made inert: no endless runs of one character, no markup that loads, runs or hides.

Readers of Markdown, HTML and Slack's text turn some characters into images, tags and links. Here the characters that
would do so are parted by a blank or left out. Links to web addresses stay: they do nothing until somebody follows one.
"""

import re

LONGEST_RUN = 80
"""How often the same character may follow itself, and how many blanks each other."""

_RUN = re.compile(rf"(?<!\s)(\s{{{LONGEST_RUN}}})\s+|((\S)\3{{{LONGEST_RUN - 1}}})\3+")

# Marks that change the direction of the text around them, so that it shows something else than it says.
_DIRECTIONS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])

_ACTIVE = re.compile(
    r"(?P<tag>(?<=<)(?=[a-z/?])|(?<=<!)(?=-))"
    r"|(?P<image>!+(?=\[))"
    r"|(?P<link>(?<=\])\((?!https?://))"  # to anything but a web address
    r"|(?P<colon>(?<=\]):)"  # as in "[label]: address", which makes "[label]" a link
    r"|(?P<script>(?<=script):)",
    re.IGNORECASE,
)
_IN_A_LINE = re.compile(r"\w[^\n\[\]\\]*\[[^\n\[\]\\]*\]\Z")  # where no definition of a label can stand
_UNDECIDED = re.compile(r"(?:!+\[?|(?<=\])\((?:h(?:t(?:t(?:ps?(?::/?)?)?)?)?)?)\Z", re.IGNORECASE)
_LONGEST_UNDECIDED = LONGEST_RUN + 1
_LOOK_BACK = 160


_HALVES = re.compile(r"[\ud800-\udfff]")


class RunLimit:
    """A stage that shortens runs of blanks, and of any one character, to `LONGEST_RUN` characters.

    It also puts the halves of a surrogate pair together, which some servers of models send one by one; a half alone
    becomes the replacement character, as it can't be sent on.
    """

    def __init__(self) -> None:
        self._run = ""
        self._half = ""

    def feed(self, item: str) -> str:
        """The text without what makes a run too long; it does not depend on how the text is cut."""
        item = self._whole_characters(item)
        if not item:
            return ""
        text = self._run + item
        if len(text) > LONGEST_RUN:
            text = _RUN.sub(lambda run: run[1] or run[2], text)
        shown = text[len(self._run) :]
        self._run = text[len(text.rstrip(None if text[-1].isspace() else text[-1])) :]
        return shown

    def _whole_characters(self, item: str) -> str:
        item, self._half = self._half + item, ""
        if not _HALVES.search(item):
            return item
        if "\ud800" <= item[-1] <= "\udbff":
            item, self._half = item[:-1], item[-1]
        return item.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class InertMarkup:
    """A stage from any text to text without active markup.

    Images become links, links to other than web addresses and definitions of links become plain text, tags are no tags
    any more, and marks of direction are left out. The result does not depend on how the text is cut.
    """

    def __init__(self) -> None:
        self._before = ""
        self._held = ""

    def feed(self, item: str) -> list[str]:
        """What can be shown now."""
        text = self._held + item.translate(_DIRECTIONS)
        before = len(self._before)
        undecided = _UNDECIDED.search(self._before + text, max(before, before + len(text) - _LONGEST_UNDECIDED))
        return self._release(text, undecided.start() - before if undecided else len(text))

    def flush(self) -> list[str]:
        """The rest."""
        return self._release(self._held, len(self._held))

    def _release(self, text: str, length: int) -> list[str]:
        before = self._before
        known = before + text
        out, done, end = [], len(before), len(before) + length
        for found in _ACTIVE.finditer(known, done):
            if found.start() >= end:
                break
            out += [known[done : found.start()], _made_inert(found)]
            done = found.end()
        out.append(known[done:end])
        self._before, self._held = known[:end][-_LOOK_BACK:], text[length:]
        shown = "".join(out)
        return [shown] if shown else []


def _made_inert(found: re.Match[str]) -> str:
    match found.lastgroup:
        case "image":
            return "! " if found.string[found.end() + 1 : found.end() + 2].isdigit() else ""
        case "colon" if _IN_A_LINE.search(found.string, max(0, found.start() - _LOOK_BACK), found.start()):
            return ":"
    return f" {found[0]}"


def inert(text: str) -> str:
    """A whole text without active markup."""
    stage = InertMarkup()
    return "".join([*stage.feed(text), *stage.flush()])
