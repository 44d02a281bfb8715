"""Sends what watches found by e-mail: each digest is one mail.

SMTP can't be asked whether it has a mail already. A process that is killed, or loses the connection, after the server
took a mail and before that is recorded, sends it again, with the same Message-ID, by which mail programs know a mail
that they have. In every other case a digest is sent once.
"""

import asyncio
import logging
import time

from rag.config import Settings
from rag.workspace import Workspace
from service.lease import Lease, LeaseLostError, is_dead, renewed, worker_name
from service.mail import message, smtp
from service.mail.smtp import MailError

GIVE_UP_SECONDS = 7 * 86_400.0
"""After so long a digest that the server refuses is given up; the findings stay in the feed."""

_SENT = "sent"

log = logging.getLogger("scholiast")


async def deliver(workspace: Workspace) -> dict[str, str]:
    """Send the digests that wait; returns why some could not be sent, by watch. Those are tried again later."""
    jobs, worker = workspace.watches.mails, worker_name()
    await asyncio.to_thread(jobs.reclaim, lambda other: is_dead(other, worker))
    await asyncio.to_thread(jobs.clear)
    failures: dict[str, str] = {}
    refused: list[Lease] = []
    while taken := await asyncio.to_thread(jobs.take, worker, 1):
        lease = Lease(jobs, taken[0], worker)
        try:
            if _SENT not in lease.posted:
                await _send(workspace.settings, lease)
            await lease.finish()
        except LeaseLostError:
            log.warning("%s was taken over by another process", lease.job.key)
        except MailError as error:
            failures[lease.job.thread] = _described(lease, error)
            refused.append(lease)
    for lease in refused:  # only now, so that none is taken twice
        await (lease.finish() if _is_old(lease) else lease.release())
    return failures


async def _send(settings: Settings, lease: Lease) -> None:
    """Send a digest and record it. Raises MailError and LeaseLostError."""
    mail = message.mail(lease.job.key, lease.job.created, lease.job.payload, settings.smtp_from)
    async with renewed(lease):
        await lease.check()
        await asyncio.to_thread(smtp.send, settings.smtp_url.get_secret_value(), mail)
        await lease.record([_SENT])


def _described(lease: Lease, error: MailError) -> str:
    if _is_old(lease):
        return f"the digest for {lease.job.payload['address']} is given up after a week: {error}"
    return f"the digest for {lease.job.payload['address']} is not sent yet: {error}"


def _is_old(lease: Lease) -> bool:
    return time.time() - lease.job.created > GIVE_UP_SECONDS
