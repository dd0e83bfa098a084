"""RTP packets (RFC 3550 section 5.1): read tolerantly, written in the plainest form. Pure."""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["HEADER_BYTES", "Packet", "build", "parse"]

HEADER_BYTES = 12
"""Of a header without CSRCs and extension: the only one that is written."""

_HEADER = struct.Struct("!BBHII")
_PLAIN = 0x80
"""Version 2, no padding, no extension, no CSRC."""


class Packet(NamedTuple):
    """One packet, without what is only of use on the way: padding, extension and contributing sources.

    A tuple: there are 50 of them a second for each stream, and a frozen dataclass takes three times as long to make.

    Attributes:
        payload_type: 0 to 127 (RFC 3551 section 6 for the fixed ones).
        sequence: 16 bits. timestamp: 32 bits, in the codec's clock. source: the SSRC, 32 bits.
    """

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    source: int
    payload: bytes


def parse(data: bytes) -> Packet | None:
    """Read a packet; None when it is none: another version, too short, lengths that do not fit, or no payload."""
    if len(data) <= HEADER_BYTES:
        return None
    first, second, sequence, timestamp, source = _HEADER.unpack_from(data)
    if first == _PLAIN:
        payload = data[HEADER_BYTES:]
    elif first >> 6 == 2:
        payload = _payload(first, data)
    else:
        return None
    return Packet(second & 0x7F, second > 0x7F, sequence, timestamp, source, payload) if payload else None


def _payload(first: int, data: bytes) -> bytes:
    """What is left without CSRCs, extension and padding; empty when the lengths do not fit."""
    begin, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        # RFC 3550 section 5.3.1: 16 bits of the profile's, then the length in words of 32 bits.
        if end < begin + 4:
            return b""
        begin += 4 + 4 * int.from_bytes(data[begin + 2:begin + 4])
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            return b""
        end -= padding
    return data[begin:end] if begin < end else b""


def build(payload_type: int, marker: bool, sequence: int, timestamp: int, source: int, payload: bytes) -> bytes:
    """Write a packet; the arguments are those of ``Packet``.

    Raises:
        struct.error: a number has more bits than its field.
    """
    return _HEADER.pack(_PLAIN, payload_type | 0x80 if marker else payload_type, sequence, timestamp, source) + payload
