"""Traces of LaTeX and Markdown in an abstract, taken out of a sentence that is shown."""

import re
import unicodedata

_ACCENTS = {'"': "\u0308", "'": "\u0301", "^": "\u0302", "`": "\u0300", "~": "\u0303"}
_ACCENTED = re.compile(r"""\\(["'^`~])(?:\{\\?([A-Za-z])\}|([A-Za-z]))""")
_PLAIN = (
    (re.compile(r"\{\\(?:it|em|bf|tt|sc|rm) ([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:emph|text\w*)\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"\1"),
    (re.compile(r"\\([%&_#$])"), r"\1"),
    (re.compile(r"(?<=\S)~(?=\S)"), " "),
    (re.compile(r"``|''"), '"'),
)


def plain(text: str) -> str:
    """The text as it would be printed: accents on their letters, no emphasis, no escapes. Formulas stay as they are."""
    text = _ACCENTED.sub(lambda m: unicodedata.normalize("NFC", (m[2] or m[3]) + _ACCENTS[m[1]]), text)
    for pattern, printed in _PLAIN:
        text = pattern.sub(printed, text)
    return text
