"""A watch's digest is mailed once: after a kill, a refusal, a removal; and no text of a paper acts in it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.http.app import create_app
from tests.conftest import CommandResult, settings
from tests.support.command import words
from tests.support.fake_smtp import PASSWORD, FakeSmtp
from tests.support.running import wait_until

ADDRESS, SENDER = "ada@example.org", "scholiast@example.net"
PAPER = {
    "id": "new",
    "title": "Sleep after <script>alert(1)</script> caffeine & tea",
    "abstract": "We asked sixty adults. Caffeine did shorten sleep by 41 minutes. Tea did not.",
    "url": "https://example.org/new?a=1&b=2",
    "year": 2024,
}
RUN = (sys.executable, "-m", "tests.support.command", "watch", "run")

Command = Callable[..., CommandResult]


@pytest.fixture
def smtp() -> Iterator[FakeSmtp]:
    """A mail server on a loopback port."""
    with FakeSmtp().running() as fake:
        yield fake


@pytest.fixture
def watching(scholiast: Command, smtp: FakeSmtp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A watch that tells an address, and a paper that came after it began."""
    monkeypatch.setenv("SCHOLIAST_SMTP_URL", smtp.url)
    monkeypatch.setenv("SCHOLIAST_SMTP_FROM", SENDER)
    assert scholiast("watch", "add", "caffeine and sleep", "--to", f"email:{ADDRESS}").code == 0
    ingest(scholiast, tmp_path, PAPER)
    return scholiast


def ingest(scholiast: Command, folder: Path, *papers: Mapping[str, object]) -> None:
    file = folder / f"{len(list(folder.iterdir()))}.json"
    file.write_text(json.dumps(papers), encoding="utf-8")
    assert scholiast("ingest", file).code == 0


def part(smtp: FakeSmtp, kind: str) -> str:
    (mail,) = smtp.mails
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def test_a_digest_is_one_mail_with_the_paper_and_its_sentence(watching: Command, smtp: FakeSmtp) -> None:
    assert watching("watch", "run").code == 0
    (mail,) = smtp.mails
    assert (mail["To"], mail["From"]) == (ADDRESS, f"Scholiast <{SENDER}>")
    assert (mail["Subject"], mail["Auto-Submitted"]) == ("New on “caffeine and sleep”: 1", "auto-generated")
    assert smtp.recipients == [ADDRESS]
    text = part(smtp, "plain")
    assert "(2024)\nhttps://example.org/new?a=1&b=2\n> Caffeine did shorten sleep by 41 minutes." in text
    assert "scholiast watch remove wat_" in text
    assert watching("watch", "run").code == 0
    assert len(smtp.mails) == 1


def test_nothing_of_a_paper_is_markup_in_the_mail(watching: Command, smtp: FakeSmtp, tmp_path: Path) -> None:
    hidden: dict[str, object] = {
        "title": "Caffeine, sleep",
        "abstract": "Caffeine and sleep &lt;img src=x&gt;.",
        "url": "javascript:alert(1)",
    }
    ingest(watching, tmp_path, hidden)
    assert watching("watch", "run").code == 0
    html = part(smtp, "html")
    assert '<a href="https://example.org/new?a=1&amp;b=2">' in html
    assert "&lt;img src=x&gt;" in html
    assert not any(active in html for active in ("<script", "<img", "javascript"))


def test_a_question_whose_answer_changed_is_mailed_with_both_answers(
    scholiast: Command, smtp: FakeSmtp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCHOLIAST_SMTP_URL", smtp.url)
    monkeypatch.setenv("SCHOLIAST_SMTP_FROM", SENDER)
    ingest(scholiast, tmp_path, {"title": "Barley", "abstract": "Barley roots grow deep in dry soil."})
    asked = "By how many minutes does caffeine shorten sleep?"
    assert scholiast("watch", "add", asked, "--to", f"email:{ADDRESS}").code == 0
    ingest(scholiast, tmp_path, PAPER)
    assert scholiast("watch", "run").code == 0
    text = part(smtp, "plain")
    assert "The answer has changed.\nNow: (answered) " in text
    assert "Before: (out_of_scope) " in text


@pytest.mark.slow
def test_a_run_that_is_killed_before_its_mail_is_recorded_sends_it_under_the_same_id(
    watching: Command, smtp: FakeSmtp
) -> None:
    smtp.hold_reply()
    killed = subprocess.Popen(RUN, env=dict(os.environ))
    assert wait_until(lambda: bool(smtp.mails), 30)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    smtp.release()
    assert watching("watch", "run").code == 0
    first, second = smtp.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert first.as_bytes().split(b"\n\n")[0].count(b"Message-ID:") == 1
    assert watching("watch", "run").code == 0
    assert len(smtp.mails) == 2


def test_two_digests_have_different_ids(watching: Command, smtp: FakeSmtp, tmp_path: Path) -> None:
    (run,) = json.loads(watching("watch", "run", "--json").out)["runs"]
    ingest(watching, tmp_path, {**PAPER, "id": "newer", "title": "Caffeine, sleep and age"})
    assert watching("watch", "run", run["watch"]).code == 0
    assert len({mail["Message-ID"] for mail in smtp.mails}) == 2


def test_a_mail_that_is_refused_is_told_and_sent_later(watching: Command, smtp: FakeSmtp) -> None:
    smtp.refusal = "550 no such user"
    refused = watching("watch", "run")
    assert refused.code == 1
    assert (
        f"the digest for {ADDRESS} is not sent yet: the mail server does not take mail for this address: 550"
        in refused.err
    )
    smtp.refusal = ""
    assert watching("watch", "run").code == 0
    assert len(smtp.mails) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("smtp://ada:wrong@127.0.0.1:{port}", "refuses the user or the password of SCHOLIAST_SMTP_URL (535)"),
        ("smtp://127.0.0.1:{port}", "530"),
        ("smtp://127.0.0.1:9", "can't be reached"),
        ("smtps://127.0.0.1:{port}", "no TLS with the mail server"),
        # 127.1 is this machine, but by a name that is not taken for it.
        ("smtp://ada:s3cret%2Fword@127.1:{port}", "a password is not sent without"),
    ],
)
def test_a_server_that_can_not_be_used_is_told_without_the_password(
    watching: Command, smtp: FakeSmtp, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv("SCHOLIAST_SMTP_URL", url.format(port=smtp.port))
    ran = watching("watch", "run")
    assert (ran.code, says in ran.err, smtp.mails) == (1, True, []), ran.err
    assert PASSWORD not in ran.err + ran.out
    assert "wrong" not in ran.err + ran.out


def test_a_removed_watch_mails_nothing_more(watching: Command, smtp: FakeSmtp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCHOLIAST_SMTP_URL")
    (run,) = json.loads(watching("watch", "run", "--json").out)["runs"]
    assert watching("watch", "remove", run["watch"]).code == 0
    monkeypatch.setenv("SCHOLIAST_SMTP_URL", smtp.url)
    assert watching("watch", "run").code == 0
    assert smtp.mails == []


@pytest.mark.parametrize(
    "address",
    ["ada", "@example.org", "ada@", "ada@example.org\r\nBcc: eve@example.org", "a b@example.org", "a@b,c@d", "<a@b.c>"],
)
def test_what_is_no_address_is_refused(tmp_path: Path, smtp: FakeSmtp, address: str) -> None:
    app = create_app(settings(tmp_path / "home", smtp_url=smtp.url, smtp_from=SENDER), words())
    with TestClient(app, base_url="http://127.0.0.1") as web:
        response = web.post("/v1/watches", json={"text": "caffeine", "to": f"email:{address}"})
        assert (response.status_code, "email:me@example.org" in response.json()["detail"]) == (422, True)


def test_over_http_a_digest_is_mailed_too(tmp_path: Path, smtp: FakeSmtp) -> None:
    app = create_app(settings(tmp_path / "home", smtp_url=smtp.url, smtp_from=SENDER), words())
    with TestClient(app, base_url="http://127.0.0.1") as web:
        watch = web.post("/v1/watches", json={"text": "caffeine and sleep", "to": f"email:{ADDRESS}"}).json()
        web.post("/v1/papers", json=[PAPER])
        ran = web.post(f"/v1/watches/{watch['id']}/run").json()
        assert (len(ran["found"]), ran["undelivered"], len(smtp.mails)) == (1, "", 1)
