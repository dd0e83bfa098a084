"""Taps on Asterisk: two snoops on one leg, made first, then recorded back to back.

Nothing that an HTTP reply says counts as proof: a tap is up when RecordingStarted came for every direction, and down
when RecordingFinished (or RecordingFailed) came for every direction that was recorded.

A tap is never stopped and started again on the same snoop: the snoop keeps up to 60 ms of what it heard before. The
end of a tap is the deletion of its snoops; a resumed recording has new ones.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from ari_app.leaving import Leaving
from ari_app.names import files, parse, recording_name, snoop_id
from faults import ConferenceNameUnusable, SwitchFault, SwitchOperationFailed
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed, TapUp
from recorder.model import Direction, Source

_UP_WITHIN = 2.5
_REMEMBERED = 200  # taps that have just ended


class TapOperations(Protocol):
    """The ARI operations that taps need. They raise ``faults.SwitchFault``."""

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        """Make a snoop channel on a leg."""

    async def join(self, conference: str, segment: str) -> None:
        """Make the quiet member of a conference, by the bridge's id."""

    async def caught_up(self) -> None:
        """Wait until the recorder has acted on every pause that Asterisk has told of so far."""

    async def record(self, snoop: str, name: str) -> None:
        """Record a snoop into a file below the spool."""

    async def delete(self, snoop: str) -> None:
        """Hang a snoop up."""

    async def stored(self, name: str) -> bool:
        """Whether there is a file of that name."""


TapEvent = TapUp | TapDown | TapFailed


@dataclass(slots=True)
class _Tap:
    segment: str
    directions: tuple[Direction, ...]
    bridge: str = ""
    joined: bool = False
    entered: set[Direction] = field(default_factory=set)
    recorded: set[Direction] = field(default_factory=set)
    started: dict[Direction, float] = field(default_factory=dict)
    finished: dict[Direction, float] = field(default_factory=dict)
    cause: str = ""
    hopeless: bool = False
    unwanted: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    attaching: bool = False
    made: bool = False

    def look(self) -> None:
        """It can be recorded once all its channels are ours, and the one of a conference is in there."""
        if self.entered >= set(self.directions) and (self.joined or Direction.MIX not in self.directions):
            self.ready.set()

    @property
    def over(self) -> bool:
        begun = self.recorded | set(self.started)
        return bool(begun) and begun <= set(self.finished)


class Taps:
    """All taps of one Asterisk.

    Args:
        switch: the switch's name, for the events.
        operations: the ARI operations.
        leaving: the snoops on their way out, which the next ones wait for.
        tell: takes each event.
        sequence: the next sequence number of the connection.
        clock: seconds since the Unix epoch; for what Asterisk gives no time of.
    """

    def __init__(self, switch: str, operations: TapOperations, leaving: Leaving, *,
                 tell: Callable[[TapEvent], None], sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        self._switch = switch
        self._operations = operations
        self._leaving = leaving
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._taps: dict[str, _Tap] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)

    def expect(self, effect: Attach) -> None:
        """An attach waits for its turn. A detach, which overtakes all that waits, calls it off."""
        self._taps[effect.segment] = _Tap(effect.segment, effect.source.directions, bridge=effect.source.bridge,
                                          attaching=True)

    async def attach(self, effect: Attach) -> None:
        """Make the snoops, wait until they are ours, record them back to back. Nothing, if it was called off."""
        tap = self._taps.get(effect.segment)
        if tap is None:
            return
        try:
            async with asyncio.timeout(_UP_WITHIN):
                await self._leaving.left(effect.source.leg)
                if tap.unwanted:
                    return  # its end was told while it waited
                tap.made = True
                await _all(self._make(effect.source, tap.segment, one) for one in tap.directions)
                await tap.ready.wait()
                if not tap.unwanted:
                    # A dialplan that has paused, got no answer and found no snoop to end did so before ours were made:
                    # its request came before their StasisStart, and may wait in front of the engine.
                    await self._operations.caught_up()
                if not tap.unwanted:
                    await _all(self._record(tap, one) for one in tap.directions)
        except SwitchFault as fault:
            tap.cause = fault.message
            tap.hopeless = isinstance(fault, ConferenceNameUnusable)
        except TimeoutError:
            tap.cause = "the snoop channels did not come up in time"
        tap.attaching = False
        if tap.unwanted or tap.cause:
            await self._destroy(tap)
            self._never_up(tap)

    async def detach(self, effect: Detach) -> None:
        """Delete the snoops. A tap that was never recorded has failed by that; Asterisk tells another one's end."""
        if effect.segment in self._ended:
            return  # its end has just been told
        tap = self._taps.get(effect.segment)
        unknown = tap is None
        if tap is None:
            tap = self._taps[effect.segment] = _Tap(effect.segment, effect.source.directions,
                                                    recorded=set(effect.source.directions))
        tap.unwanted = True
        tap.ready.set()
        if tap.attaching and not tap.made:
            # Nothing of it is on the switch: a pause is not to wait for the snoops of the tap before.
            self._never_up(tap)
            return
        for direction in tap.directions if effect.source.leg else ():
            self._leaving.leaves(snoop_id(tap.segment, direction), effect.source.leg)
        there = await self._destroy(tap)
        if unknown and not there:
            if await self._left_a_file(tap):
                return
            tap.recorded.clear()
        if not tap.attaching:
            self._never_up(tap)

    def refused(self, effect: Attach, cause: str) -> None:
        """An attach that never began, because too many waited."""
        self._taps.pop(effect.segment, None)
        self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=effect.segment,
                             cause=cause))

    def adopt(self, segment: str, directions: tuple[Direction, ...]) -> None:
        """A tap of an earlier life, found in a snapshot, recording."""
        known = self._taps.get(segment)
        if known is None or known.directions != directions:
            self._taps[segment] = _Tap(segment, directions, recorded=set(directions))

    def forget(self) -> None:
        """The switch restarted: none of the taps is left."""
        self._taps.clear()

    def knows(self, name: str) -> bool:
        """Whether a recording of that name belongs to a tap that is here."""
        return self._find(name)[0] is not None

    def snoop_entered(self, snoop: str) -> None:
        """StasisStart of a snoop: it is ours to record."""
        tap, direction = self._find(snoop)
        if tap is not None and direction is not None:
            tap.entered.add(direction)
            tap.look()

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
        tap.joined = True
        tap.look()
        return True

    def recording_started(self, name: str, at: float) -> None:
        """RecordingStarted."""
        tap, direction = self._find(name)
        if tap is None or direction is None or direction in tap.started:
            return
        tap.started[direction] = at
        if set(tap.started) >= set(tap.directions):
            self._tell(TapUp(switch=self._switch, at=at, sequence=self._sequence(), segment=tap.segment,
                             started=min(tap.started.values()), files=files(tap.segment, tap.directions)))

    def recording_ended(self, name: str, at: float, cause: str) -> list[str]:
        """RecordingFinished or RecordingFailed.

        Returns:
            The snoops to delete, because they lost their other half.
        """
        tap, direction = self._find(name)
        if tap is None or direction is None or direction in tap.finished:
            return []
        tap.finished[direction] = at
        tap.cause = tap.cause or (DETACHED if tap.unwanted else cause)
        if tap.over and not tap.attaching:
            self._down(tap)
            return []
        return [snoop_id(tap.segment, one) for one in tap.directions if one not in tap.finished]

    async def _make(self, source: Source, segment: str, direction: Direction) -> None:
        if direction is Direction.MIX:
            await self._operations.join(source.bridge, segment)
        else:
            await self._operations.snoop(source.leg, snoop_id(segment, direction), direction)

    async def _record(self, tap: _Tap, direction: Direction) -> None:
        await self._operations.record(snoop_id(tap.segment, direction), recording_name(tap.segment, direction))
        tap.recorded.add(direction)

    async def _destroy(self, tap: _Tap) -> bool:
        """Delete the snoops; whether any of them may have been there."""
        there = False
        for direction in tap.directions:
            try:
                await self._operations.delete(snoop_id(tap.segment, direction))
            except SwitchOperationFailed as fault:
                if fault.details.get("status") == 404:
                    self._leaving.gone(snoop_id(tap.segment, direction))
                    continue
                # It is asked again by force, and then by the next snapshot.
                tap.cause = tap.cause or fault.message
            except SwitchFault:
                return True
            there = True
        return there

    async def _left_a_file(self, tap: _Tap) -> bool:
        """A tap that was on its way when an earlier life died may have come up, and down, since: then it is told."""
        names = [recording_name(tap.segment, direction) for direction in tap.directions]
        try:
            left = any([await self._operations.stored(name) for name in names])
        except SwitchFault:
            return True  # it is asked again by force
        if left and self._taps.pop(tap.segment, None) is not None:
            self._tell(TapDown(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=tap.segment,
                               cause="its end was not seen", ended=None, files=files(tap.segment, tap.directions)))
        return left

    def _never_up(self, tap: _Tap) -> None:
        if tap.over:
            self._down(tap)
        elif not tap.recorded and not tap.started and self._taps.pop(tap.segment, None) is not None:
            self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=tap.segment,
                                 cause=tap.cause or "ended before it was up", hopeless=tap.hopeless))

    def _down(self, tap: _Tap) -> None:
        if self._taps.pop(tap.segment, None) is None:
            return
        self._ended.append(tap.segment)
        ended = max(tap.finished.values())
        self._tell(TapDown(switch=self._switch, at=ended, sequence=self._sequence(), segment=tap.segment,
                           cause=tap.cause, started=min(tap.started.values(), default=None), ended=ended,
                           files=files(tap.segment, tap.directions)))

    def _find(self, identity: str) -> tuple[_Tap | None, Direction | None]:
        parsed = parse(identity)
        if parsed is None:
            return None, None
        return self._taps.get(parsed[0]), parsed[1]


async def _all(operations: Iterable[Awaitable[None]]) -> None:
    """Run them side by side to their ends, then raise the first failure: none is left under way behind our back."""
    for result in await asyncio.gather(*operations, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
