"""Posts what watches found to their Slack channels: each digest is one message, and is posted once."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from rag.workspace import Workspace
from service.lease import Lease, LeaseLostError, is_dead, renewed, worker_name
from service.slack import render
from service.slack.client import SlackClient, SlackError, log
from service.slack.events import Place
from service.slack.posts import Posts
from service.slack.render import BLOCK_CHARACTERS, Block, escape, shorten

GIVE_UP_SECONDS = 7 * 86_400.0
"""After so long a digest that Slack refuses is given up; the findings stay in the feed."""

_MAX_FINDINGS = 20
_TITLE_CHARACTERS = 300
_SENTENCE_CHARACTERS = 800
_SHORT_CHARACTERS = 200


async def deliver(workspace: Workspace) -> dict[str, str]:
    """Post the digests that wait; returns why some could not be posted, by watch. Those are tried again later."""
    jobs, settings, worker = workspace.watches.digests, workspace.settings, worker_name()
    await asyncio.to_thread(jobs.reclaim, lambda other: is_dead(other, worker))
    await asyncio.to_thread(jobs.clear)
    failures: dict[str, str] = {}
    refused: list[Lease] = []
    client = SlackClient(settings.slack_bot_token.get_secret_value(), settings.slack_api_url)
    await client.open()
    try:
        while taken := await asyncio.to_thread(jobs.take, worker, 1):
            lease = Lease(jobs, taken[0], worker)
            try:
                async with renewed(lease):
                    await _post(client, lease)
                await lease.finish()
            except LeaseLostError:
                log.warning("%s was taken over by another worker", lease.job.key)
            except SlackError as error:
                failures[lease.job.thread] = _described(lease, error)
                refused.append(lease)
    finally:
        await client.close()
    for lease in refused:  # only now, so that none is taken twice
        await (lease.finish() if _is_old(lease) else lease.release())
    return failures


async def _post(client: SlackClient, lease: Lease) -> None:
    """Post a digest, unless an earlier attempt has. Raises SlackError and LeaseLostError."""
    digest = lease.job.payload
    place = Place(team="", channel=digest["channel"], thread="", user="", user_team="")
    # Without knowing who we are, what an earlier attempt posted could not be found.
    bot_id = str((await client.call("auth.test"))["user_id"])
    posts = Posts(client, place, lease, bot_id)
    await posts.resume()
    if not posts.all:
        text, blocks = message(digest)
        await posts.post(text, blocks)


def _described(lease: Lease, error: SlackError) -> str:
    channel = lease.job.payload["channel"]
    if _is_old(lease):
        return f"the digest for {channel} is given up after a week: {error}"
    return f"the digest for {channel} is not posted yet: {error}; is the bot a member of the channel?"


def _is_old(lease: Lease) -> bool:
    return time.time() - lease.job.created > GIVE_UP_SECONDS


def message(digest: Mapping[str, Any]) -> tuple[str, list[Block]]:
    """The text for notifications, and the blocks, of a digest: `text` and `findings`, as a job's payload has them."""
    found, watched = digest["findings"], escape(shorten(digest["text"], _TITLE_CHARACTERS))
    blocks = [render.section(f"*New on “{watched}”*")]
    blocks += [render.section(_finding(finding), verbatim=True) for finding in found[:_MAX_FINDINGS]]
    if (more := len(found) - _MAX_FINDINGS) > 0:
        blocks.append(render.section(f"_And {more} more, in the feed of the watch._"))
    return f"New on “{watched}”: {len(found)}", blocks


def _finding(finding: Mapping[str, Any]) -> str:
    """In mrkdwn; shorter and without a link where escapes or a long address would not fit into a block."""
    text = _described_finding(finding, _SENTENCE_CHARACTERS, plain=False)
    return text if len(text) <= BLOCK_CHARACTERS else _described_finding(finding, _SHORT_CHARACTERS, plain=True)


def _described_finding(finding: Mapping[str, Any], limit: int, *, plain: bool) -> str:
    if finding["kind"] == "paper":
        return f"{_paper(finding['paper'], limit, plain)}\n>{escape(shorten(finding['sentence'], limit))}"
    before, after = finding["before"], finding["after"]
    lines = [f"*The answer has changed* (`{after['outcome']}`, before `{before['outcome']}`)"]
    lines.append(f"Now: {escape(shorten(after['sentence'], limit))}")
    lines.append(f"Before: {escape(shorten(before['sentence'], limit))}")
    return "\n".join(lines)


def _paper(paper: Mapping[str, Any], limit: int, plain: bool) -> str:
    year = f" ({paper['year']})" if paper["year"] else ""
    retracted = ", retracted" if paper["retracted"] else ""
    title = shorten(paper["title"], min(limit, _TITLE_CHARACTERS))
    return f"*{render.link(None if plain else paper['url'], title)}*{year}{retracted}"
