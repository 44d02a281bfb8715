"""What MkDocs calls while it builds the site: pages made of files elsewhere, included sections, links between them."""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from service.docs import notebook, reference, settings

ROOT = Path(__file__).parents[2]
PAGES = "service/docs/pages"

WHOLE = {
    "architecture.md": "ARCHITECTURE.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "evaluation.md": "eval/README.md",
    "security.md": "SECURITY.md",
    **{
        f"measured/{file.name}": f"eval/results/{file.name}"
        for file in sorted((ROOT / "eval" / "results").glob("*.md"))
    },
}
"""Pages that are a file of the repository, whole."""

GENERATED = {"notebook.md": notebook.page, "reference.md": reference.page}
"""Pages that code writes."""

SOURCES = {**WHOLE, "notebook.md": "service/docs/example.py"}
"""The file that the text of a page is from, to which its links are relative; of others their own."""

_PAGE_OF = {source: page for page, source in WHOLE.items()}
_FENCE = re.compile(r"^\s*```.*?^\s*```\s*$", re.MULTILINE | re.DOTALL)
_INCLUDE = re.compile(r"^<!-- section (\S+): (.+) -->$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file of the folder is."""
    written = {page: (ROOT / source).read_text("utf-8") for page, source in WHOLE.items()}
    written |= {page: write() for page, write in GENERATED.items()}
    for page, text in written.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The text with what it asks for: the table of settings, sections of other files; its links lead to pages."""
    name = page.file.src_uri
    markdown = markdown.replace("<!-- settings -->", settings.table())
    markdown = _INCLUDE.sub(lambda found: with_site_links(section(found[1], found[2]), found[1], name), markdown)
    return with_site_links(markdown, SOURCES.get(name, f"{PAGES}/{name}"), name)


def section(source: str, heading: str) -> str:
    """A section of a file with its heading. Raises PluginError for one that is not there."""
    parts = re.split(r"^## (.+)$", (ROOT / source).read_text("utf-8"), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    if heading not in found:
        raise PluginError(f"{source} has no section {heading!r}; it has {', '.join(found)}")
    return f"## {heading}\n{found[heading]}"


def with_site_links(markdown: str, source: str, page: str) -> str:
    """Links of a file of the repository, as they are on a page. What is not on the site is named without a link."""
    pieces, last = [], 0
    for fence in _FENCE.finditer(markdown):
        pieces += [_LINK.sub(lambda found: _link(found, source, page), markdown[last : fence.start()]), fence[0]]
        last = fence.end()
    return "".join([*pieces, _LINK.sub(lambda found: _link(found, source, page), markdown[last:])])


def _link(found: "re.Match[str]", source: str, page: str) -> str:
    text, target, anchor = found[1], found[2], found[3] or ""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    where = _PAGE_OF.get(path) or (path.removeprefix(f"{PAGES}/") if path.startswith(f"{PAGES}/") else "")
    if where:
        return f"[{text}]({posixpath.relpath(where, posixpath.dirname(page) or '.')}{anchor})"
    return text if (ROOT / path).exists() else found[0]  # MkDocs says of the latter that it leads nowhere
