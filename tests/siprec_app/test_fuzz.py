"""Bytes of any kind: each reader gives a value that can be used, or says that it cannot be read; and soon."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import RecordingServerProtocolBroken
from siprec_app.protocol import crypto, metadata, metadata_reader, multipart, negotiation, sdp, xmltree
from siprec_app.protocol.negotiation import Stream
from siprec_app.protocol.sdp import PCMA, PCMU, Origin
from tests.siprec_app import bodies
from tests.siprec_app.damage import damaged, stuff
from tests.siprec_app.documents import COMPLETE, LEFT
from tests.siprec_app.test_crypto import KEY

CORPUS = [bodies.TWO_STREAMS, bodies.METADATA.encode(), bodies.BEFORE_THE_RFC.encode(), bodies.multipart(),
          bodies.multipart(end="\r\n"), metadata.build(COMPLETE), metadata.build(LEFT)]
PIECES = [b"\r\n", b"\n", b"\0", b"<", b">", b"&", b'"', b"--", b"m=audio 0 RTP/AVP 0\n", b"a=crypto:1 ", b"<!DOCTYPE",
          b"\xff", b"\xed\xa0\x80", b"=", b":", b"/", b" ", b"99999999999999999999", b"--of-two-parts\n", b"]]>"]
STUFF = stuff(CORPUS, PIECES)
OURS = (crypto.Crypto(1, crypto.Suite.AES_80, KEY),)
OFFERS = [negotiation.offer(Origin(1, 1, "192.0.2.1"), [Stream("1", 4, crypto=keys), Stream("2", 6, crypto=keys)],
                            [PCMU, PCMA]) for keys in ((), OURS)]


def negotiated(body: bytes) -> None:
    """All that is done with a description: it is answered, and taken as an answer."""
    description = sdp.parse(body)
    repr(description).encode("utf-8", "surrogatepass")
    for offered in OFFERS:
        with suppress(RecordingServerProtocolBroken):
            agreed = negotiation.agreement(offered, description)
            assert all(0 < flow.port < 65536 and flow.host for flow in agreed.flows)
            assert all((flow.key is None) == (offered is OFFERS[0]) for flow in agreed.flows)
        answered = negotiation.answer(offered, offered, description)
        if answered is not None:
            again = sdp.parse(sdp.build(answered[0]))
            assert len(again.media) == len(description.media)


READERS: dict[str, Callable[[bytes], object]] = {
    "sdp": negotiated, "metadata": metadata_reader.read, "xml": xmltree.parse,
    "parts": lambda body: multipart.parse("multipart/mixed;boundary=of-two-parts", body),
    "unbounded parts": lambda body: multipart.parse("multipart/mixed", body),
    "crypto": lambda body: crypto.parse(body.decode("latin-1")),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@given(body=STUFF)
def test_no_bytes_do_any_harm(reader: Callable[[bytes], object], body: bytes) -> None:
    with suppress(RecordingServerProtocolBroken):
        reader(body)


@given(content_type=st.text(max_size=60) | st.text("multipart/xd;boundary=\"\\ ", max_size=60), body=STUFF)
def test_no_content_type_does_any_harm(content_type: str, body: bytes) -> None:
    with suppress(RecordingServerProtocolBroken):
        multipart.parse(content_type, body)


@given(documents=damaged(CORPUS, PIECES))
def test_what_can_be_read_can_be_written_again_or_is_refused(documents: bytes) -> None:
    with suppress(RecordingServerProtocolBroken, ValueError):
        found = metadata_reader.read(documents)
        assert isinstance(found, metadata.Metadata)
        assert metadata_reader.read(metadata.build(found)) is not None


@pytest.mark.timeout(10)
@pytest.mark.parametrize("body", [
    b"m=audio 1 RTP/AVP " + b"0 " * 30_000, b"m=audio 1 RTP/AVP 0\n" + b"a=crypto:1 x " + b" y" * 30_000,
    b"m=audio 1 RTP/AVP 0\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + b"A" * 60_000 + b"!",
    b" " * 60_000 + b"x", b"m=" + b"a" * 60_000, b"m=audio 1 RTP/AVP 0\na=rtpmap:0 " + b" " * 60_000 + b"x",
    b"m=audio 1 RTP/AVP 0\nc=IN IP4 " + b"1." * 30_000 + b"!", b"=" * 60_000, b"a = " * 15_000,
], ids=["formats", "parameters", "key", "spaces", "kind", "rtpmap", "host", "equal signs", "pairs"])
def test_a_long_line_is_read_in_time(body: bytes) -> None:
    with suppress(RecordingServerProtocolBroken):
        negotiated(body)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("body", [
    b"\r\n--" * 250_000, b"--of-two-parts \t" * 60_000, b"--of-two-parts" + b" " * 1_000_000, b"\n" * 1_000_000,
    b"--of-two-parts\r\n" + b"\r\n \r" * 200_000, b"--of-two-parts\n" + b"a:\n " * 250_000 + b"\n\n--of-two-parts--",
], ids=["dashes", "no line ends", "spaces", "line ends", "blank lines", "folded"])
def test_a_long_body_is_read_in_time(body: bytes) -> None:
    with suppress(RecordingServerProtocolBroken):
        multipart.parse("multipart/mixed;boundary=of-two-parts", body)
    with suppress(RecordingServerProtocolBroken):
        multipart.parse("multipart/mixed", body)
