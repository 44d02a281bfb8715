"""Hands mails to a server over SMTP (RFC 5321)."""

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

_TIMEOUT_SECONDS = 30.0
_PORTS = {"smtp": 587, "smtps": 465}


class MailError(Exception):
    """The mail server can't be reached, or has not taken a mail; its address and password are not in the message."""


def send(url: str, mail: EmailMessage) -> None:
    """Hand a mail to the server at a URL. Blocks; raises MailError."""
    try:
        server = _connected(url)
        try:
            server.send_message(mail)
            with suppress(OSError, smtplib.SMTPException):  # the mail is taken, however they part
                server.quit()
        finally:
            server.close()
    except smtplib.SMTPAuthenticationError as error:
        raise MailError(
            f"the mail server refuses the user or the password of SCHOLIAST_SMTP_URL ({error.smtp_code}); check both"
        ) from error
    except smtplib.SMTPRecipientsRefused as error:
        replies = "; ".join(_reply(code, text) for code, text in error.recipients.values())
        raise MailError(f"the mail server does not take mail for this address: {replies}") from error
    except smtplib.SMTPSenderRefused as error:
        raise MailError(
            f"the mail server does not take mail from {error.sender}: {_reply(error.smtp_code, error.smtp_error)}; "
            "check SCHOLIAST_SMTP_FROM"
        ) from error
    except smtplib.SMTPResponseException as error:
        raise MailError(f"the mail server answers {_reply(error.smtp_code, error.smtp_error)}") from error
    except ssl.SSLError as error:
        raise MailError(f"no TLS with the mail server: {error.reason or error}; check SCHOLIAST_SMTP_URL") from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"the mail server can't be reached: {error}; check SCHOLIAST_SMTP_URL") from error


def _connected(url: str) -> smtplib.SMTP:
    """A session: under TLS unless the server is this machine, and logged in where the URL has a user."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        server.ehlo_or_helo_if_needed()
        if parts.scheme == "smtp" and not _is_this_machine(host):
            _start_tls(server, host, parts.username)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
    except BaseException:
        server.close()
        raise
    return server


def _start_tls(server: smtplib.SMTP, host: str, user: str | None) -> None:
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
        server.ehlo()
    elif user:
        raise MailError(
            "the mail server offers no TLS, and a password is not sent without; use smtps:// or another port"
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _reply(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())[:200]}"
