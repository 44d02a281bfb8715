"""The files of the web page in memory, compressed once, under a name that changes when any of them does."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

INDEX = "index.html"

_FOLDERS = ("files", "vendor")
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
"""Other files, such as licences, are not served."""

_NAME_DIGITS = 16


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A file as it is sent."""

    content: bytes
    gzipped: bytes
    media_type: str
    tag: str
    """An ETag, with its quotes."""


@dataclass(frozen=True, kw_only=True)
class Assets:
    """All files by their path below `base`, and the document that loads them."""

    base: str
    files: Mapping[str, Asset]
    index: Asset


@cache
def load() -> Assets:
    """The files of this installation."""
    package = files("service.page")
    contents = {path: content for folder in _FOLDERS for path, content in _contents(package / folder, f"{folder}/")}
    digest = sha256()
    for path, content in sorted(contents.items()):
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    base = f"/page/{digest.hexdigest()[:_NAME_DIGITS]}"
    document = Template(contents.pop(f"files/{INDEX}").decode()).substitute(
        base=base,
        styles="\n".join(f'<link rel="stylesheet" href="{base}/{path}">' for path in _ending(contents, ".css")),
        modules="\n".join(f'<link rel="modulepreload" href="{base}/{path}">' for path in _ending(contents, ".js")),
    )
    return Assets(
        base=base,
        files={path: _asset(path, content) for path, content in contents.items()},
        index=_asset(INDEX, document.encode()),
    )


def _contents(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _contents(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in _MEDIA_TYPES:
            found.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return found


def _asset(path: str, content: bytes) -> Asset:
    return Asset(
        content=content,
        gzipped=gzip.compress(content, mtime=0),
        media_type=_MEDIA_TYPES[_suffix(path)],
        tag=f'"{sha256(content).hexdigest()[:_NAME_DIGITS]}"',
    )


def _ending(contents: Mapping[str, bytes], suffix: str) -> list[str]:
    return sorted(path for path in contents if path.endswith(suffix))


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
