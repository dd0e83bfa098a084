"""Session descriptions: what others write is read, what we write stays in its lines."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import RecordingServerProtocolBroken
from siprec_app.protocol.sdp import PCMA, PCMU, Description, Direction, Format, Media, Origin, build, parse
from tests.siprec_app import bodies
from tests.siprec_app.test_crypto import cryptos

ORIGIN = Origin(session=1, version=1, host="192.0.2.1")
LINE = Media(port=40000, formats=(PCMU, PCMA), host="192.0.2.1", direction=Direction.SENDONLY, label="1", ptime=20)
PLAIN = Description(ORIGIN, (LINE, replace(LINE, port=40002, label="2")))

tokens = st.text("abcXYZ019-_.", min_size=1, max_size=12)
medias = st.builds(
    Media, port=st.integers(0, 65535), host=st.sampled_from(["", "192.0.2.9", "2001:db8::1", "srs.example"]),
    formats=st.lists(st.sampled_from([PCMU, PCMA, Format("97", "OPUS", 48000, "useinbandfec=1")]), min_size=1,
                     max_size=3, unique=True).map(tuple),
    profile=st.sampled_from(["RTP/AVP", "RTP/SAVP"]), direction=st.sampled_from(Direction),
    label=st.none() | tokens, ptime=st.none() | st.integers(1, 1000), rtcp_mux=st.booleans(),
    rtcp_port=st.none() | st.integers(1, 65535), crypto=st.lists(cryptos, max_size=2).map(tuple))
descriptions = st.builds(
    Description, origin=st.builds(Origin, session=st.integers(0, 2**62), version=st.integers(0, 2**62),
                                  host=st.sampled_from(["192.0.2.1", "2001:db8::2"]), user=tokens),
    media=st.lists(medias, min_size=1, max_size=4).map(tuple), name=tokens)


@given(descriptions)
def test_a_description_is_read_as_it_was_written(description: Description) -> None:
    assert parse(build(description)) == description


def test_what_we_write_has_the_lines_of_the_rfc_in_their_order() -> None:
    lines = build(replace(PLAIN, media=(LINE,))).decode().split("\r\n")
    assert lines == ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=audio 40000 RTP/AVP 0 8",
                     "c=IN IP4 192.0.2.1", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=label:1", "a=ptime:20",
                     "a=sendonly", ""]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CR LF", "CR"])
def test_two_streams_of_another_product_are_read(end: bytes) -> None:
    read = parse(bodies.TWO_STREAMS.replace(b"\n", end))
    assert [(media.label, media.host, media.port, media.direction.value, media.formats[0].name)
            for media in read.media] == [("caller", "192.0.2.10", 40000, "sendonly", "PCMA"),
                                         ("callee", "192.0.2.11", 40002, "sendonly", "PCMA")]


@pytest.mark.parametrize(("body", "field", "value"), [
    (b"m=audio 4 RTP/AVP 0\na=sendonly", "direction", Direction.SENDONLY),
    (b"a=inactive\nm=audio 4 RTP/AVP 0", "direction", Direction.INACTIVE),
    (b"m=audio 4 RTP/AVP 0", "direction", Direction.SENDRECV),
    (b"m=audio 4 RTP/AVP 0\na = label : x", "label", "x"),
    (b"m=audio 4 RTP/AVP 0\na=label:", "label", None),
    (b"m=audio 4/2 RTP/AVP 0", "port", 4),
    (b"m=AUDIO 4 rtp/savp 0", "profile", "RTP/SAVP"),
    (b"m=audio 4 RTP/AVP 0\na=ptime:20.5", "ptime", 20),
    (b"m=audio 4 RTP/AVP 0\na=ptime:none", "ptime", None),
    (b"m=audio 4 RTP/AVP 0\na=rtcp:9 IN IP4 192.0.2.1", "rtcp_port", 9),
    (b"m=audio 4 RTP/AVP 0\na=rtcp-mux", "rtcp_mux", True),
    (b"c=IN IP6 2001:db8::1\nm=audio 4 RTP/AVP 0", "host", "2001:db8::1"),
    (b"c=IN IP4 192.0.2.1/127\nm=audio 4 RTP/AVP 0", "host", "192.0.2.1"),
    (b"\xef\xbb\xbfv=0\nm=audio 0 RTP/AVP 0", "port", 0),
    (b"m=audio 4 RTP/AVP", "formats", ()),
    (b"m=image 4 udptl t38", "formats", (Format("t38"),)),
    (b"m=audio 4 RTP/AVP 0\na=crypto:1 SOMETHING_NEW inline:abc", "crypto", ()),
])
def test_what_is_met_is_read(body: bytes, field: str, value: object) -> None:
    assert getattr(parse(body).media[0], field) == value


@pytest.mark.parametrize("body", [
    b"", b"v=0\ns=-", b"m=audio", b"m=audio x RTP/AVP 0", b"m=audio 65536 RTP/AVP 0", b"\x00" * 100,
    b"m=audio 1 RTP/AVP 0\n" * 65, b"a" * 70_000,
], ids=["empty", "no media", "no port", "port is a word", "port too large", "zeros", "too many lines", "too long"])
def test_what_is_no_description_is_refused(body: bytes) -> None:
    with pytest.raises(RecordingServerProtocolBroken):
        parse(body)


def test_an_origin_that_makes_no_sense_is_none() -> None:
    assert parse(b"v=0\no=x\nm=audio 4 RTP/AVP 0").origin is None


@pytest.mark.parametrize("broken", [
    replace(PLAIN, name="x\r\na=recvonly"),
    replace(PLAIN, origin=replace(ORIGIN, user="a b")),
    replace(PLAIN, origin=replace(ORIGIN, host="192.0.2.1\nm=audio 1 RTP/AVP 0")),
    replace(PLAIN, media=(replace(LINE, label="1\r\na=x"),)),
    replace(PLAIN, media=(replace(LINE, label=""),)),
    replace(PLAIN, media=(replace(LINE, port=70000),)),
    replace(PLAIN, media=(replace(LINE, formats=()),)),
    replace(PLAIN, media=(replace(LINE, formats=(Format("0", "PCMU\n", 8000),)),)),
    replace(PLAIN, media=(replace(LINE, formats=(replace(PCMU, parameters="x\ny"),)),)),
    replace(PLAIN, media=()),
    replace(PLAIN, origin=None),
], ids=["name", "user", "host", "label", "no label", "port", "no format", "encoding", "fmtp", "no media", "no origin"])
def test_nothing_is_written_that_would_leave_its_line(broken: Description) -> None:
    with pytest.raises(ValueError):
        build(broken)
