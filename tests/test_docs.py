"""The documentation's site builds, is complete and loads nothing from elsewhere; its notebook and examples run."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from mkdocs.exceptions import PluginError

from rag import SyncWorkspace
from rag.config import Settings
from service.docs import hooks, notebook, reference
from tests.conftest import SAMPLE

DOCS = Path(__file__).parents[1] / "service" / "docs"
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "video": "src"}


def build(config: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """What MkDocs says."""
    command = [sys.executable, "-m", "mkdocs", "build", "-f", str(config), "--site-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, built as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    done = build(DOCS / "mkdocs.yml", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loaded(HTMLParser):
    """What a page makes a browser load, without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "link" and found.get("rel") in ("canonical", "next", "prev"):
            return
        if tag in LOADING and (address := found.get(LOADING[tag])):
            self.addresses.append(address)


def outside(site: Path) -> Iterator[tuple[str, str]]:
    """Addresses of other hosts that pages and style sheets load, with the file that does."""
    for file in site.rglob("*.html"):
        loaded = Loaded()
        loaded.feed(file.read_text("utf-8"))
        yield from ((file.name, address) for address in loaded.addresses if re.match(r"(?:https?:)?//", address))
    for file in (*site.rglob("*.css"), *site.rglob("*.svg")):
        text = file.read_text("utf-8")
        yield from ((file.name, url) for url in re.findall(r"(?:url\(|@import )[\"']?((?:https?:)?//[^)\"']+)", text))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_site_is_complete_and_loads_nothing_from_elsewhere(site: Path) -> None:
    assert list(outside(site)) == []
    pages = {file.name for file in site.rglob("*.html")}
    assert {f"{Path(page).stem}.html" for page in (*hooks.WHOLE, *hooks.GENERATED)} <= pages
    table = (site / "settings.html").read_text("utf-8")
    assert all(f"SCHOLIAST_{name.upper()}" in table for name in Settings.model_fields)
    assert "<!-- section" not in "".join(file.read_text("utf-8") for file in site.rglob("*.html"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_anchor_that_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    text = (DOCS / "mkdocs.yml").read_text("utf-8").replace("hooks: [hooks.py]", "")
    text = (
        text[: text.index("nav:\n  - Start")].replace("docs_dir: pages", "docs_dir: docs").replace("../../build/", "")
    )
    (tmp_path / "mkdocs.yml").write_text(text, "utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# A\n\n[b](#nowhere)\n", "utf-8")
    done = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert done.returncode != 0 and "nowhere" in done.stdout + done.stderr


def test_the_reference_has_every_operation_and_object_of_the_service() -> None:
    api, page = reference.document(), reference.page()
    operations = {f"### `{method.upper()} {path}`" for path, methods in api["paths"].items() for method in methods}
    assert operations == set(re.findall(r"^### `.+`$", page, re.MULTILINE))
    anchors = set(re.findall(r"\{#([\w-]+)\}", page))
    assert len(anchors) == len(api["components"]["schemas"])
    assert set(re.findall(r"\(#([\w-]+)\)", page)) <= anchors


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[a](../SECURITY.md#keys)", "[a](security.md#keys)"),
        ("[a](docs/pages/http.md)", "[a](http.md)"),
        ("[a](__init__.py)", "a"),
        ("[a](https://example.org)", "[a](https://example.org)"),
        ("[a](none.md)", "[a](none.md)"),
        ("so:\n\n```\n[a](__init__.py)\n```\n", "so:\n\n```\n[a](__init__.py)\n```\n"),
    ],
)
def test_a_link_of_a_readme_leads_to_its_page_or_is_only_named(link: str, shown: str) -> None:
    assert hooks.with_site_links(f"So {link}.", "service/README.md", "http.md") == f"So {shown}."


def test_a_link_from_a_page_in_a_folder_is_relative_to_it() -> None:
    text = "[a](answers.md) [b](../README.md)"
    assert (
        hooks.with_site_links(text, "eval/results/llm.md", "measured/llm.md") == "[a](answers.md) [b](../evaluation.md)"
    )


def test_a_section_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(PluginError, match="no section 'Fax'; it has HTTP, "):
        hooks.section("service/README.md", "Fax")


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "home"))
    found: dict[str, object] = {}
    for kind, body in notebook.cells(notebook.SCRIPT.read_text("utf-8")):
        if not kind:
            exec(body, found)
    printed = capsys.readouterr().out
    assert "2 added, 0 unchanged" in printed
    assert "answered" in printed and "nine hours" in printed


@pytest.mark.slow
def test_the_examples_for_langchain_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCHOLIAST_HOME", str(tmp_path / "home"))
    page = (DOCS / "pages" / "langchain.md").read_text("utf-8")
    retrieving, answering = (block.partition("```")[0] for block in page.split("```python\n")[1:])
    with SyncWorkspace() as workspace:
        workspace.ingest(SAMPLE, library="papers")
        found: dict[str, object] = {"workspace": workspace}
        exec(retrieving.replace('"papers"', '"papers", workspace'), found)
        exec(answering.replace('"papers"', '"papers", workspace'), found)
    assert isinstance(found["documents"], list) and len(found["documents"]) == 5
