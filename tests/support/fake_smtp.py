"""A mail server on a loopback port that keeps what it takes, and can refuse, or hold back that it has taken a mail."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "ada", "s3cret/word"


class FakeSmtp:
    """`mails` are those that it took, `recipients` to whom they went; it lets in only USER with PASSWORD."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.refusal = ""
        """What it answers a recipient, such as `550 no such user`; empty while it takes mail."""
        self._replies = threading.Event()
        self._replies.set()
        self.port = 0

    @property
    def url(self) -> str:
        """As the setting has it, with user and password."""
        return f"smtp://{USER}:{PASSWORD.replace('/', '%2F')}@127.0.0.1:{self.port}"

    def hold_reply(self) -> None:
        """Take mails, but do not say so until `release`."""
        self._replies.clear()

    def release(self) -> None:
        """Answer again."""
        self._replies.set()

    @contextmanager
    def running(self) -> Iterator["FakeSmtp"]:
        """Serve on a free port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        controller = Controller(
            self, "127.0.0.1", self.port, authenticator=_let_in, auth_required=True, auth_require_tls=False
        )
        controller.start()
        try:
            yield self
        finally:
            self.release()
            controller.stop()

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(message_from_bytes(envelope.content, policy=default))
        self.recipients += envelope.rcpt_tos
        await asyncio.to_thread(self._replies.wait)
        return "250 OK"


def _let_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.login == USER.encode() and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)
