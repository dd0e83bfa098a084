"""A real mail server of the tests' own (aiosmtpd), with STARTTLS or TLS and AUTH, that keeps what it takes.

    async with MailServer(authority) as server:
        ...
        (mail,) = server.mails
"""

import asyncio
import email.policy
import ssl
import warnings
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.certificates import Authority

__all__ = ["MailServer", "Taken"]

USER, PASSWORD = "phonograph", "s3cret & spaces"


@dataclass
class Taken:
    """A mail that the server has taken."""

    sender: str
    recipients: list[str]
    raw: bytes
    tls: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        """The mail itself."""
        return BytesParser(policy=email.policy.default).parsebytes(self.raw)


class MailServer:
    """A mail server on a free port of loopback, named ``localhost``.

    Args:
        tls: from the first byte on; otherwise it offers STARTTLS.
        replies: what it says instead of taking a mail: by the recipient, or by ``DATA``.
        plain: it offers no TLS at all.
    """

    def __init__(self, authority: Authority, *, tls: bool = False, replies: dict[str, str] | None = None,
                 plain: bool = False) -> None:
        self.mails: list[Taken] = []
        self._connections: list[SMTP] = []
        self._replies = replies or {}
        self._tls, self._plain = tls, plain
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(*authority.sign("localhost"))
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(
            self._smtp, "127.0.0.1", 0, ssl=self._context if self._tls else None)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._server.close()
        for connection in self._connections:
            # Python 3.11.2 breaks at the abort of a TLS connection that was closed.
            if isinstance(connection.transport, asyncio.WriteTransport) and not connection.transport.is_closing():
                connection.transport.abort()
        for _ in range(3):  # until each connection has learned that it is lost
            await asyncio.sleep(0)

    def _smtp(self) -> SMTP:
        offered = self._context if not self._tls and not self._plain else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it does not know that TLS is there from the first byte on
            made = SMTP(self, hostname="localhost", authenticator=self._known, auth_required=not self._plain,
                        auth_require_tls=offered is not None, tls_context=offered, require_starttls=offered is not None)
        self._connections.append(made)
        return made

    def _known(self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=known, handled=False, auth_data=USER)

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, address: str,  # noqa: N802
                          _options: list[str]) -> str:
        """aiosmtpd's hook for a recipient."""
        if address in self._replies:
            return self._replies[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for the mail itself."""
        if "DATA" in self._replies:
            return self._replies["DATA"]
        content = envelope.original_content
        assert content is not None
        self.mails.append(Taken(envelope.mail_from or "", list(envelope.rcpt_tos), content,
                                session.ssl is not None or self._tls, cast(str | None, session.auth_data)))
        return "250 OK"
