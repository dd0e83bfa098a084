"""The RTCP of one stream that we send: when it is due, what it says, what the server reports. No socket, no clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from media import rtcp
from media.continuity import RATE

__all__ = ["Draw", "Moment", "Reporter", "ServerReport", "interval"]

_EVERY = 5.0
"""Seconds between two reports on average. Two members need less than their share of a call's bandwidth, so the smallest
interval holds (RFC 3550 section 6.2)."""
_COMPENSATION = 1.21828
"""e - 3/2 (RFC 3550 section 6.3.1)."""
_REMEMBERED = 4
"""Reports of ours that the server may answer."""


class Draw(Protocol):
    """What is drawn, as ``random.SystemRandom`` does it."""

    def getrandbits(self, bits: int, /) -> int:
        """A number of so many bits."""

    def uniform(self, low: float, high: float, /) -> float:
        """A number between the two."""


class Moment(NamedTuple):
    """A moment on two clocks: seconds that only go forward, and seconds since 1970."""

    monotonic: float
    wall: float


@dataclass(frozen=True, slots=True)
class ServerReport:
    """What the server says of our stream (RFC 3550 section 6.4.1).

    Attributes:
        at: when it came.
        fraction_lost: of the packets since its report before, 0 to 1.
        lost: since the beginning; below 0 where some came twice.
        highest: sequence number, with its cycles above the 16 bits.
        jitter: seconds. round_trip: seconds, None while the server has not heard a report of ours.
    """

    at: Moment
    fraction_lost: float
    lost: int
    highest: int
    jitter: float
    round_trip: float | None


def interval(draw: Draw, *, first: bool) -> float:
    """Seconds until the next report; half of them before the first (RFC 3550 sections 6.2 and 6.3.1)."""
    return (_EVERY / 2 if first else _EVERY) * draw.uniform(0.5, 1.5) / _COMPENSATION


class Reporter:
    """The reports of one SSRC, and those about it.

    Args:
        cname: the same for the streams of one recording session, so that they can be played in step.
    """

    def __init__(self, source: int, cname: str) -> None:
        self.report: ServerReport | None = None
        self._source, self._cname = source, cname
        self._sent: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._packets = [0, 0]

    def compound(self, at: Moment, *, timestamp: int, packets: int, octets: int) -> bytes:
        """What is sent at ``at``. Who sent no packet since two reports is no sender (RFC 3550 section 6.4).

        Args:
            timestamp: of RTP, at that moment. packets, octets: sent since the source began.
        """
        time = rtcp.ntp(at.wall)
        if packets == self._packets[0]:
            report = rtcp.receiver_report(self._source)
        else:
            report = rtcp.sender_report(self._source, time=time, timestamp=timestamp, packets=packets, octets=octets)
            self._sent.append((time >> 16 & 0xFFFFFFFF, at.monotonic))
        self._packets = [self._packets[1], packets]
        return report + rtcp.description(self._source, self._cname)

    def farewell(self) -> bytes:
        """What is sent at the end (RFC 3550 section 6.6)."""
        return (rtcp.receiver_report(self._source) + rtcp.description(self._source, self._cname)
                + rtcp.bye(self._source))

    def heard(self, data: bytes, at: Moment) -> bool:
        """Read what came, in the clear. False when it is no RTCP, or speaks of others only."""
        blocks = rtcp.blocks(data)
        if blocks is None:
            return False
        about = [block for block in blocks if block.source == self._source]
        for block in about:
            self.report = ServerReport(at, block.fraction / 256, block.lost, block.highest, block.jitter / RATE,
                                       self._round_trip(block, at))
        return bool(about) or not blocks

    def _round_trip(self, block: rtcp.Block, at: Moment) -> float | None:
        """By our own clock that only goes forward, so that a clock that is set in between does not count."""
        sent = next((when for time, when in self._sent if time == block.last_report), None)
        return None if sent is None else max(0.0, at.monotonic - sent - block.delay / 65536)
