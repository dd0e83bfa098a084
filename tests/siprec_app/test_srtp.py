"""SRTP by keys of SDP: nothing in the clear, nobody else's key, no key in sight."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pylibsrtp
import pytest

from media import rtcp, rtp
from siprec_app.protocol.crypto import Crypto, Suite
from siprec_app.srtp import LARGEST, Srtp, new_keys

NUMBERS = itertools.count()


def draw(length: int) -> bytes:
    """Bytes that no two calls have in common."""
    return next(NUMBERS).to_bytes(length)


def keys(suite: Suite, index: str = "") -> tuple[Crypto, Crypto]:
    """What we send with, and what the server sends with."""
    ours, theirs = (Crypto(1, suite, draw(30)) for _ in range(2))
    return ours, replace(theirs, index=index)


def packet(sequence: int = 1, length: int = 160) -> bytes:
    return rtp.build(0, False, sequence, 0, 7, bytes(length))


def test_an_offer_has_both_suites_with_a_key_for_each() -> None:
    one, other = new_keys(draw), new_keys(draw)
    assert [(line.tag, line.suite) for line in one] == [(1, Suite.AES_80), (2, Suite.AES_32)]
    assert len({line.key for line in (*one, *other)}) == 4


@pytest.mark.parametrize(("suite", "tag"), [(Suite.AES_80, 10), (Suite.AES_32, 4)])
def test_a_packet_is_as_much_longer_as_its_suite_says(suite: Suite, tag: int) -> None:
    srtp = Srtp(keys(suite))
    protected = srtp.protect(packet())
    assert protected is not None
    assert (protected[:12], len(protected)) == (packet()[:12], len(packet()) + tag)
    assert protected[12:172] != bytes(160)
    # RFC 4568 section 6.2.2: reports have the long tag with either suite, and their index.
    assert len(srtp.protect_rtcp(rtcp.receiver_report(7))) == 8 + 4 + 10


def test_what_was_overtaken_is_protected_and_what_came_before_is_not() -> None:
    srtp = Srtp(keys(Suite.AES_80))
    assert [srtp.protect(packet(number)) is not None for number in (200, 202, 201, 202, 10)] == [
        True, True, True, False, False]


def test_the_largest_packet_can_be_protected() -> None:
    assert Srtp(keys(Suite.AES_80)).protect(packet(length=LARGEST - 12)) is not None


@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("index", ["", "1:1", "7:4"])
def test_a_report_of_the_server_is_read_once_with_or_without_a_master_key_index(suite: Suite, index: str) -> None:
    ours, theirs = keys(suite, index)
    server = pylibsrtp.Session(pylibsrtp.Policy(key=theirs.key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    report = rtcp.receiver_report(99)
    sent = server.protect_rtcp(report)
    if index:
        number, _, length = index.partition(":")
        sent = sent[:-10] + int(number).to_bytes(int(length)) + sent[-10:]
    read = [Srtp((ours, theirs)).unprotect_rtcp(one) for one in (sent, b"", report, sent[:-1])]
    assert read == [report, None, None, None]
    srtp = Srtp((ours, theirs))
    assert [srtp.unprotect_rtcp(sent) for _ in range(2)] == [report, None]


def test_a_key_is_in_no_repr() -> None:
    pair = keys(Suite.AES_80)
    srtp = Srtp(pair)
    seen = repr(srtp) + repr(vars(srtp)) + repr(pair)
    assert not any(repr(line.key)[2:-1] in seen or line.key.hex() in seen for line in pair)
