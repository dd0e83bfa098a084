"""Where a request to a recording server goes."""

from __future__ import annotations

import pytest

from siprec_app.server import Server
from siprec_app.transport import Protocol

UDP, TCP, TLS = Protocol.UDP, Protocol.TCP, Protocol.TLS


@pytest.mark.parametrize(("uri", "transport", "expected"), [
    ("sip:srs@host", None, (UDP, "host", 5060)), ("sip:srs@host:5070", TCP, (TCP, "host", 5070)),
    ("sip:host;transport=TCP", None, (TCP, "host", 5060)), ("sip:host;transport=tls", None, (TLS, "host", 5061)),
    ("sip:host;transport=tcp", TLS, (TLS, "host", 5061)), ("sips:host", None, (TLS, "host", 5061)),
    ("sips:host;transport=tcp", UDP, (TLS, "host", 5061)), ("sip:[::1]:5080", None, (UDP, "::1", 5080)),
    ("sip:recorder1;transport=sctp", None, (UDP, "recorder1", 5060)),
])
def test_a_new_session(uri: str, transport: Protocol | None, expected: tuple[Protocol, str, int]) -> None:
    target = Server(uri, transport).target
    assert (target.protocol, target.host, target.port) == expected


@pytest.mark.parametrize("uri", ["", "srs@host", "tel:+49", "sip:", " sip:host", "sip:host ", "sip:a b@host",
                                 "sip:<host>",
                                 "sip:host\r\n", 'sip:"a"@host', "sip:host:port"])
def test_what_is_no_address(uri: str) -> None:
    with pytest.raises(ValueError, match="no SIP URI"):
        Server(uri)


@pytest.mark.parametrize(("transport", "hop", "expected"), [
    (UDP, "sip:node2:5070", [(UDP, "node2", 5070)]), (UDP, "sip:node2;transport=tcp", [(TCP, "node2", 5060), None]),
    (UDP, "sip:srs:5060;transport=udp", [(UDP, "srs", 5060)]), (UDP, "tel:+49", [None]),
    (TCP, "sip:node2", [(TCP, "node2", 5060), None]), (TCP, "sip:node2;transport=udp", [(UDP, "node2", 5060)]),
    (TCP, "sip:srs:9", [None]), (TCP, "sip:192.0.2.9:9", [None]),
    (TLS, "sip:srs:9", [None]), (TLS, "sip:192.0.2.9;transport=udp", [None]), (TLS, "sip:SRS;transport=tcp", [None]),
    (TLS, "sip:node2;transport=udp", [(TLS, "node2", 5061), None]), (TLS, "sips:node2:7", [(TLS, "node2", 7), None]),
])
def test_within_a_dialog(transport: Protocol, hop: str, expected: list[tuple[Protocol, str, int] | None]) -> None:
    """None: the server as it is configured. Nothing leads from TLS to anything else."""
    server = Server("sip:srs", transport)
    own = (server.target.protocol, server.target.host, server.target.port)
    found = [(target.protocol, target.host, target.port) for target in server.targets(hop, reached="192.0.2.9")]
    assert found == [one or own for one in expected]
