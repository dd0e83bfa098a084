"""One unbroken line of audio out of what a source sends: numbers, and places on one sample clock. Pure.

A source may begin anew at any time with another SSRC, sequence number or timestamp (a switch does so when what it
bridges changes). The line goes on: its numbers without a gap, its clock by as much as passed meanwhile. What is missing
stays missing: a lost packet leaves its number free. Nothing is held back: a packet that was overtaken gets the number
that it left free, and whoever plays it sorts it, as with any RTP.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RATE", "Continuity", "Place"]

RATE = 8000
"""Hz of the timestamps of G.711 (RFC 3551 section 6)."""

_MOST_LOST = 3000
"""Sequence numbers that may be missing; more is a new beginning (RFC 3550 appendix A.1)."""
_MOST_LATE = 100
"""Sequence numbers by which a packet may be late; more may be a new beginning (RFC 3550 appendix A.1)."""
_SEEN = (1 << _MOST_LATE + 1) - 1
_ASTRAY = 1.0
"""Seconds by which timestamps and arrival may differ before the source's clock is not believed."""
_AFTER_A_STALL = 30.0
"""Seconds of the same while packets wait, so that nobody knows when they came."""
_LINGERS = 1.0
"""Seconds in which packets of the SSRC before are late, and no change back to it."""
_DRIFT = 0.001
"""Share of its delay by which each packet moves the clock that sender reports show."""


class Place(NamedTuple):
    """Where a packet belongs: its number, and its first sample; both grow for ever."""

    number: int
    sample: int


class Continuity:
    """The line of one tap.

    Args:
        owed: the source sends a packet for every stretch of time, late rather than never: places follow from numbers.
            Asterisk does so, and its timestamps leap ahead whenever it has been held up, though nothing is missing.

    Attributes:
        received: packets with a place. lost: numbers that are still free. late: packets that had been overtaken.
        duplicates: that came again. stale: too late to have a place.
        restarts: times that the source began anew.
    """

    def __init__(self, *, owed: bool = False) -> None:
        self._owed = owed
        self.received = self.lost = self.late = self.duplicates = self.stale = self.restarts = 0
        self._source: int | None = None
        self._before: int | None = None
        self._sequence = self._stamp = self._samples = 0
        self._number = self._sample = self._oldest = 0
        self._seen = 1
        self._arrived = self._changed = 0.0
        self._lead = 0.0

    def take(self, source: int, sequence: int, timestamp: int, samples: int, now: float, *,
             waiting: bool = False) -> Place | None:
        """A packet's place, or None when it has none: it came already, or it is too late.

        Args:
            samples: in the packet.
            now: seconds on a clock that only goes forward; when the packet was read.
            waiting: more packets were there already, so it may have come long before ``now``.
        """
        if source != self._source:
            if source == self._before and now - self._changed < _LINGERS:
                self.stale += 1
                return None
            return self._begin(source, sequence, timestamp, samples, now)
        ahead = (sequence - self._sequence) & 0xFFFF
        if ahead > 0x7FFF:
            behind = 0x10000 - ahead
            back = behind * self._samples if self._owed else (self._stamp - timestamp) & 0xFFFFFFFF
            # Numbers and timestamps that are behind by the same are those of an old packet, however late.
            if behind > _MOST_LATE and abs(back - behind * self._samples) > _ASTRAY * RATE:
                return self._begin(source, sequence, timestamp, samples, now)
            return self._overtaken(behind, back)
        if ahead == 0:
            self.duplicates += 1
            return None
        if ahead > _MOST_LOST:
            return self._begin(source, sequence, timestamp, samples, now)
        step = self._step(ahead, (timestamp - self._stamp) & 0xFFFFFFFF, now, waiting)
        self.lost += ahead - 1
        self._seen = (self._seen << ahead | 1) & _SEEN
        self._number += ahead
        return self._newest(sequence, timestamp, samples, self._sample + step, now)

    def skip(self, source: int, sequence: int) -> None:
        """A packet that is no audio, such as a telephone event, had this number: it is not missing."""
        ahead = (sequence - self._sequence) & 0xFFFF
        if source == self._source and 0 < ahead <= _MOST_LOST:
            self.lost += ahead - 1
            self._number += ahead - 1
            self._sequence = sequence
            # What was sent before it can no longer be numbered.
            self._oldest, self._seen = self._number, 1

    def sample_at(self, now: float) -> int:
        """Which sample the source sends at ``now``, by the packets that were delayed least (RFC 3550 section 6.4.1)."""
        return round(self._lead + now * RATE)

    def _step(self, ahead: int, stamped: int, now: float, waiting: bool) -> int:
        """Samples between the packet before and this one: what the timestamps say, when that can be."""
        if self._owed:
            return ahead * self._samples
        elapsed = (now - self._arrived) * RATE
        if abs(stamped - elapsed) <= _ASTRAY * RATE or (waiting and stamped <= _AFTER_A_STALL * RATE):
            return stamped
        # The clock of the source has jumped, or has stood still in a silence.
        return ahead * self._samples if waiting else max(self._samples, round(elapsed))

    def _begin(self, source: int, sequence: int, timestamp: int, samples: int, now: float) -> Place:
        sample = 0
        if self._source is None:
            self._lead = -now * RATE
        else:
            self.restarts += 1
            sample = self._sample + max(self._samples, round((now - self._arrived) * RATE))
            self._number += 1
        if source != self._source:
            self._before, self._changed = self._source, now
        self._source, self._oldest, self._seen = source, self._number, 1
        return self._newest(sequence, timestamp, samples, sample, now)

    def _newest(self, sequence: int, timestamp: int, samples: int, sample: int, now: float) -> Place:
        self.received += 1
        self._sequence, self._stamp, self._samples, self._sample = sequence, timestamp, samples, sample
        self._arrived = now
        lead = sample - now * RATE
        self._lead = lead if lead > self._lead else self._lead - (self._lead - lead) * _DRIFT
        return Place(self._number, sample)

    def _overtaken(self, behind: int, back: int) -> Place | None:
        number = self._number - behind
        if number <= self._oldest or behind > _MOST_LATE or back > _AFTER_A_STALL * RATE:
            self.stale += 1
        elif self._seen >> behind & 1:
            self.duplicates += 1
        else:
            self._seen |= 1 << behind
            self.received += 1
            self.late += 1
            self.lost -= 1
            return Place(number, self._sample - back)
        return None
