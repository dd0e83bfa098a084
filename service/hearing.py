"""Looks whether running taps hear anything: fill at a file's end, while the leg's packets come, is no silence."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from recorder.events import CallEvent, Unheard
from recorder.model import Call, CallKind, Direction, RtpCounters, Segment
from recorder.states import SegmentState
from service.clock import Clock

log = structlog.get_logger("hearing")

EVERY = 1.0
"""Seconds between two looks at the files."""

ASKED_AFTER = 1.0
"""Seconds of fill at a file's end before the switch is asked for its leg's packets."""

ASKED_EVERY = 2.0
"""Seconds between two questions; later they become rarer. 100 silent tracks are 50 a second."""

PACKETS = 10.0
"""Packets a second that are a stream of audio. Comfort noise is sent some five times a second at most (RFC 3389 leaves
it open), and the longest usual packets, of 60 ms, come 17 times."""

_BYTES_A_SECOND = 16_000
"""Asterisk's ``wav`` is 16-bit PCM at 8000 Hz."""

_HEADER = 44
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a growing WAV file: ``size`` bytes in all, of which the last ``fill`` are zero."""

    size: int
    fill: int

    @property
    def seconds(self) -> float:
        """How long it has been nothing but fill."""
        return self.fill / _BYTES_A_SECOND

    @property
    def heard(self) -> bool:
        """Whether there is anything but fill."""
        return self.size - self.fill > _HEADER


def tail(path: Path, before: Tail | None) -> Tail:
    """Look at a file's end, and read no more than what is new.

    Args:
        before: what the last look found.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        begin = max(_HEADER, 0 if before is None else before.size)
        end = size
        while end > begin:
            start = max(begin, end - _CHUNK)
            block = os.pread(file.fileno(), end - start, start)
            left = len(block.rstrip(b"\0"))
            if left:
                return Tail(size, size - start - left)
            end = start
    return Tail(size, max(0, size - begin) + (before.fill if before is not None else 0))


@dataclass(slots=True)
class _Suspect:
    """A track with fill at its end. ``asked``: when its packets were asked for; ``packets``: how many there were, and
    ``passed``: how many the other parties were sent, if that is known.
    ``since``: from when on they came all the time, as far as is known. ``due``: after how many seconds it is told
    next."""

    asked: float
    packets: int
    passed: int | None
    due: float
    since: float | None = None


class Hearing:
    """Watches what the taps of one switch hear.

    Args:
        spool: the folder that the files' paths count from.
        calls: gives the open calls.
        packets: asks the switch for a leg's packets so far.
        tell: takes what was seen of a track that has been nothing but fill for ``after`` seconds in which packets
            came; and again when it has been so for twice as long, and so on.
    """

    def __init__(self, switch: str, spool: Path, *, calls: Callable[[], Iterable[Call]],
                 packets: Callable[[str], Awaitable[RtpCounters | None]], tell: Callable[[CallEvent], None],
                 clock: Clock, after: float) -> None:
        self._switch = switch
        self._spool = spool
        self._calls = calls
        self._packets = packets
        self._tell = tell
        self._clock = clock
        self._after = after
        self._tails: dict[str, Tail] = {}
        self._suspects: dict[tuple[str, Direction], _Suspect] = {}

    async def run(self) -> None:
        """Look every second, until cancelled."""
        while True:
            await self._clock.wait(asyncio.Event(), EVERY)
            await self.look()

    async def look(self) -> None:
        """Look once. The disk is read in a thread; the switch is asked about one leg after the other."""
        taps = _running(self._calls())
        running = [segment for segment, _ in taps]
        self._tails = await asyncio.to_thread(self._read, running, self._tails)
        silent = {(segment.id, file.direction): found for segment in running for file in segment.files
                  if (found := self._tails.get(file.path)) is not None and found.seconds >= ASKED_AFTER}
        for track in self._suspects.keys() - silent.keys():
            del self._suspects[track]
        for segment, others in taps:
            tracks = {file.direction: silent[segment.id, file.direction] for file in segment.files
                      if (segment.id, file.direction) in silent and self._to_be_asked(segment.id, file.direction)}
            counters = await self._packets(segment.source.leg) if tracks else None
            if counters is None:
                continue
            if Direction.IN in tracks:
                passed = await self._passed(others)
                self._counted(segment.id, Direction.IN, tracks[Direction.IN], counters.received, passed)
            if Direction.OUT in tracks:
                self._counted(segment.id, Direction.OUT, tracks[Direction.OUT], counters.sent, None)

    def _read(self, running: list[Segment], before: dict[str, Tail]) -> dict[str, Tail]:
        found = {}
        for path in (file.path for segment in running for file in segment.files):
            try:
                found[path] = tail(self._spool / path, before.get(path))
            except OSError as error:
                # It is no longer there, or its mount does not answer: neither says anything about the tap.
                log.debug("the file of a running tap cannot be read", why=error.strerror)
        return found

    def _to_be_asked(self, segment: str, direction: Direction) -> bool:
        suspect = self._suspects.get((segment, direction))
        if suspect is None:
            return True
        now = self._clock.now()
        lasted = 0.0 if suspect.since is None else suspect.asked - suspect.since
        return now - suspect.asked >= max(ASKED_EVERY, lasted / 4)

    async def _passed(self, others: list[str]) -> int | None:
        """How many packets the other parties of a call were sent; None if there is no such count."""
        counters = [one for leg in others if (one := await self._packets(leg)) is not None]
        return sum(one.sent for one in counters) if counters else None

    def _counted(self, segment: str, direction: Direction, found: Tail, count: int, passed: int | None) -> None:
        now = self._clock.now()
        suspect = self._suspects.get((segment, direction))
        if suspect is None:
            self._suspects[segment, direction] = _Suspect(now, count, passed, self._after, since=now)
            return
        # Asterisk counts from zero when the sender's SSRC changes.
        new = count - suspect.packets if count >= suspect.packets else count
        stream = PACKETS * (now - suspect.asked)
        comes = new >= stream
        dropped = passed is not None and suspect.passed is not None and 0 <= passed - suspect.passed < stream
        if not comes:
            suspect.since, suspect.due = None, self._after
        elif suspect.since is None:
            # They came again somewhere between the last look and this one, and are in the file up to 2 s later.
            suspect.since = now
        suspect.asked, suspect.packets, suspect.passed = now, count, passed
        if suspect.since is not None and now - suspect.since >= suspect.due:
            lasted = now - suspect.since
            while suspect.due <= lasted:
                suspect.due *= 2
            self._tell(Unheard(switch=self._switch, at=self._clock.at(), segment=segment, direction=direction,
                               seconds=lasted, heard=found.heard, passed=not dropped))


def _running(calls: Iterable[Call]) -> list[tuple[Segment, list[str]]]:
    """The taps, and the legs that what they hear is passed on to: in a conference the mix goes to everybody anyway."""
    return [(segment, [leg.id for leg in call.up if leg.id != segment.source.leg and call.kind is CallKind.CALL])
            for call in calls if not call.paused for recording in call.recordings for segment in recording.segments
            if segment.state is SegmentState.UP and segment.files and segment.source.leg]
