"""A recording server as it is configured, and where a request to it goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from siprec_app import fields
from siprec_app.authentication import Credentials
from siprec_app.fields import Uri
from siprec_app.tls import TlsSettings
from siprec_app.transport import Protocol, Target

_NAMED = {"udp": Protocol.UDP, "tcp": Protocol.TCP, "tls": Protocol.TLS}
_PORTS = {Protocol.UDP: 5060, Protocol.TCP: 5060, Protocol.TLS: 5061}


@dataclass(frozen=True, slots=True)
class Server:
    """One recording server.

    Attributes:
        uri: ``sip:`` or ``sips:``, whom our INVITE is for.
        transport: how it is reached; None: as the URI says, by UDP where it says nothing. With ``sips:`` always TLS.
        credentials: for its challenges; None: they cannot be answered.
        tls: our certificate, and whom we trust.

    Raises:
        ValueError: the URI is no SIP URI.
    """

    uri: str
    transport: Protocol | None = None
    credentials: Credentials | None = None
    tls: TlsSettings | None = None

    def __post_init__(self) -> None:
        if fields.uri(self.uri) is None or self.uri.strip() != self.uri:
            raise ValueError(f"{self.uri!r} is no SIP URI")

    @property
    def protocol(self) -> Protocol:
        """How it is reached."""
        return Protocol.TLS if self._where.secure else self.transport or _NAMED.get(self._where.transport, Protocol.UDP)

    @property
    def _where(self) -> Uri:
        where = fields.uri(self.uri)
        assert where is not None
        return where

    @property
    def target(self) -> Target:
        """Where a new session's INVITE goes."""
        return Target(self.protocol, self._where.host, self._where.port or _PORTS[self.protocol], self.tls)

    def targets(self, next_hop: str, reached: str) -> tuple[Target, ...]:
        """Where a request within a dialog goes, best first: the host that the dialog names (RFC 3261 section 8.1.2).

        What began with TLS stays with it, whatever the server's Contact says. On TCP and TLS the connection to the
        server as it is configured serves where it names itself, and where the host that it names cannot be reached:
        many name an address of their inner network.

        Args:
            reached: the address that the configured host was reached by.
        """
        where = fields.uri(next_hop)
        own = self.target
        if where is None:
            return (own,)
        protocol = _NAMED.get(where.transport, Protocol.UDP)
        protocol = Protocol.TLS if where.secure or self.protocol is Protocol.TLS else protocol
        if protocol is Protocol.UDP and self.protocol is Protocol.TCP and not where.transport:
            protocol = Protocol.TCP
        named = replace(own, protocol=protocol, host=where.host, port=where.port or _PORTS[protocol])
        if protocol is Protocol.UDP:
            return (named,)
        if where.host in (own.host, reached) and protocol is own.protocol:
            return (own,)
        return (named, own)
