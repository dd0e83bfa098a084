"""Looks whether the files of running taps grow: a switch that says it records is no proof that it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import structlog

from recorder.events import CallEvent, Observed
from recorder.model import Call, Segment
from recorder.states import SegmentState
from recorder.world import Limits
from service.clock import Clock

log = structlog.get_logger("watchdog")

EVERY = 1.0
"""Seconds between two looks."""


class Watchdog:
    """Watches the taps of one switch.

    Args:
        spool: the folder that the files' paths count from.
        calls: gives the open calls.
        tell: takes what was seen of a tap with a file that has not grown for so long.
        limits: say how long that is.
        size: gives the bytes of a file, or raises OSError.
    """

    def __init__(self, switch: str, spool: Path, *, calls: Callable[[], Iterable[Call]],
                 tell: Callable[[CallEvent], None], clock: Clock, limits: Limits,
                 size: Callable[[Path], int] = lambda path: path.stat().st_size) -> None:
        self._switch = switch
        self._spool = spool
        self._calls = calls
        self._tell = tell
        self._clock = clock
        self._limits = limits
        self._size = size
        self._grown: dict[str, tuple[tuple[int, ...], float]] = {}

    async def run(self) -> None:
        """Look every second, until cancelled. The disk is asked in a thread: a slow one holds up no event."""
        while True:
            await self._clock.wait(asyncio.Event(), EVERY)
            running = _running(self._calls())
            sizes = await asyncio.to_thread(self._sizes, running)
            self.seen(sizes, {segment.id: self._limits.stalled_after(segment.source) for segment in running})

    def seen(self, sizes: Mapping[str, tuple[int, ...]], patience: Mapping[str, float]) -> None:
        """Compare with the looks before.

        Args:
            sizes: bytes of each file of each running segment.
            patience: how many seconds each segment's files may stay as they are.
        """
        now = self._clock.now()
        earlier, self._grown = self._grown, {}
        for segment, found in sizes.items():
            before, since = earlier.get(segment, (found, now))
            if segment in earlier and all(new > old for new, old in zip(found, before, strict=True)):
                before, since = found, now
            self._grown[segment] = (before, since)
            if now - since >= patience[segment]:
                self._tell(Observed(switch=self._switch, at=self._clock.at(), segment=segment, bytes=min(found),
                                    still=now - since))

    def _sizes(self, running: list[Segment]) -> dict[str, tuple[int, ...]]:
        found = {}
        for segment in running:
            try:
                found[segment.id] = tuple(self._bytes(file.path) for file in segment.files)
            except OSError as error:
                # A mount that does not answer says nothing about the tap.
                log.warning("the file of a running tap cannot be looked at", segment=segment.id, why=error.strerror)
        return found

    def _bytes(self, path: str) -> int:
        try:
            return self._size(self._spool / path)
        except FileNotFoundError:
            return 0


def _running(calls: Iterable[Call]) -> list[Segment]:
    return [segment for call in calls for recording in call.recordings for segment in recording.segments
            if segment.state is SegmentState.UP and segment.files]
