"""Clickable links on terminals (OSC 8): which terminals show them, and which addresses may be in one."""

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

_SCHEMES = re.compile(r"https?://", re.IGNORECASE)
_KEPT = "".join(map(chr, range(0x21, 0x7F)))
"""Printable ASCII: all that may be inside of the escape sequence, which any other character could end."""

_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty", "Tabby", "rio", "WarpTerminal", "mintty"}
_NAMES = re.compile(r"xterm-(?:kitty|ghostty)|alacritty|foot|contour|wezterm|rio")
_VARIABLES = ("WT_SESSION", "KONSOLE_VERSION", "KITTY_WINDOW_ID", "DOMTERM", "TERMINATOR_UUID")
_FIRST_VTE = 5000
"""GNOME's terminals since 0.50."""


def are_shown(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal is known to show links; FORCE_HYPERLINK=1 or 0 overrules, as in other programs."""
    if (forced := environment.get("FORCE_HYPERLINK")) is not None:
        return forced != "0"
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM", "") in _PROGRAMS
        or _NAMES.match(environment.get("TERM", "")) is not None
        or any(environment.get(name) for name in _VARIABLES)
        or (vte.isdecimal() and int(vte) >= _FIRST_VTE)
    )


def target(url: str | None) -> str:
    """An address as it may stand in the escape sequence; empty for anything but a web page."""
    return quote(url, safe=_KEPT, errors="replace") if url and _SCHEMES.match(url) else ""
