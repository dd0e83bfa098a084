"""Taps on Asterisk whose audio is written into files: each snoop is recorded.

A tap is up when RecordingStarted came for every direction, and down when RecordingFinished (or RecordingFailed) came
for every direction that was recorded. Of a recording that Asterisk has accepted and did not come to, because the
snoop's end overtook it, neither comes: there its StasisEnd is the proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ari_app.leaving import Leaving
from ari_app.names import files, member_id, parse, recording_name, snoop_id
from ari_app.taps import SnoopOperations, Tap, TapEvent, Taps, together
from faults import SwitchFault
from recorder.effects import Attach
from recorder.events import TapDown
from recorder.model import Direction, Source, TrackFile


class FileTapOperations(SnoopOperations, Protocol):
    """The ARI operations that taps into files need. They raise ``faults.SwitchFault``."""

    async def join(self, conference: str, segment: str) -> None:
        """Make the quiet member of a conference, by the bridge's id."""

    async def record(self, snoop: str, name: str) -> None:
        """Record a snoop into a file below the spool."""

    async def stored(self, name: str) -> bool:
        """Whether there is a file of that name."""


@dataclass(slots=True)
class FileTap(Tap):
    """A tap that writes files; `bridge`: the conference whose mix it hears, if it does."""

    bridge: str = ""


class FileTaps(Taps[FileTap]):
    """See ``Taps``."""

    def __init__(self, switch: str, operations: FileTapOperations, leaving: Leaving, *,
                 tell: Callable[[TapEvent], None], sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        super().__init__(switch, operations, leaving, tell=tell, sequence=sequence, clock=clock)
        self._operations = operations

    def expect(self, effect: Attach) -> None:
        """An attach waits for its turn."""
        source, segment = effect.source, effect.segment
        # The quiet member's far half is in the conference, once it can be recorded.
        awaited = {snoop_id(segment, one) for one in source.directions} | (
            {member_id(segment)} if Direction.MIX in source.directions else set())
        self._expect(FileTap(segment, source.directions, awaited=awaited, bridge=source.bridge))

    def knows(self, name: str) -> bool:
        """Whether a recording of that name belongs to a tap that is here."""
        return self._find(name)[0] is not None

    def snoop_entered(self, snoop: str) -> None:
        """StasisStart of a snoop: it is ours to record."""
        tap, _ = self._find(snoop)
        if tap is not None:
            tap.has(snoop)

    def member_entered(self, segment: str, bridge: str) -> bool:
        """ChannelEnteredBridge of a quiet member: what it hears from now on is the mix.

        Returns:
            Whether that is where it should be; else it is to be hung up.
        """
        tap = self._taps.get(segment)
        if tap is None:
            return True
        if tap.bridge not in ("", bridge):
            return False
        tap.has(member_id(segment))
        return True

    def recording_started(self, name: str, at: float) -> None:
        """RecordingStarted."""
        tap, direction = self._find(name)
        if tap is not None and direction is not None:
            self._began(tap, direction, at)

    def recording_ended(self, name: str, at: float, cause: str) -> list[str]:
        """RecordingFinished or RecordingFailed.

        Returns:
            The snoops to delete, because they lost their other half.
        """
        tap, direction = self._find(name)
        if tap is None or direction is None:
            return []
        return self._finished(tap, direction, at, cause)

    def snoop_left(self, snoop: str) -> list[str]:
        """StasisEnd of a snoop, which comes after its recording's end: what it has not begun to record it never will.

        Returns:
            The snoops to delete, because they lost their other half.
        """
        tap, direction = self._find(snoop)
        if tap is None or direction is None or direction in tap.started or direction in tap.ended:
            return []
        tap.left.add(direction)
        tap.begun.discard(direction)
        if tap.attaching:
            return []
        self._never_up(tap)
        return [self._snoop(tap, one) for one in tap.directions if one not in tap.left | set(tap.ended)]

    def _earlier(self, segment: str, directions: tuple[Direction, ...]) -> FileTap:
        return FileTap(segment, directions, begun=set(directions))

    def _snoop(self, tap: FileTap, direction: Direction) -> str:
        return snoop_id(tap.segment, direction)

    async def _make(self, tap: FileTap, source: Source) -> None:
        await together(self._make_one(tap, source, one) for one in tap.directions)

    async def _make_one(self, tap: FileTap, source: Source, direction: Direction) -> None:
        if direction is Direction.MIX:
            await self._operations.join(source.bridge, tap.segment)
        else:
            await self._operations.snoop(source.leg, snoop_id(tap.segment, direction), direction)

    async def _begin(self, tap: FileTap) -> None:
        await together(self._record(tap, one) for one in tap.directions)

    async def _record(self, tap: FileTap, direction: Direction) -> None:
        await self._operations.record(snoop_id(tap.segment, direction), recording_name(tap.segment, direction))
        if direction not in tap.left:
            tap.begun.add(direction)

    def _since(self, tap: FileTap) -> float | None:
        return min(tap.started.values(), default=None)

    def _files(self, tap: FileTap) -> tuple[TrackFile, ...]:
        return files(tap.segment, tap.directions)

    async def _told_its_end(self, tap: FileTap) -> bool:
        """A tap that was on its way when an earlier life died may have come up, and down, since: then it left a file,
        and that is told."""
        names = [recording_name(tap.segment, direction) for direction in tap.directions]
        try:
            left = any([await self._operations.stored(name) for name in names])
        except SwitchFault:
            return True  # it is asked again by force
        if left and self._taps.pop(tap.segment, None) is not None:
            self._tell(TapDown(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=tap.segment,
                               cause="its end was not seen", ended=None, files=self._files(tap)))
        return left

    def _find(self, identity: str) -> tuple[FileTap | None, Direction | None]:
        parsed = parse(identity)
        if parsed is None:
            return None, None
        return self._taps.get(parsed[0]), parsed[1]
