"""Runs the watches that are due and delivers their digests: once for a command, and every day while a service runs."""

import asyncio
import logging

from rag.errors import ScholiastError
from rag.watches import runs
from rag.watches.runs import Run
from rag.workspace import Workspace
from service.mail import digests as mail

_FIRST_SECONDS = 60.0
_EVERY_SECONDS = 600.0
"""How often a service looks for watches that are due; each of them is due once a day."""

log = logging.getLogger("scholiast")


async def run_due(workspace: Workspace, owner: str | None = None) -> tuple[list[Run], dict[str, str]]:
    """Run what is due and post what waits; also returns why some digests could not be posted, by watch."""
    done = await runs.run_due(workspace, owner)
    return done, await deliver(workspace)


async def run_one(workspace: Workspace, id: str, owner: str | None = None) -> tuple[Run, dict[str, str]]:
    """The same for one watch, due or not. Raises as `runs.run_one`."""
    done = await runs.run_one(workspace, id, owner)
    return done, await deliver(workspace)


async def deliver(workspace: Workspace) -> dict[str, str]:
    """Post and send the digests that wait; returns why some could not be, by watch.

    Without a Slack token, or a mail server, theirs stay.
    """
    settings, failures = workspace.settings, dict[str, str]()
    if settings.slack_bot_token.get_secret_value():
        from service.slack.http import extra_installed

        with extra_installed():
            from service.slack import digests
        failures |= await digests.deliver(workspace)
    if settings.smtp_url.get_secret_value() and settings.smtp_from:
        failures |= await mail.deliver(workspace)
    return failures


async def keep_running(workspace: Workspace) -> None:
    """Run what is due until cancelled. Failures are logged, and tried again."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            done, failures = await run_due(workspace)
            for failure in [*(f"watch {run.watch}: {run.error}" for run in done if run.error), *failures.values()]:
                log.error("%s", failure)
        except ScholiastError as error:
            log.error("the watches can't be run: %s", error)
        except Exception:
            log.exception("the watches can't be run")
        await asyncio.sleep(_EVERY_SECONDS)
