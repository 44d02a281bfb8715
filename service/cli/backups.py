"""`scholiast backup` and `scholiast restore`: the home folder as one file, and back."""

import asyncio
from pathlib import Path

from rag import config
from rag.backup import restore as restoring
from rag.backup import save as saving
from rag.backup.archive import Manifest
from service.cli.progress import progress
from service.cli.terminal import Page


async def save(file: Path, overwrite: bool) -> bool:
    """Back up."""
    manifest = await asyncio.to_thread(saving.save, config.load(), file, overwrite=overwrite)
    size = (await asyncio.to_thread(file.stat)).st_size
    page = Page()
    page.line(f"{file} holds {_contents(manifest)} ({size / 1e6:,.1f} MB; read again, and sound)")
    for sentence in manifest.left_out:
        page.line(sentence, "yellow")
    return True


async def restore(file: Path, overwrite: bool) -> bool:
    """Restore."""
    settings = config.load()
    with progress("Indexing libraries") as bar:
        manifest = await asyncio.to_thread(restoring.restore, settings, file, overwrite=overwrite, progress=bar)
    page = Page()
    page.line(f"{settings.home} holds {_contents(manifest)}, as of {manifest.created[:16].replace('T', ' ')} UTC")
    for sentence in manifest.left_out:
        page.line(sentence, "yellow")
    page.line("`scholiast doctor` checks that it fits the settings.", "dim")
    return True


def _contents(manifest: Manifest) -> str:
    contents = manifest.contents
    papers = sum(library.papers for library in contents.libraries)
    names = ", ".join(library.name for library in contents.libraries) or "none"
    return (
        f"{papers:,} papers (libraries: {names}), {contents.conversations:,} conversations and "
        f"{contents.answers:,} answers"
    )
