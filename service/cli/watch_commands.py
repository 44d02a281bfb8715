"""What `scholiast watch` does. Each writes to the terminal or prints JSON, and returns whether it succeeded."""

import asyncio
from typing import Any

from rag import config
from rag.errors import ScholiastError
from rag.text.analysis import replace_surrogates
from rag.types import PaperReference
from rag.watches import findings, store
from rag.watches.findings import Finding
from rag.watches.runs import Run
from rag.watches.store import Watch, Watches
from rag.workspace import open_database
from service import watching
from service.cli.output import print_error, print_json
from service.cli.terminal import Page
from service.owner.client import Owner
from service.owner.operations import Operations


async def add(text: str, library: str, source: str, to: str, json: bool) -> bool:
    """Begin a watch."""
    async with Owner() as owner:
        watch = await owner.run(
            Operations.watch, text=replace_surrogates(text), library=library, source=source, destination=to
        )
    if json:
        print_json(store.watch_json(watch))
        return True
    page = Page()
    page.line(f"{watch.id} watches library {watch.library}; `scholiast watch run`, once a day, tells what is new")
    if watch.standing:
        page.line(f"The answer now ({watch.standing.outcome}): {watch.standing.sentence}")
    return True


async def list_watches(json: bool) -> bool:
    """List every watch."""
    watches = Watches(open_database(config.load()))
    found = await asyncio.to_thread(watches.all)
    watches.close()
    if json:
        print_json({"watches": [store.watch_json(watch) for watch in found]})
    else:
        page = Page()
        for watch in found:
            page.line(_described(watch))
    return True


async def remove(id: str, json: bool) -> bool:
    """Remove a watch."""
    watches = Watches(open_database(config.load()))
    try:
        await asyncio.to_thread(watches.remove, id)
    finally:
        watches.close()
    print_json({"id": id, "removed": True}) if json else Page().line(f"{id} is removed")
    return True


async def run_watches(id: str, json: bool) -> bool:
    """Run one watch, or all that are due; a watch that fails, or a digest, does not stop the others."""
    done: list[Run] = []
    async with Owner() as owner:
        watches = owner.workspace.watches
        for due in [id] if id else await asyncio.to_thread(watches.due):
            try:
                done.append(await owner.run(Operations.run_watch, id=due))
            except ScholiastError as error:
                if id:
                    raise
                done.append(Run(watch=due, error=str(error)))
        failures = await watching.deliver(owner.workspace)
        names = {watch.id: watch.text for watch in await asyncio.to_thread(watches.all)}
    if json:
        print_json({"runs": [_run_json(run) for run in done], "undelivered": failures})
    else:
        page = Page()
        for run in done:
            if not run.error:
                page.line(f"{names.get(run.watch, run.watch)}: {len(run.found)} new ({run.watch})", "bold")
            for finding in run.found:
                _show(page, finding)
    for message in [*(f"watch {run.watch}: {run.error}" for run in done if run.error), *failures.values()]:
        print_error(message)
    return not failures and not any(run.error for run in done)


def _show(page: Page, finding: Finding) -> None:
    if finding.paper:
        page.line(_named(finding.paper))
        page.line(f"“{finding.sentence}”", "dim")
    elif finding.before and finding.after:
        page.line("The answer has changed.")
        page.line(f"now ({finding.after.outcome}): {finding.after.sentence}")
        page.line(f"before ({finding.before.outcome}): {finding.before.sentence}")


def _named(paper: PaperReference) -> str:
    return f"{paper.title}{paper.suffix}" + (f"  {paper.url}" if paper.url else "")


def _described(watch: Watch) -> str:
    parts = [watch.id, f"“{watch.text}”", f"in {watch.library}"]
    parts += [f"from {watch.source}"] if watch.source else []
    return "  ".join([*parts, f"to {watch.destination}"])


def _run_json(run: Run) -> dict[str, Any]:
    return {"watch": run.watch, "found": [findings.to_json(finding) for finding in run.found], "error": run.error}
