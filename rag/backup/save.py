"""Makes a backup while others read and write: of the database a consistent copy, from which all else is derived.

The indexes are not copied: Chroma's files change under questions too, and every vector is in the database.
"""

from contextlib import closing
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from rag import vector_indexes
from rag.answerability import CALIBRATION
from rag.backup import archive
from rag.backup.archive import Contents, Manifest
from rag.config import Settings, home_file
from rag.database import FILE, Database, copy_sqlite, home_errors
from rag.errors import ConfigError, RequestError
from rag.history.schema import answers, conversations, timestamp
from rag.library import registry


def save(settings: Settings, file: Path, *, overwrite: bool = False) -> Manifest:
    """Write a backup of the home folder to a file, which appears when it is whole and has been read again. Blocks.

    Raises RequestError if the file exists and is not to be overwritten, ConfigError if there is nothing to back up or
    the file can't be written, and LibraryError when the database can't be read.
    """
    if file.is_dir() or (file.exists() and not overwrite):
        raise RequestError(f"{file} exists; name another file, or give --overwrite")
    created = timestamp()
    try:
        with TemporaryDirectory(prefix=".scholiast-backup-", dir=file.absolute().parent) as folder:
            copy, written = Path(folder) / "home", Path(folder) / "backup"
            copy.mkdir(0o700)
            members = _copy_members(settings, copy)
            contents = _contents(copy) if FILE in members else Contents()
            manifest = archive.write(written, members, contents, created, left_out(settings))
            with archive.opened(written) as reread:
                reread.check()
            written.replace(file)
    except OSError as error:
        raise ConfigError(
            f"the backup {file} can't be written ({error.strerror or error}); name a file in a folder that you may "
            "write to, on a disk with room for it"
        ) from error
    return manifest


def left_out(settings: Settings) -> tuple[str, ...]:
    """What of an installation with these settings a backup lacks, and how to keep it, in sentences."""
    sentences = [f"Settings and keys are not in the backup ({home_file()}, the environment): keep a copy of your own."]
    if settings.database_url:
        place = Database(settings.home, settings.database_url).place
        sentences.append(
            f"Papers, conversations, answers and watches are not in the backup: they are in {place}; back that up "
            "with its own tools, such as pg_dump."
        )
    if settings.chroma_url:
        server = urlsplit(settings.chroma_url).hostname
        sentences.append(
            f"The indexes on the Chroma server at {server} are not in the backup: they are made again from the vectors "
            "in the database."
        )
    if vector_indexes.store(settings.vector_index, settings.chroma_url).is_shared and not settings.chroma_url:
        sentences.append(
            "The vector indexes at the place of SCHOLIAST_VECTOR_INDEX are not in the backup: they are made again from "
            "the vectors in the database."
        )
    return tuple(sentences)


def _copy_members(settings: Settings, folder: Path) -> dict[str, Path]:
    """Copies of what there is to back up, by their names in the archive."""
    home = settings.home
    members = {}
    if not settings.database_url and (home / FILE).is_file():
        copy_sqlite(home / FILE, folder / FILE, standalone=True)
        members[FILE] = folder / FILE
    if (home / CALIBRATION).is_file():
        with home_errors(home):
            copyfile(home / CALIBRATION, folder / CALIBRATION)
        members[CALIBRATION] = folder / CALIBRATION
    if not members:
        elsewhere = "; what is in SCHOLIAST_DATABASE_URL has tools of its own" if settings.database_url else ""
        raise ConfigError(f"{home} holds nothing to back up{elsewhere}; check SCHOLIAST_HOME")
    return members


def _contents(home: Path) -> Contents:
    """What the copied database holds; it is closed before its file is read."""
    libraries = tuple(registry.summaries(home))
    with closing(Database(home)) as database:
        return Contents(
            libraries=libraries, answers=database.count(answers), conversations=database.count(conversations)
        )
