"""The LaTeX of a record as plain text, as it is read: accents, letters, emphasis and symbols; formulas stay."""

import re
import unicodedata
from collections.abc import Iterator

_MARKS = {
    '"': "\u0308", "'": "\u0301", "^": "\u0302", "`": "\u0300", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "k": "\u0328", "r": "\u030a", "d": "\u0323",
    "b": "\u0331",
}  # fmt: skip
_MARKED = re.compile(
    r"""\\(?:(?P<sign>["'^`~=.])\s*|(?P<word>[uvHckrdb])(?=\s|\{)\s*)"""
    r"""(?:\{\s*\\?(?P<held>[A-Za-z])\s*\}|\\?(?P<bare>[A-Za-z])(?![A-Za-z]))"""
    r"""|\\(?P<open>["'^`~=.])(?P<letter>[A-Za-z])"""
)
_LETTERS = {
    "ss": "ß", "o": "ø", "O": "Ø", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł",
    "i": "ı", "dh": "ð", "th": "þ", "dj": "đ",
}  # fmt: skip
_SYMBOLS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "φ", "varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "pm": "±",
    "times": "×",
    "cdot": "·", "sim": "∼", "approx": "≈", "simeq": "≃", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "ll": "≪",
    "gg": "≫", "neq": "≠", "ne": "≠", "lt": "<", "gt": ">", "infty": "∞", "degree": "°", "circ": "°", "to": "→",
    "rightarrow": "→", "textmu": "μ", "textpm": "±", "textdegree": "°", "textendash": "–", "textemdash": "—",
    "textquoteright": "’", "textquoteleft": "‘", "textquotedblleft": "“", "textquotedblright": "”", "textless": "<",
    "textgreater": ">", "textasciitilde": "~", "ldots": "…", "dots": "…", "prime": "′",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)(?![A-Za-z])(?:\{\}|[ \t]+(?=[A-Za-z])|)")
_STYLED = re.compile(r"\\(?:emph|text(?:it|bf|sc|tt|rm|sf|sl|up|md|normal)?|mbox|underline|enquote)\s*\{([^{}]*)\}")
_STYLED_MATH = re.compile(r"\\(?:mathrm|mathit|mathbf|mathsf|text|rm|it|bf)\s*\{([^{}]*)\}")
_SWITCHED = re.compile(r"\{\\(?:it|em|bf|tt|sc|rm|sl|sf|itshape|bfseries)\s+([^{}]*)\}")
_ESCAPE = re.compile(r"\\([%&_#$])")
# Between dollars that have no blank inside, as prices do: `$5 or $6`.
_MATH = re.compile(r"(?<![\\$])\$(?![\s$])(?P<inside>[^$\n]{1,200}?)(?<![\s\\])\$(?!\$)")
_DEGREES = re.compile(r"\^\{?\\circ\}?")
_POWER = re.compile(r"(?<=[0-9])\^(?:\{([-+−]?[0-9]+)\}|([0-9]))")
_BARE_SCRIPT = re.compile(r"^[\^_](?:\{([-+−]?[0-9A-Za-z]*[-+−]?)\}|([0-9A-Za-z+]))$")
_FORMULA = re.compile(r"[\\{}^_]")
_NAMED = {
    "textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}", "textasciitilde": "~", "textasciicircum": "^",
}  # fmt: skip
_WRITTEN_OUT = re.compile(
    rf"\\\\|\\(?P<name>{'|'.join(_NAMED)})(?![A-Za-z])(?:\{{\}}|[ \t]+(?=[A-Za-z])|)|\\(?P<character>[{{}}$])"
)
# Noncharacters of Unicode, which no text has.
_HELD = {name: chr(0xFDD0 + number) for number, name in enumerate((*_NAMED, "{", "}", "$"))}
_OF_HELD = {ord(held): _NAMED.get(name, name) for name, held in _HELD.items()}
_RAISED = str.maketrans("0123456789-−+", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻⁺")


def to_text(text: str) -> str:
    """The text with accents, letters, emphasis, escapes and symbols of LaTeX as Unicode; formulas stay as they are."""
    if "\\" not in text and "$" not in text:
        return text
    text = _MATH.sub(_of_math, text)
    if "\\" not in text:
        return text
    for pattern in (_STYLED, _SWITCHED):
        text = pattern.sub(r"\1", text)
    text = _MARKED.sub(_marked, text)
    text = _COMMAND.sub(lambda found: _LETTERS.get(found[1]) or _symbol(found), text)
    return _ESCAPE.sub(r"\1", text)


def from_bibtex(text: str) -> str:
    """The text of a BibTeX field: besides, braces protect capitals, `~` is a blank, and `--` is a dash.

    A brace, a backslash or a dollar that is written out stands for itself, and does none of that.
    """
    text = "".join(part if _MATH.fullmatch(part) else _WRITTEN_OUT.sub(_held, part) for part in _formulas_apart(text))
    text = re.sub(r"(?<!\\)~", " ", to_text(text)).replace("---", "—").replace("--", "–")
    parts = re.split(r"(\$[^$]*\$)", text)  # braces of formulas stay
    plain = "".join(part if part[:1] == "$" else re.sub(r"(?<!\\)[{}]", "", part) for part in parts)
    return plain.translate(_OF_HELD)


def _formulas_apart(text: str) -> Iterator[str]:
    """The text cut before and after each formula."""
    end = 0
    for formula in _MATH.finditer(text):
        yield from (text[end : formula.start()], formula[0])
        end = formula.end()
    yield text[end:]


def _held(found: re.Match[str]) -> str:
    """A character that no text has, in the place of one that is written out; a line break stays."""
    return _HELD.get(found["name"] or found["character"] or "", found[0])


def _of_math(found: re.Match[str]) -> str:
    """A formula that is a number, a sign or a name of a letter as text; any other as it was, and so are two prices."""
    if "\\" not in found["inside"] and found.string[found.end() : found.end() + 1].isdigit():
        return found[0]
    inside = _DEGREES.sub("°", found["inside"])
    inside = _POWER.sub(lambda power: (power[1] or power[2]).translate(_RAISED), _STYLED_MATH.sub(r"\1", inside))
    if script := _BARE_SCRIPT.match(inside):
        before = found.string[: found.start()][-1:]
        raised = inside[0] == "^" and before.isdigit()
        return (script[1] or script[2] or "").translate(_RAISED if raised else {})
    plain = _ESCAPE.sub(r"\1", _COMMAND.sub(_symbol, inside))
    simple = plain != found["inside"] or not any(character.isalpha() for character in plain)
    return plain if simple and not _FORMULA.search(plain) else found[0]


def _symbol(found: re.Match[str]) -> str:
    return _SYMBOLS.get(found[1]) or found[0]


def _marked(found: re.Match[str]) -> str:
    letter = found["held"] or found["bare"] or found["letter"]
    return unicodedata.normalize("NFC", letter + _MARKS[found["sign"] or found["word"] or found["open"]])
