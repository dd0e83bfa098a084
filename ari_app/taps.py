"""What all taps of Asterisk have in common, wherever their audio goes: snoops on one leg, made first, then begun back
to back.

Nothing that an HTTP reply says counts as proof: a tap is up when Asterisk tells that every direction has begun, and
down when it tells that every direction that had begun has ended.

A tap is never stopped and started again on the same snoop: the snoop keeps up to 60 ms of what it heard before. The
end of a tap is the deletion of its snoops; a resumed recording has new ones.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from ari_app.leaving import Leaving
from faults import ConferenceNameUnusable, SwitchFault, SwitchOperationFailed
from recorder.effects import Attach, Detach
from recorder.events import DETACHED, TapDown, TapFailed, TapUp
from recorder.model import Direction, Source, TrackFile

_UP_WITHIN = 2.5
_REMEMBERED = 200  # taps that have just ended


class SnoopOperations(Protocol):
    """The ARI operations that every tap needs. They raise ``faults.SwitchFault``."""

    async def snoop(self, leg: str, snoop: str, direction: Direction) -> None:
        """Make a snoop channel on a leg."""

    async def caught_up(self) -> None:
        """Wait until the recorder has acted on every pause that Asterisk has told of so far."""

    async def delete(self, channel: str) -> None:
        """Hang a channel of ours up."""


TapEvent = TapUp | TapDown | TapFailed


@dataclass(slots=True)
class Tap:
    """One tap.

    Attributes:
        awaited: the channels that have to be ours before it can begin.
        begun: the directions whose audio goes out, or may.
        started, ended: when Asterisk said so, seconds since the Unix epoch.
        left: the directions whose snoops ended before they had begun.
        unwanted: a detach has come for it.
        attaching: its attach is under way, or waits.
        made: something of it may be on the switch.
    """

    segment: str
    directions: tuple[Direction, ...]
    awaited: set[str] = field(default_factory=set)
    begun: set[Direction] = field(default_factory=set)
    started: dict[Direction, float] = field(default_factory=dict)
    ended: dict[Direction, float] = field(default_factory=dict)
    left: set[Direction] = field(default_factory=set)
    cause: str = ""
    hopeless: bool = False
    unwanted: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    attaching: bool = False
    made: bool = False

    def has(self, channel: str) -> None:
        """That channel is ours now, and where it should be."""
        self.awaited.discard(channel)
        if not self.awaited:
            self.ready.set()

    @property
    def over(self) -> bool:
        """Whether it had begun and has ended."""
        return bool(self.begun) and self.begun <= set(self.ended)


T = TypeVar("T", bound=Tap)


class Taps(ABC, Generic[T]):
    """The taps of one Asterisk whose audio goes to one kind of place.

    Args:
        switch: the switch's name, for the events.
        operations: the ARI operations.
        leaving: the snoops on their way out, which the next ones wait for.
        tell: takes each event.
        sequence: the next sequence number of the connection.
        clock: seconds since the Unix epoch; for what Asterisk gives no time of.
    """

    def __init__(self, switch: str, operations: SnoopOperations, leaving: Leaving, *,
                 tell: Callable[[TapEvent], None], sequence: Callable[[], int], clock: Callable[[], float]) -> None:
        self._switch = switch
        self._snoops = operations
        self._leaving = leaving
        self._tell = tell
        self._sequence = sequence
        self._clock = clock
        self._taps: dict[str, T] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)

    async def attach(self, effect: Attach) -> None:
        """Make the channels, wait until they are ours, begin back to back. Nothing, if it was called off."""
        tap = self._taps.get(effect.segment)
        if tap is None:
            return
        try:
            async with asyncio.timeout(_UP_WITHIN):
                await self._leaving.left(effect.source.leg)
                if tap.unwanted:
                    return  # its end was told while it waited
                tap.made = True
                await self._make(tap, effect.source)
                await tap.ready.wait()
                if not tap.unwanted:
                    # A dialplan that has paused, got no answer and found no snoop to end did so before ours were made:
                    # its request came before their StasisStart, and may wait in front of the engine.
                    await self._snoops.caught_up()
                if not tap.unwanted:
                    await self._begin(tap)
        except SwitchFault as fault:
            tap.cause = fault.message
            tap.hopeless = isinstance(fault, ConferenceNameUnusable)
        except TimeoutError:
            tap.cause = "the snoop channels did not come up in time"
        tap.attaching = False
        if tap.left and not tap.unwanted:
            tap.cause = tap.cause or "a snoop channel ended before it was recorded"
        if tap.unwanted or tap.cause:
            await self._destroy(tap)
            self._never_up(tap)

    async def detach(self, effect: Detach) -> None:
        """Delete the snoops. A tap that had not begun has failed by that; Asterisk tells another one's end."""
        tap = self._taps.get(effect.segment)
        if tap is None and effect.segment in self._ended:
            return  # its end has just been told
        unknown = tap is None
        if tap is None:
            tap = self._taps[effect.segment] = self._earlier(effect.segment, effect.source.directions)
        tap.unwanted = True
        tap.ready.set()
        if tap.attaching and not tap.made:
            # Nothing of it is on the switch: a pause is not to wait for the snoops of the tap before.
            self._never_up(tap)
            return
        for direction in tap.directions if effect.source.leg else ():
            self._leaving.leaves(self._snoop(tap, direction), effect.source.leg)
        there = await self._destroy(tap)
        if unknown and not there:
            if await self._told_its_end(tap):
                return
            tap.begun.clear()
        if not tap.attaching:
            self._never_up(tap)

    def refused(self, effect: Attach, cause: str) -> None:
        """An attach that never began, because too many waited."""
        self._taps.pop(effect.segment, None)
        self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=effect.segment,
                             cause=cause))

    def adopt(self, segment: str, directions: tuple[Direction, ...]) -> None:
        """A tap that a snapshot found at work: of an earlier life, or one that we know."""
        known = self._taps.get(segment)
        if known is None or known.directions != directions:
            self._taps[segment] = self._earlier(segment, directions)

    def forget(self) -> None:
        """The switch restarted: none of the taps is left."""
        self._taps.clear()

    # ---- What differs with the place that the audio goes to ------------------------------------------------------

    @abstractmethod
    def _earlier(self, segment: str, directions: tuple[Direction, ...]) -> T:
        """A tap that we have not made in this life, all of it begun."""

    @abstractmethod
    def _snoop(self, tap: T, direction: Direction) -> str:
        """The id of a direction's snoop."""

    @abstractmethod
    async def _make(self, tap: T, source: Source) -> None:
        """Make everything; no audio goes out yet."""

    @abstractmethod
    async def _begin(self, tap: T) -> None:
        """Let the audio of all directions out, as nearly at once as can be."""

    @abstractmethod
    def _since(self, tap: T) -> float | None:
        """When the tap started."""

    def _files(self, tap: T) -> tuple[TrackFile, ...]:  # noqa: ARG002
        """The files that it writes."""
        return ()

    async def _told_its_end(self, tap: T) -> bool:  # noqa: ARG002
        """Whether nothing needs to be told of a tap of an earlier life that is not there."""
        return False

    # ---- What both do with it ------------------------------------------------------------------------------------

    def _expect(self, tap: T) -> None:
        """An attach waits for its turn. A detach, which overtakes all that waits, calls it off, even one that came
        before it."""
        if tap.segment not in self._ended:
            tap.attaching = True
            self._taps[tap.segment] = tap

    def _began(self, tap: T, direction: Direction, at: float) -> None:
        """Asterisk tells that a direction's audio goes out."""
        if direction in tap.started:
            return
        tap.begun.add(direction)
        tap.started[direction] = at
        since = self._since(tap)
        if set(tap.started) >= set(tap.directions) and since is not None:
            self._tell(TapUp(switch=self._switch, at=at, sequence=self._sequence(), segment=tap.segment,
                             started=since, files=self._files(tap)))

    def _finished(self, tap: T, direction: Direction, at: float, cause: str) -> list[str]:
        """Asterisk tells that a direction has ended.

        Returns:
            The snoops to delete, because they lost their other half.
        """
        if direction in tap.ended:
            return []
        tap.ended[direction] = at
        tap.cause = tap.cause or (DETACHED if tap.unwanted else cause)
        if tap.over and not tap.attaching:
            self._down(tap)
            return []
        return [self._snoop(tap, one) for one in tap.directions if one not in tap.ended]

    async def _destroy(self, tap: T) -> bool:
        """Delete the snoops; whether any of them may have been there."""
        there = False
        for direction in tap.directions:
            snoop = self._snoop(tap, direction)
            try:
                await self._snoops.delete(snoop)
            except SwitchOperationFailed as fault:
                if fault.details.get("status") == 404:
                    self._leaving.gone(snoop)
                    continue
                # It is asked again by force, and then by the next snapshot.
                tap.cause = tap.cause or fault.message
            except SwitchFault:
                return True
            there = True
        return there

    def _never_up(self, tap: T) -> None:
        if tap.over:
            self._down(tap)
        elif not tap.begun and self._taps.pop(tap.segment, None) is not None:
            self._ended.append(tap.segment)
            self._tell(TapFailed(switch=self._switch, at=self._clock(), sequence=self._sequence(), segment=tap.segment,
                                 cause=tap.cause or "ended before it was up", hopeless=tap.hopeless))

    def _down(self, tap: T) -> None:
        if self._taps.pop(tap.segment, None) is None:
            return
        self._ended.append(tap.segment)
        ended = max(tap.ended.values())
        self._tell(TapDown(switch=self._switch, at=ended, sequence=self._sequence(), segment=tap.segment,
                           cause=tap.cause, started=self._since(tap), ended=ended, files=self._files(tap)))


async def together(operations: Iterable[Awaitable[None]]) -> None:
    """Run them side by side to their ends, then raise the first failure: none is left under way behind our back."""
    for result in await asyncio.gather(*operations, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
