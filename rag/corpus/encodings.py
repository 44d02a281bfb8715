"""Whether text that is no UTF-8 is unmistakably Windows-1252, as exports on a Western European Windows are.

Latin-1 is a part of it. Any single-byte encoding decodes without an error, so what comes out has to look like words:
Central European, Cyrillic, Turkish or Macintosh text does not, nor does UTF-8 with a damaged byte.
"""

import re
from pathlib import Path

NAME = "cp1252"

_HIGH = re.compile(rb"[\x80-\xff]")
_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_OTHER_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_MOST_HIGH = 0.15
"""The share of such bytes in a line; French has 0.04."""
_FEW_BYTES = 40
_FEWEST_LETTERS = 10
"""Beside how many letters of ASCII, over all lines with other bytes, it can be told whether they look like words."""
# JSON and XML are UTF-8 unless XML says otherwise.
_UTF_8_BY_DEFINITION = (b"{", b"[", b"<")

_LETTERS = "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüýÝŠšŽžŒœðÐþÞ"
_MARKS = "€‚ƒ„…†‘’“”•–—™¡£§©«®°±²³´µ·¹º»¼½¾¿×÷ª¶¬\xa0\xad"
_PLAUSIBLE = re.compile(rf"[{_LETTERS}{_MARKS}]")
_IMPLAUSIBLE = re.compile(
    r"[^\x00-\x7f]{3}"  # Cyrillic and Greek words, pairs of bytes
    r"|[a-zà-öø-ý][À-ÖØ-ÝŠŽŒ]"  # Macintosh's letters
    r"|[A-Za-zÀ-ÿ]{3}[€ƒ‚„†¡£§«±²³´µ¹»¼½¾¿×÷ª¶¬]"  # Pawe³
    r"|[€ƒ†¡£§±²³µ¹¼½¾¿×÷ª¶¬][a-zà-ÿ]{3}"
    r"|[A-Za-z][‘”“†•™][a-z]"
)
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ýŠšŽžŒœ]+")
# What Central European letters become stands beside the letters that both encodings have: Dvoøák, Nováèek.
_CENTRAL, _SHARED = frozenset("øèìòïùûõæêœ"), frozenset("áíýú")


def is_windows_1252(path: Path) -> bool:
    """Whether the file, which is not UTF-8, is unmistakably in this encoding."""
    with path.open("rb") as file:
        if file.read(64).lstrip().startswith(_UTF_8_BY_DEFINITION):
            return False
        file.seek(0)
        letters = 0
        for line in file:
            if line.isascii() and not _OTHER_CONTROLS.search(line):
                continue
            if not _is_plausible(line):
                return False
            letters += len(_ASCII_LETTER.findall(line))
    return letters >= _FEWEST_LETTERS


def _is_plausible(line: bytes) -> bool:
    high = len(_HIGH.findall(line))
    if _OTHER_CONTROLS.search(line) or _UTF_8.search(line) or high > _MOST_HIGH * max(len(line), _FEW_BYTES):
        return False
    try:
        text = line.decode(NAME)
    except UnicodeDecodeError:
        return False
    if any(not character.isascii() and not _PLAUSIBLE.match(character) for character in text):
        return False
    return not _IMPLAUSIBLE.search(text) and not any(map(_is_central_european, _WORD.findall(text)))


def _is_central_european(word: str) -> bool:
    letters = set(word.lower())
    return bool(letters & _CENTRAL and letters & _SHARED)
