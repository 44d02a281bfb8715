"""LaTeX and Markdown in an abstract, and what is left of LaTeX whose backslashes were lost, shown as print shows it."""

import re
import unicodedata
from functools import cache

from rag.text.vocabulary import words

_ACCENTS = {'"': "\u0308", "'": "\u0301", "^": "\u0302", "`": "\u0300", "~": "\u0303"}
_ACCENTED = re.compile(r"""\{?\\(["'^`~])(?:\{\\?([A-Za-z])\}|\\?([A-Za-z]))\}?""")
_LETTERS = {
    "ss": "ß",
    "ae": "æ",
    "AE": "Æ",
    "oe": "œ",
    "OE": "Œ",
    "aa": "å",
    "AA": "Å",
    "o": "ø",
    "O": "Ø",
    "l": "ł",
    "L": "Ł",
}
_SPECIAL_LETTER = re.compile(rf"\\({'|'.join(_LETTERS)})(?![A-Za-z])\s?")

_FONT = r"(?:emph|text[a-z]*|math(?:bb|bf|cal|frak|it|rm|scr|sf|tt)|boldsymbol|operatorname\*?|mbox|hbox|underline)"
_COMMAND = re.compile(r"\\([A-Za-z]+)\*?(?:\{\})?")
_SYMBOL_WITHOUT_BACKSLASH = re.compile(
    r"(?<![A-Za-z\\])(leq|geq|rightarrow|infty|varepsilon|varphi|vartheta)(?![A-Za-z])"
)
_MATHEMATICS = re.compile(r"[\\^_={}<>]")

_PLAIN = (
    (re.compile(r"~?\\(?:cite|ref|eqref|label|footnote)[a-z]*\*?(?:\[[^\[\]]*\])*\{[^{}]*\}"), ""),
    (re.compile(r"\\href\{([^{}]*)\}\{([^{}]*)\}"), r"\2 (\1)"),
    (re.compile(r"\\url\{([^{}]*)\}"), r"\1"),
    (re.compile(r"\\?\bfrac\{([^{}]*)\}\{([^{}]*)\}"), r"\1/\2"),
    (re.compile(r"(?<![A-Za-z])\\?sqrt\{(\w+)\}"), r"√\1"),
    (re.compile(r"(?<![A-Za-z])\\?sqrt\{([^{}]*)\}"), r"√(\1)"),
    (re.compile(rf"\\{_FONT}\s*\{{([^{{}}]*)\}}"), r"\1"),
    (
        re.compile(r"(?<![A-Za-z])(?:math(?:bb|bf|cal|frak|rm)|text(?:bf|it|rm|sc|tt)?|boldsymbol|emph)\{([^{}]*)\}"),
        r"\1",
    ),
    (re.compile(r"(?<![A-Za-z\\])math(?:bb|bf|cal|frak|rm) (?=[A-Z])"), ""),
    (re.compile(r"\{\s*\\?(?:it|em|bf|tt|sc|rm|emph|tiny|small) ([^{}]*)\}"), r"\1"),
    (re.compile(r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\s?\.?"), ""),
    (re.compile(r"\^\{\\?(?:circ|prime)\}"), "°"),
    (re.compile(r"\^\{?\\?circledR\}?"), "®"),
    (re.compile(r"([\^_])\{([+−-]?(?:\d+(?:\.\d+)?|[^\W\d_]*))\}(?!\w)"), r"\1\2"),
    (re.compile(r"([\^_])\{([^{}]*)\}"), r"\1(\2)"),
    (re.compile(r"(?<!\*)\*\*(?=\S)([^*]+)(?<=\S)\*\*(?!\*)"), r"\1"),
    (re.compile(r"\\([%&_#$])"), r"\1"),
    (re.compile(r"\\[,;:! ]|\\\\"), " "),
    (re.compile(r"``|''"), '"'),
    # What is left of LaTeX, where it can be nothing else.
    (re.compile(r"\{times\}|(?<=\d)times ?(?=\d)|(?<=\d)times(?![A-Za-z])"), "×"),
    (re.compile(r"(?<=\d)pm(?=\d+\.\d)"), "±"),
    (re.compile(r"(?<![A-Za-z])sim ?(?=\d)"), "~"),
    (re.compile(r"(?<![A-Za-z])approx (?=\d)"), "≈"),
    (re.compile(r"\{to\}"), "→"),
    (re.compile(r"\{cdot\}"), "·"),
    (re.compile(r"(https?://[^\s{}]+)\{\1\}"), r"\1"),
    (re.compile(r"(?<=\d)leq (?=[a-z])"), "≤"),
    (re.compile(r"(?<![A-Za-z])ell_"), "ℓ_"),
    (re.compile(r"\{([=+<>×→∞≤≥-])\}|(?<!\w)\{(\d+(?:\.\d+)?|\w+)\}(?![\w{])"), r"\1\2"),
    (re.compile(r"(?<=[^\W\d])~(?=\S)|(?<=\d)~(?=[A-Za-z(\[])|(?<=[.,;:)\]])~(?=\S)"), " "),
)
_MOST_NESTED = 10
"""How often a text is read again for what stood within other commands."""
_DOLLARS = re.compile(r"(?<![\\$])\$([^$]{1,200})\$(?![\d$])")
_MAY_HAVE = re.compile(
    r"[\\{$~*^`]|''|times|(?:pm|sim|approx |leq)[\d ]|frac|sqrt|math|ell_|geq|rightarrow|infty|var[a-z]+"
)


def plain(text: str) -> str:
    """The text as it would be printed: symbols for their commands, accents on their letters, no emphasis, no escapes.

    What can't be told with certainty stays as it is. Numbers stay: 10^{-3} is written 10^-3, \\cite{...} goes.
    """
    for _ in range(_MOST_NESTED):
        if not _MAY_HAVE.search(text) or (printed := _once(text)) == text:
            break
        text = printed
    return text


def _once(text: str) -> str:
    text = _ACCENTED.sub(lambda m: unicodedata.normalize("NFC", (m[2] or m[3]) + _ACCENTS[m[1]]), text)
    text = _SPECIAL_LETTER.sub(lambda m: _LETTERS[m[1]], text)
    text = _DOLLARS.sub(_formula, text)
    for pattern, printed in _PLAIN:
        text = pattern.sub(printed, text)
    text = _SYMBOL_WITHOUT_BACKSLASH.sub(lambda m: _symbols()[m[1]], text)
    return _COMMAND.sub(_command, text)


def _command(found: re.Match[str]) -> str:
    """Its character, or its name, which must not run into what follows."""
    return _symbols().get(found[1], found[1] + " " * (found.string[found.end() : found.end() + 1] == "\\"))


def _formula(found: re.Match[str]) -> str:
    """The formula without its dollars; what may be two amounts of money stays."""
    inner = found[1]
    is_formula = not re.search(r"\s", inner) or (_MATHEMATICS.search(inner) and not re.match(r"\d[\d,.]* [a-z]", inner))
    return inner.strip() if is_formula else found[0]


@cache
def _symbols() -> dict[str, str]:
    """The character of each command that has one."""
    pairs = words("latex")["symbols"].split()
    return {**dict(zip(pairs[::2], pairs[1::2], strict=True)), **words("latex")["abbreviations"]}
