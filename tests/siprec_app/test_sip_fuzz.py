"""Bytes of any kind on the wire: a message, or a fault with a name; and soon."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import RecordingServerProtocolBroken
from siprec_app import answers, bodies, dialogs, fields, message
from siprec_app.authentication import Credentials, Digest, stale
from siprec_app.dialogs import Dialog
from siprec_app.framing import Framer
from siprec_app.message import Message, Request, Response
from tests.siprec_app.bodies import multipart
from tests.siprec_app.damage import stuff
from tests.siprec_app.test_message import REFUSED, invite

LINES = [
    "Session-Expires: 1800;refresher=uac", "Min-SE: 90", "Require: siprec, timer",
    'Warning: 399 srs "text, \\"quoted\\""', "Retry-After: 5 (x)",
    'WWW-Authenticate: Digest realm="a,b", nonce="n", qop="auth,auth-int", stale=TRUE, algorithm=SHA-256',
    'Contact: "A, B" <sip:srs@recorder1:5060;transport=tcp>;+sip.srs;q=0.5, sip:other@[2001:db8::1]',
    "Record-Route: <sip:p1;lr>,<sip:p2;lr>", "Reason: SIP;cause=480;text=\"x\"", "Unsupported: timer",
    "Content-Type: multipart/mixed;boundary=of-two-parts", "Via: SIP/2.0/TCP 192.0.2.7:5060;branch=z9hG4bKx;rport",
]
CORPUS = [invite(*LINES) + multipart(), (REFUSED + "\r\n".join(LINES) + "\r\n\r\n").encode() + multipart(),
          invite("Content-Length: 4", body="body"), b"\r\n\r\n"]
PIECES = [b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n ", b":", b";", b",", b"<", b">", b'"', b"\\", b"=", b"\xff",
          b"\xed\xa0\x80", b"\x1b[2J", b"99999999999999999999", b"-1", b"SIP/2.0 200 OK\r\n", b"Content-Length: 5\r\n",
          b"l:7\r\n", b"\r\n\r\n", b"sip:", b"%00", b"\xe2\x80\xae", b"z9hG4bK"]
STUFF = stuff(CORPUS, PIECES)


def used(found: Message) -> None:
    """All that is done with a message: each answer can be written, and is read again as what it is."""
    assert found.session_expires is not None
    assert [found.warnings, found.causes, found.tag("To"), found.via, found.number("Min-SE")]
    dialog = Dialog("id", "<sip:a@b>;tag=t", "<sip:c@d>", "sip:c@d")
    if isinstance(found, Request):
        for response in (message.response(found, 200, "tag", ("192.0.2.7", 5060)),
                         answers.without_dialog(found, "t", ("h", 1)), answers.refusal(found, "t", ("h", 1))):
            if response is not None:
                again = message.read(message.build(response))
                assert again.call_id == found.call_id
                assert again.cseq == found.cseq
        bodies.requested(found)
    elif isinstance(found, Response):
        bodies.success(1, found)
        bodies.failed(1, found)
        stale(found)
        digest = Digest(Credentials("u", "p"), lambda: "drawn")
        digest.learn(found)
        made = dialog.established(found).request("BYE")
        for name, value in digest.answers("BYE", "sip:x"):
            made.fields.add(name, value)
        made.fields.first("Via", "SIP/2.0/UDP h;branch=z9hG4bKx")
        with suppress(ValueError):  # a target or a tag of theirs that cannot be written
            sent = message.read(message.build(made))
            assert sent.call_id == "id"
            assert sent.fields.get("Injected") == ""
        message.build(dialogs.ack(message.read(invite()), found))  # type: ignore[arg-type]


@given(data=STUFF)
def test_no_datagram_does_any_harm(data: bytes) -> None:
    with suppress(RecordingServerProtocolBroken):
        used(message.read(data))


@given(data=st.lists(STUFF, max_size=4).map(b"".join), size=st.integers(1, 200))
def test_no_stream_does_any_harm_and_its_pieces_do_not_matter(data: bytes, size: int) -> None:
    results = []
    for step in (size, len(data) + 1):
        framer, found = Framer(), list[bytes]()
        broken = False
        with suppress(RecordingServerProtocolBroken):
            for start in range(0, len(data), step):
                found += framer.feed(data[start:start + step])
            broken = True
        results.append((found, broken, framer.pings if broken else 0))
    whole, pieces = results[1], results[0]
    assert pieces[0][:len(whole[0])] == whole[0]
    assert not whole[1] or pieces == whole
    for frame in pieces[0]:
        with suppress(RecordingServerProtocolBroken):
            used(message.read(frame))


LONG = {
    "spaces": "a" + " " * 30_000 + "b", "quotes": '"' * 30_000, "escapes": '"\\' * 15_000, "angles": "<" * 30_000,
    "quoted angles": '<"' * 15_000, "commas": "," * 30_000, "semicolons": ";a=" * 10_000,
    "dots": "sip:" + "a." * 15_000, "dashes": "SIP/2.0/UDP " + "a-" * 15_000, "digits": "1" * 30_000,
    "realms": 'Digest realm="\\"' * 2_000,
    "schemes": "Digest " * 4_000, "equal signs": "a=" * 15_000, "brackets": "[:" * 15_000,
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
@pytest.mark.parametrize("read", [fields.split, fields.address, fields.uri, fields.challenges, message.via,
                                  lambda value: used(message.read(invite(f"Contact: {value}", f"Warning: {value}"))),
                                  lambda value: message.read(invite(value))],
                         ids=["list", "address", "uri", "challenge", "via", "message", "line"])
def test_a_long_value_is_read_in_time(read: Callable[[str], object], value: str) -> None:
    with suppress(RecordingServerProtocolBroken):
        for _ in range(20):
            read(value)


@pytest.mark.timeout(20)
def test_a_stream_byte_by_byte_is_read_in_time() -> None:
    framer = Framer()
    whole = invite(*["X-Some: thing"] * 200, "Content-Length: 60000", body="x" * 60_000)
    assert [frame for start in range(len(whole)) for frame in framer.feed(whole[start:start + 1])] == [whole]
