"""What the Slack door does under load and when it is killed: acknowledgements, and answers per mention, as a table.

    python -m eval.bench.slack [--mentions 200] [--seconds 10] [--crash-mentions 1000] [--kills 4]

Everything runs as it is deployed: `scholiast serve` on the bundled sample, a Slack on a loopback port, signed requests.
In the second part every mention is delivered three times, as Slack's twin events and retries are, while the service is
killed with SIGKILL and started again several times; what was not acknowledged is delivered again, as Slack does.
"""

import argparse
import os
import platform
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import numpy as np
from numpy.typing import NDArray

from eval.bench.server import SCHOLIAST, environment, serving
from eval.questions import SAMPLE_PAPERS
from tests.support.fake_slack import ME, SECRET, TOKEN, FakeSlack
from tests.support.slack_requests import mention, message, post_to

QUESTION = "What is the best recipe for the heads named Hydra++?"
_PORT = 8931
_WAIT_SECONDS = 900


def main() -> None:
    """Print the table."""
    options = _options()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}\n")
    with TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        subprocess.run([SCHOLIAST, "ingest", SAMPLE_PAPERS], env=environment(home), check=True, capture_output=True)
        _burst(home, options.mentions, options.seconds)
        if options.crash_mentions:
            _crashes(home, options.crash_mentions, options.kills)


def _burst(home: Path, mentions: int, seconds: float) -> None:
    with FakeSlack().running() as slack, _served(home, slack):
        send = post_to(f"http://127.0.0.1:{_PORT}")
        threads = [f"1800000000.{n:06}" for n in range(mentions)]
        began = time.monotonic()

        def acknowledged(number: int) -> tuple[int, float]:
            time.sleep(max(0.0, began + number * seconds / mentions - time.monotonic()))
            start = time.perf_counter()
            return int(send.event(mention(QUESTION, threads[number]))), time.perf_counter() - start

        with ThreadPoolExecutor(32) as pool:
            results = list(pool.map(acknowledged, range(mentions)))
        done = _until_answered(slack, threads)
        milliseconds = np.array([elapsed for _, elapsed in results]) * 1000
        print(f"{mentions} mentions in {seconds:.0f} s")
        print(f"    acknowledged with 200         {sum(status == 200 for status, _ in results)}")
        print(f"    p50 / p99 / longest, ms       {_percentiles(milliseconds)}")
        print(f"    all answered after, s         {done - began:.1f}")
        _count(slack, threads)


def _crashes(home: Path, mentions: int, kills: int) -> None:
    threads = [f"1800000001.{n:06}" for n in range(mentions)]
    with FakeSlack().running() as slack:
        for lot in range(kills):
            some = threads[lot * mentions // kills : (lot + 1) * mentions // kills]
            with _served(home, slack) as service:
                killer = threading.Timer(0.2 + len(some) * 0.02, service.send_signal, [signal.SIGKILL])
                killer.start()
                undelivered = _deliver(some)
                killer.join()
                service.wait()
            with _served(home, slack):
                while undelivered:
                    undelivered = _deliver(undelivered)
        with _served(home, slack):
            _until_answered(slack, threads)
        print(f"{mentions} mentions, each delivered three times, {kills} times killed with SIGKILL")
        _count(slack, threads)


def _deliver(threads: Sequence[str]) -> list[str]:
    """Deliver each mention three times; returns those of which no delivery was acknowledged."""
    send = post_to(f"http://127.0.0.1:{_PORT}")

    def three_times(ts: str) -> bool:
        twins = (mention(QUESTION, ts), message(f"<@{ME}> {QUESTION}", ts), mention(QUESTION, ts))
        return 200 in [send.event(event) for event in twins]

    with ThreadPoolExecutor(8) as pool:
        return [
            ts for ts, acknowledged in zip(threads, pool.map(three_times, threads), strict=True) if not acknowledged
        ]


def _until_answered(slack: FakeSlack, threads: Sequence[str]) -> float:
    """The time when the last was answered, or when _WAIT_SECONDS are over."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        whole = {message.thread for message in list(slack.messages.values()) if slack.whole(message)}
        if whole >= set(threads):
            break
        time.sleep(0.2)
    return time.monotonic()


def _count(slack: FakeSlack, threads: Sequence[str]) -> None:
    answers = dict.fromkeys(threads, 0)
    for one in slack.messages.values():
        answers[one.thread] += 1
    whole = sum(slack.whole(one) for one in slack.messages.values())
    counts = list(answers.values())
    print(f"    mentions with exactly 1 answer  {counts.count(1)} of {len(threads)}")
    print(f"    without / with several          {counts.count(0)} / {sum(count > 1 for count in counts)}")
    print(f"    whole, and different texts      {whole}, {len({one.said for one in slack.messages.values()})}\n")


def _percentiles(milliseconds: NDArray[np.float64]) -> str:
    return " / ".join(f"{value:.0f}" for value in (*np.percentile(milliseconds, (50, 99)), milliseconds.max()))


@contextmanager
def _served(home: Path, slack: FakeSlack) -> Iterator[subprocess.Popen[bytes]]:
    variables = environment(
        home,
        SCHOLIAST_SLACK_BOT_TOKEN=TOKEN,
        SCHOLIAST_SLACK_SIGNING_SECRET=SECRET,
        SCHOLIAST_SLACK_API_URL=slack.url,
    )
    with serving(home, variables, _PORT) as (service, _):
        while not _is_ready():
            time.sleep(0.05)
        yield service


def _is_ready() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{_PORT}/readyz", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mentions", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--crash-mentions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=4)
    return parser.parse_args()


if __name__ == "__main__":
    main()
