"""RTCP packets (RFC 3550 section 6): what a sender has to say, and the reports that a receiver gives of it. Pure."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Block", "blocks", "bye", "description", "is_rtcp", "ntp", "receiver_report", "sender_report"]

_SR, _RR, _SDES, _BYE = 200, 201, 202, 203
_CNAME = 1
_HEAD = struct.Struct("!BBH")
_BLOCK = struct.Struct("!IIIIII")
_FROM_1900 = 2_208_988_800
"""Seconds from the beginning of NTP's time to that of Unix (RFC 868)."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a receiver says of one source (RFC 3550 section 6.4.1).

    Attributes:
        source: the SSRC that it is about.
        fraction: of the packets since the report before, in 256ths, how many are missing.
        lost: packets missing since the beginning; below 0 where some came twice.
        highest: sequence number with its cycles, 32 bits.
        jitter: in units of the timestamp.
        last_report: the middle 32 bits of the NTP time of the last sender report, 0 when none came.
        delay: since that one, in 65536ths of a second.
    """

    source: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int

    def __bytes__(self) -> bytes:
        return _BLOCK.pack(self.source, self.fraction << 24 | self.lost & 0xFFFFFF, self.highest, self.jitter,
                           self.last_report, self.delay)


def ntp(wall: float) -> int:
    """Seconds since 1970 as the 64 bits of an NTP timestamp (RFC 3550 section 4)."""
    return round((wall + _FROM_1900) * (1 << 32)) & 0xFFFF_FFFF_FFFF_FFFF


def sender_report(source: int, *, time: int, timestamp: int, packets: int, octets: int) -> bytes:
    """SR without blocks (section 6.4.1).

    Args:
        time: of NTP, 64 bits. timestamp: of RTP, at the same moment.
        packets, octets: of payload, sent since the source began; both go around at 32 bits.
    """
    return _HEAD.pack(0x80, _SR, 6) + struct.pack("!IQIII", source, time, timestamp, packets & 0xFFFFFFFF,
                                                  octets & 0xFFFFFFFF)


def receiver_report(source: int, reports: Sequence[Block] = ()) -> bytes:
    """RR (section 6.4.2): without blocks it says that the source is there and sends nothing at the moment."""
    return (_HEAD.pack(0x80 | len(reports), _RR, 1 + 6 * len(reports)) + source.to_bytes(4)
            + b"".join(map(bytes, reports)))


def description(source: int, cname: str) -> bytes:
    """SDES with the canonical name (section 6.5.1); it stands in every compound packet.

    Raises:
        ValueError: the name has more than 255 bytes.
    """
    name = cname.encode()
    if len(name) > 255:
        raise ValueError("a CNAME has at most 255 bytes")
    chunk = source.to_bytes(4) + bytes((_CNAME, len(name))) + name
    chunk += bytes(4 - len(chunk) % 4)  # one null at least ends the list
    return _HEAD.pack(0x81, _SDES, len(chunk) // 4) + chunk


def bye(source: int) -> bytes:
    """BYE (section 6.6)."""
    return _HEAD.pack(0x81, _BYE, 1) + source.to_bytes(4)


def is_rtcp(data: bytes) -> bool:
    """Whether what came to a port that RTP and RTCP share is RTCP (RFC 5761 section 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def blocks(data: bytes) -> tuple[Block, ...] | None:
    """The blocks of all reports in a compound packet; None when it is none (section 6.1, appendix A.2)."""
    found: list[Block] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            return None
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        begin = {_SR: at + 28, _RR: at + 8}.get(kind, at)
        # The first is a report, and no padding is before the last.
        if first >> 6 != 2 or end > len(data) or (at == 0 and begin == at) or (first & 0x20 and end < len(data)):
            return None
        if begin > at:
            if begin + (first & 0x1F) * _BLOCK.size > end:
                return None
            found += [_block(data, begin + number * _BLOCK.size) for number in range(first & 0x1F)]
        at = end
    return tuple(found) if data else None


def _block(data: bytes, at: int) -> Block:
    source, loss, highest, jitter, last_report, delay = _BLOCK.unpack_from(data, at)
    lost = loss & 0xFFFFFF
    return Block(source, loss >> 24, lost - (1 << 24) if lost >> 23 else lost, highest, jitter, last_report, delay)
