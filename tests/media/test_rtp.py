"""RTP packets: what is written can be read, what is odd is read all the same, and what is no RTP is nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtp

PACKETS = st.builds(rtp.Packet, st.integers(0, 127), st.booleans(), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF),
                    st.integers(0, 0xFFFFFFFF), st.binary(min_size=1, max_size=400))
PACKET = rtp.Packet(8, True, 0x0102, 0x03040506, 0x0708090A, b"audio")
FIELDS = "88010203040506 0708090a"


@given(PACKETS)
def test_what_is_written_can_be_read(packet: rtp.Packet) -> None:
    assert rtp.parse(rtp.build(*packet)) == packet


def test_the_header_is_the_one_of_the_standard() -> None:
    assert rtp.build(*PACKET) == bytes.fromhex("80880102030405060708090a") + b"audio"


@pytest.mark.parametrize(("first", "before", "after"), [
    (0x82, "11111111 22222222", ""),
    (0x90, "bede0001 10ff0000", ""),
    (0x90, "abcd0000", ""),
    (0xA0, "", "000003"),
    (0xB1, "33333333 bede0002 0102030405060708", "0002"),
], ids=["two contributing sources", "an extension", "an empty extension", "padding", "all at once"])
def test_what_is_only_of_use_on_the_way_is_left_out(first: int, before: str, after: str) -> None:
    data = bytes((first,)) + bytes.fromhex(FIELDS + before) + b"audio" + bytes.fromhex(after)
    assert rtp.parse(data) == PACKET


@pytest.mark.parametrize("data", [
    b"",
    rtp.build(*PACKET)[:12],
    b"\x40" + rtp.build(*PACKET)[1:],
    b"\x8f" + rtp.build(*PACKET)[1:],
    b"\x90" + rtp.build(*PACKET)[1:12] + b"\xbe\xde\xff\xff" + b"audio",
    b"\x90" + rtp.build(*PACKET)[1:12] + b"\xbe",
    b"\xa0" + rtp.build(*PACKET)[1:] + b"\x00",
    b"\xa0" + rtp.build(*PACKET)[1:] + b"\xff",
    b"\xa0" + rtp.build(*PACKET)[1:12] + b"\x00\x00\x03",
], ids=["empty", "no payload", "version 1", "fewer sources than it says", "a longer extension than it has",
        "half an extension", "no length of padding", "more padding than packet", "nothing but padding"])
def test_what_does_not_fit_is_no_packet(data: bytes) -> None:
    assert rtp.parse(data) is None


@given(st.binary(max_size=64))
def test_whatever_comes_from_the_network_is_a_packet_or_none(data: bytes) -> None:
    packet = rtp.parse(data)
    assert packet is None or data[12:].endswith(packet.payload) or packet.payload in data[12:]
