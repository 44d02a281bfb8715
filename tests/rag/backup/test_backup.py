"""A backup holds what a user would miss, and restoring it is refused whenever the result would not be what it says."""

import json
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from rag.backup import archive
from rag.backup.restore import restore
from rag.backup.save import save
from rag.database import FILE, Database
from rag.errors import ConfigError, LockedError, RequestError
from rag.history.conversations import LOCAL
from rag.library.lock import Lock
from rag.library.registry import folder_of
from rag.types import Paper
from rag.workspace import Workspace
from tests.conftest import QUESTION, settings
from tests.support.command import words

SECRET = "sk-never-in-a-backup"


def put_back(home: Path, file: Path, *, overwrite: bool = False) -> None:
    restore(settings(home), file, overwrite=overwrite, progress=lambda done, total: None)


def contents(home: Path) -> dict[str, bytes]:
    """What a user would lose: every file but the locks."""
    files = (path for path in home.rglob("*") if path.is_file() and path.name not in ("lock", f"{FILE}-shm"))
    return {str(path.relative_to(home)): path.read_bytes() for path in files}


async def answer(home: Path) -> dict[str, Any]:
    """What is shown of the answer, and the ranking that it is from."""
    async with Workspace(settings(home), words()) as workspace:
        answer = await workspace.ask(QUESTION)
        found = await workspace.search("sparse autoencoders", limit=12)
    return {
        "text": answer.text,
        "citations": answer.citations,
        "ranking": [(passage.paper.id, passage.score) for passage in found],
    }


@pytest.fixture
def file(home: Path, tmp_path: Path) -> Path:
    """A backup of the papers."""
    save(settings(home), tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A home folder that is not there yet."""
    return tmp_path / "new"


async def test_a_new_home_answers_as_the_old_one(home: Path, file: Path, new: Path) -> None:
    put_back(new, file)
    assert await answer(new) == await answer(home)


async def test_conversations_answers_and_feedback_are_kept(home: Path, tmp_path: Path, new: Path) -> None:
    async with Workspace(settings(home), words()) as workspace:
        begun = await workspace.conversations.begin(LOCAL, "default", "About heads")
        given = await workspace.ask(QUESTION)
        await workspace.answers.judge(given.id, LOCAL, "good", "so it is")
    manifest = save(settings(home), tmp_path / "backup")
    assert (manifest.contents.conversations, manifest.contents.answers) == (1, 1)
    put_back(new, tmp_path / "backup")
    async with Workspace(settings(new), words()) as workspace:
        assert (await workspace.conversations.get(begun.id)).title == "About heads"
        (feedback,) = await workspace.answers.feedback()
        assert (feedback["answer_id"], feedback["comment"]) == (given.id, "so it is")


def test_a_backup_is_the_users_alone_and_has_no_secrets(home: Path, tmp_path: Path) -> None:
    (home / ".env").write_text(f"SCHOLIAST_API_KEYS={SECRET}\n")
    manifest = save(settings(home), tmp_path / "backup")
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600
    with ZipFile(tmp_path / "backup") as inside:
        assert sorted(inside.namelist()) == ["manifest.json", FILE]
        assert all(SECRET.encode() not in inside.read(name) for name in inside.namelist())
    assert "keys are not in the backup" in manifest.left_out[0]


def test_what_is_written_meanwhile_is_in_the_backup_whole_or_not_at_all(home: Path, tmp_path: Path, new: Path) -> None:
    with closing(sqlite3.connect(home / FILE)) as writer:
        writer.execute("UPDATE papers SET title = 'half'")
        save(settings(home), tmp_path / "backup")
        writer.rollback()
    put_back(new, tmp_path / "backup")
    with closing(sqlite3.connect(new / FILE)) as reader:
        assert reader.execute("SELECT count(*) FROM papers WHERE title = 'half'").fetchone() == (0,)


def test_the_calibration_belongs_to_it(home: Path, tmp_path: Path, new: Path) -> None:
    save(settings(home), tmp_path / "without")
    (home / "calibration.json").write_text('{"answer_from": 0.5}')
    save(settings(home), tmp_path / "with")
    put_back(new, tmp_path / "with")
    assert json.loads((new / "calibration.json").read_text()) == {"answer_from": 0.5}
    put_back(new, tmp_path / "without", overwrite=True)
    assert not (new / "calibration.json").exists()


def test_no_file_is_overwritten_unless_told(home: Path, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(RequestError, match="exists; name another file, or give --overwrite"):
        save(settings(home), file)
    assert file.read_bytes() == before
    save(settings(home), file, overwrite=True)


def test_nothing_is_left_beside_a_backup_that_fails(home: Path, tmp_path: Path) -> None:
    (home / FILE).write_bytes(b"not a database")
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(Exception, match="can't be copied"):
        save(settings(home), folder / "backup")
    assert list(folder.iterdir()) == []


def test_with_servers_it_is_said_what_they_keep(home: Path, tmp_path: Path) -> None:
    (home / "calibration.json").write_text('{"answer_from": 0.5}')
    url = "postgresql+psycopg://me:secret@db.example.org/papers"
    served = settings(home, database_url=url, chroma_url="http://me:secret@chroma.example.org:8000")
    manifest = save(served, tmp_path / "backup")
    assert list(manifest.members) == ["calibration.json"]
    _, database, indexes = manifest.left_out
    assert "pg_dump" in database and "db.example.org" in database and "secret" not in database
    assert "chroma.example.org" in indexes and "secret" not in indexes


def test_an_empty_home_is_no_backup(new: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds nothing to back up"):
        save(settings(new), tmp_path / "backup")


# Restoring


async def test_a_home_that_holds_something_is_replaced_only_when_told(
    home: Path, file: Path, new: Path, papers: list[Paper]
) -> None:
    async with Workspace(settings(new), words()) as workspace:
        await workspace.ingest(papers[5], library="other")
        await workspace.ingest(papers[5], library="default")
    (new / ".env").write_text("SCHOLIAST_CONTACT=me@example.org\n")
    before = contents(new)
    with pytest.raises(RequestError, match=r"already holds papers.*--overwrite"):
        put_back(new, file)
    assert contents(new) == before
    put_back(new, file, overwrite=True)
    assert await answer(new) == await answer(home)
    assert (new / ".env").read_text() == "SCHOLIAST_CONTACT=me@example.org\n"
    assert not folder_of(new, "other").exists()
    generations = [path for path in folder_of(new, "default").glob("*/*") if path.is_dir()]
    assert len(generations) == 2  # one of each index: those before are deleted


async def test_a_home_with_settings_and_empty_tables_counts_as_empty(file: Path, new: Path) -> None:
    async with Workspace(settings(new), words()) as workspace:
        await workspace.conversations.page(LOCAL)
    (new / ".env").write_text("")
    put_back(new, file)


async def test_a_library_in_use_is_not_replaced(home: Path, file: Path) -> None:
    before = contents(home)
    lock = Lock(folder_of(home, "default"), Database(home).lock("default"))
    lock.acquire("default")
    try:
        with pytest.raises(LockedError, match=r"in use by process \d+ .*stop it"):
            put_back(home, file, overwrite=True)
    finally:
        lock.release()
    assert contents(home) == before


def test_a_database_on_a_server_is_no_place_for_it(file: Path, new: Path) -> None:
    served = settings(new, database_url="postgresql+psycopg://db.example.org/papers")
    with pytest.raises(ConfigError, match="SCHOLIAST_DATABASE_URL is set"):
        restore(served, file, progress=lambda done, total: None)
    assert not new.exists()


def refused(file: Path, new: Path, match: str) -> None:
    """Restoring is refused, and the home folder holds nothing of it."""
    with pytest.raises(RequestError, match=match):
        put_back(new, file)
    assert not new.exists() or not contents(new)


@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_changed_byte_is_noticed(file: Path, new: Path, part: float) -> None:
    data = bytearray(file.read_bytes())
    data[int(len(data) * part)] ^= 0x20
    file.write_bytes(data)
    refused(file, new, "is damaged")


@pytest.mark.parametrize("left", [0, 1, 100, 5_000])
def test_a_part_of_a_file_is_noticed(file: Path, new: Path, left: int) -> None:
    file.write_bytes(file.read_bytes()[:left])
    refused(file, new, "no backup of Scholiast, or only a part of one")


def test_a_file_that_is_not_there_is_named(tmp_path: Path, new: Path) -> None:
    refused(tmp_path / "nothing", new, "nothing is not there")


def changed(file: Path, change: Callable[[dict[str, Any]], object], **members: bytes) -> None:
    """Write the archive again with another manifest, and with other members."""
    with ZipFile(file) as inside:
        parts = {name: inside.read(name) for name in inside.namelist()} | members
    manifest = json.loads(parts["manifest.json"])
    change(manifest)
    with ZipFile(file, "w") as outside:
        for name, data in {**parts, "manifest.json": json.dumps(manifest).encode()}.items():
            outside.writestr(name, data)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: m.update(product="diary"), "is a 'diary', no backup of Scholiast"),
        (lambda m: m.update(format=2, version="9.0"), "has format 2, this version reads 1.*9.0 or newer"),
        (lambda m: m.pop("product"), "is damaged"),
        (lambda m: m.update(contents=3), "is damaged"),
        (lambda m: m["members"].clear(), "not those of its manifest"),
        (lambda m: m["members"][FILE].update(bytes=10), "not what was backed up"),
        (lambda m: m["contents"]["libraries"].clear(), "not Scholiast's"),
        (lambda m: m["contents"]["libraries"][0].update(name="../../x"), "can't name a library"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    file: Path, new: Path, change: Callable[[dict[str, Any]], object], match: str
) -> None:
    changed(file, change)
    refused(file, new, match)


def test_the_archive_of_another_program_is_refused(tmp_path: Path, new: Path) -> None:
    with ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("photo.jpg", b"...")
    refused(tmp_path / "other.zip", new, "no backup of Scholiast: it has no manifest.json")


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "libraries/../../outside", ".env", "C:\\outside"])
def test_no_member_leads_out_of_the_home_folder(file: Path, new: Path, tmp_path: Path, name: str) -> None:
    before = sorted(path.name for path in tmp_path.iterdir())
    changed(file, lambda manifest: None, **{name: b"SCHOLIAST_MODEL=openai:evil"})
    refused(file, new, "which no backup of Scholiast does")
    with ZipFile(file) as inside:
        (stranger,) = set(inside.namelist()) - {"manifest.json", FILE}
    changed(file, lambda m: m["members"].update({stranger: {"bytes": 1, "sha256": "0"}}))
    refused(file, new, "which no backup of Scholiast does")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def with_database(file: Path, folder: Path, *statements: str) -> None:
    """Change the database inside of an archive, whose manifest then fits it."""
    with ZipFile(file) as inside:
        inside.extract(FILE, folder)
    with closing(sqlite3.connect(folder / FILE)) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
    with archive.opened(file) as before:
        manifest = before.manifest
    file.unlink()
    archive.write(file, {FILE: folder / FILE}, manifest.contents, manifest.created, ())


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER UPDATE ON libraries BEGIN DELETE FROM papers; END",
        "CREATE VIEW v AS SELECT * FROM papers",
        "UPDATE libraries SET name = '../../outside'",
    ],
)
def test_a_database_that_acts_or_leads_out_is_refused(file: Path, new: Path, tmp_path: Path, statement: str) -> None:
    with_database(file, tmp_path / "inside", "PRAGMA foreign_keys=OFF", statement)
    refused(file, new, "not Scholiast's")


def test_a_generation_that_leads_out_of_the_folder_is_not_used(file: Path, new: Path, tmp_path: Path) -> None:
    with_database(file, tmp_path / "inside", "UPDATE libraries SET generation = '../../../outside'")
    put_back(new, file)
    assert not (tmp_path / "outside").exists()
    assert {path.parent.parent.name for path in (new / "libraries").glob("*/chroma/*")} == {"default"}


def test_a_disk_without_room_is_told_before_anything_is_written(
    file: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(file.parent)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=10))
    with pytest.raises(Exception, match=r"10 bytes free.*free some disk space"):
        put_back(new, file)
    assert not new.exists()
