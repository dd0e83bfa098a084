"""Digits as telephone events (RFC 4733): payloads, without RTP's own header and without a clock."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from tests.sounds import PACKET

__all__ = ["DIGITS", "Press", "digit_of", "payloads"]

DIGITS = "0123456789*#ABCD"
"""The events 0 to 15, in order (RFC 4733, 3.2)."""

_EVENT = struct.Struct("!BBH")
_END = 0x80
_VOLUME = 10
"""-10 dBm0, as loud as a telephone's key (RFC 4733, 2.3.4)."""


class Press(NamedTuple):
    """A digit, how long its key is down, and the pause after it, both in packets of 20 ms."""

    digit: str
    packets: int
    gap: int


def payloads(press: Press, k: int) -> Iterator[bytes]:
    """What goes out with packet `k` of a press: one update, and three ends with the last one (RFC 4733, 2.5.1.4)."""
    last = k == press.packets - 1
    event = _EVENT.pack(DIGITS.index(press.digit), _VOLUME | (_END if last else 0), (k + 1) * PACKET)
    return iter((event,) * (3 if last else 1))


def digit_of(payload: bytes) -> str:
    """The digit of an event; '' for an event that is none (a flash, a fax tone), or too short."""
    if len(payload) < _EVENT.size or payload[0] >= len(DIGITS):
        return ""
    return DIGITS[payload[0]]
