"""RTCP: what a sender says, and the reports of receivers."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import rtcp

WORD = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.builds(rtcp.Block, WORD, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), WORD, WORD, WORD, WORD)
BLOCK = rtcp.Block(0x01020304, 64, -2, 0x00010007, 80, 0x11223344, 0x8000)


@given(WORD, st.lists(BLOCKS, max_size=31))
def test_the_blocks_of_a_report_can_be_read(source: int, blocks: list[rtcp.Block]) -> None:
    data = rtcp.receiver_report(source, blocks) + rtcp.description(source, "name") + rtcp.bye(source)
    assert rtcp.blocks(data) == tuple(blocks)


def test_a_block_is_the_one_of_the_standard() -> None:
    assert bytes(BLOCK) == bytes.fromhex("01020304 40fffffe 00010007 00000050 11223344 00008000")


def test_a_sender_that_receives_reports_as_well() -> None:
    head = struct.pack("!BBHIQIII", 0x81, 200, 12, 9, 1, 2, 3, 4)
    assert rtcp.blocks(head + bytes(BLOCK)) == (BLOCK,)


def test_a_sender_report_has_its_fields_in_their_places() -> None:
    data = rtcp.sender_report(7, time=0x0102030405060708, timestamp=9, packets=(1 << 32) + 10, octets=1600)
    assert struct.unpack("!BBHIQIII", data) == (0x80, 200, 6, 7, 0x0102030405060708, 9, 10, 1600)
    assert rtcp.blocks(data) == ()


@pytest.mark.parametrize(("name", "octets"), [("", 4), ("a", 4), ("abc", 8), ("abcdefgh", 12)])
def test_a_description_ends_with_a_null_on_a_word(name: str, octets: int) -> None:
    data = rtcp.description(7, name)
    assert data == (struct.pack("!BBHIBB", 0x81, 202, 1 + octets // 4, 7, 1, len(name)) + name.encode()
                    ).ljust(8 + octets, b"\0")
    assert data[-1] == 0


def test_a_name_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="255"):
        rtcp.description(7, "a" * 256)


def test_a_goodbye_names_its_source() -> None:
    assert rtcp.bye(7) == bytes.fromhex("81cb0001 00000007")


def test_the_time_of_ntp_began_in_1900() -> None:
    # RFC 868 has this example: 1 January 1970 is second 2 208 988 800.
    assert rtcp.ntp(0.5) == 2_208_988_800 << 32 | 1 << 31


@pytest.mark.parametrize("data", [
    b"",
    b"\x80\xc9\x00",
    rtcp.receiver_report(7, [BLOCK])[:-1],
    b"\x82" + rtcp.receiver_report(7, [BLOCK])[1:],
    b"\x40" + rtcp.receiver_report(7)[1:],
    rtcp.description(7, "name"),
    b"\xa0" + rtcp.receiver_report(7)[1:] + rtcp.bye(7),
    rtcp.receiver_report(7) + b"\0\0\0\0",
], ids=["empty", "half a head", "cut off", "fewer blocks than it says", "version 1", "no report in front",
        "padding in the middle", "version 0 behind"])
def test_what_is_no_compound_packet_is_nothing(data: bytes) -> None:
    assert rtcp.blocks(data) is None


@given(st.binary(max_size=128))
def test_whatever_comes_from_the_network_raises_nothing(data: bytes) -> None:
    rtcp.blocks(b"\x81\xc9" + data)
    rtcp.blocks(data)


@pytest.mark.parametrize(("data", "expected"), [
    (rtcp.bye(1), True), (b"\x80\x88" + bytes(20), False), (b"\x80", False)])
def test_rtcp_is_told_from_rtp_on_a_shared_port(data: bytes, expected: bool) -> None:
    assert rtcp.is_rtcp(data) is expected
