"""Taps on Asterisk whose audio goes to a recording server: each snoop is in a bridge with a channel that sends RTP.

A tap is up when both channels of every direction have entered their bridge, and down when its snoops have left theirs:
nothing of them is sent any more. They may be there for longer: a snoop that is hung up waits for the next packet of the
call, and none may come.

A detach deletes the snoops first, as nothing else hears the leg; the senders and the bridges follow. A snoop goes with
its leg, these do not: whatever ends a tap, they are deleted by us, or by the next snapshot.

Each direction is one stream of PCMU, 50 packets a second, with silence while its party sends nothing. When Asterisk has
been held up for more than 80 ms it sends what it owes all at once: no packet is missing, but their timestamps leap as
far ahead, and stay there. So what a packet belongs to is told by its sequence number, not by its timestamp.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from ari_app.leaving import Leaving
from ari_app.names import Part, Piece
from ari_app.taps import SnoopOperations, Tap, TapEvent, Taps, together
from faults import SwitchFault
from recorder.effects import Attach
from recorder.model import Direction, Source
from recorder.ports import NOWHERE, RtpAddress

log = structlog.get_logger("asterisk")

ENDED = "its snoop has ended"
"""The cause of the end of a tap that nobody asked for: mostly that of its leg."""

UNSENT = "what sends its audio has ended"
"""The cause of the end of a tap that lost a sender, or its bridge."""


class ServerTapOperations(SnoopOperations, Protocol):
    """The ARI operations that taps to recording servers need. They raise ``faults.SwitchFault``."""

    async def send(self, sender: str, to: RtpAddress) -> None:
        """Make a channel that sends what it is given there, as G.711 by RTP."""

    async def bridge(self, bridge: str) -> None:
        """Make a bridge for two."""

    async def enter(self, bridge: str, channel: str) -> None:
        """Put a channel into a bridge."""

    async def dissolve(self, bridge: str) -> None:
        """Delete a bridge."""


@dataclass(slots=True)
class ServerTap(Tap):
    """A tap that sends RTP.

    Attributes:
        to: where each direction goes.
        inside: when its channels have entered their bridges.
        cleared: its senders and bridges are being deleted.
    """

    to: Mapping[Direction, RtpAddress] = field(default_factory=lambda: NOWHERE)
    inside: dict[Part, float] = field(default_factory=dict)
    cleared: bool = False


class ServerTaps(Taps[ServerTap]):
    """See ``Taps``.

    Args:
        start: begins a work that nobody waits for.
    """

    def __init__(self, switch: str, operations: ServerTapOperations, leaving: Leaving, *,
                 tell: Callable[[TapEvent], None], sequence: Callable[[], int], clock: Callable[[], float],
                 start: Callable[[Coroutine[None, None, None]], None]) -> None:
        super().__init__(switch, operations, leaving, tell=tell, sequence=sequence, clock=clock)
        self._operations = operations
        self._start = start

    def expect(self, effect: Attach, to: Mapping[Direction, RtpAddress]) -> None:
        """An attach waits for its turn.

        Args:
            to: where the audio of each direction is sent.
        """
        directions = effect.source.directions
        awaited = {str(Part(effect.segment, direction, piece))
                   for direction in directions for piece in (Piece.SNOOP, Piece.SENDER)}
        self._expect(ServerTap(effect.segment, directions, awaited=awaited, to=to))

    def entered(self, part: Part) -> None:
        """StasisStart of a channel: it is ours. One that comes too late for its tap goes at once."""
        tap = self._taps.get(part.segment)
        if tap is not None:
            tap.has(str(part))
        else:
            self._start(self._clear(part.segment, (part.direction,)))

    def entered_bridge(self, part: Part, at: float) -> None:
        """ChannelEnteredBridge of a channel."""
        tap = self._taps.get(part.segment)
        if tap is None:
            return
        tap.inside.setdefault(part, at)
        pair = [Part(part.segment, part.direction, piece) for piece in (Piece.SNOOP, Piece.SENDER)]
        if all(one in tap.inside for one in pair):
            self._began(tap, part.direction, max(tap.inside[one] for one in pair))

    def ended(self, part: Part, at: float) -> list[str]:
        """ChannelLeftBridge or ChannelDestroyed of a channel. Without a sender nothing of the tap arrives: it ends.

        Returns:
            The snoops to delete, because they lost their other half, or what it was made for.
        """
        tap = self._taps.get(part.segment)
        if tap is None:
            return []
        if part.piece is Piece.SNOOP:
            return self._finished(tap, part.direction, at, ENDED)
        if tap.unwanted:
            return []
        tap.cause = tap.cause or UNSENT
        return [self._snoop(tap, one) for one in tap.directions]

    def found(self, taps: Mapping[str, tuple[Direction, ...]], left: Iterable[Part]) -> None:
        """What a snapshot has: taps at work, by their segments, and parts of those that are not, which go."""
        for segment in [one for one, tap in self._taps.items() if one not in taps and not tap.attaching]:
            del self._taps[segment]
        for segment, directions in taps.items():
            self.adopt(segment, directions)
        for segment, direction in sorted({(part.segment, part.direction) for part in left}):
            self._start(self._clear(segment, (direction,)))

    def _earlier(self, segment: str, directions: tuple[Direction, ...]) -> ServerTap:
        return ServerTap(segment, directions, begun=set(directions))

    def _snoop(self, tap: ServerTap, direction: Direction) -> str:
        return str(Part(tap.segment, direction, Piece.SNOOP))

    async def _make(self, tap: ServerTap, source: Source) -> None:
        made = [work for one in tap.directions for work in (
            self._operations.snoop(source.leg, self._snoop(tap, one), one),
            self._operations.send(str(Part(tap.segment, one, Piece.SENDER)), tap.to[one]),
            self._operations.bridge(str(Part(tap.segment, one, Piece.BRIDGE))))]
        await together(made)

    async def _begin(self, tap: ServerTap) -> None:
        """The senders first: it is the snoops that have to begin together."""
        await together(self._enter(tap, one, Piece.SENDER) for one in tap.directions)
        await together(self._enter(tap, one, Piece.SNOOP) for one in tap.directions)

    async def _enter(self, tap: ServerTap, direction: Direction, piece: Piece) -> None:
        await self._operations.enter(str(Part(tap.segment, direction, Piece.BRIDGE)),
                                     str(Part(tap.segment, direction, piece)))
        if piece is Piece.SNOOP:
            tap.begun.add(direction)

    def _since(self, tap: ServerTap) -> float | None:
        return max(tap.started.values(), default=None)

    async def _destroy(self, tap: ServerTap) -> bool:
        there = await super()._destroy(tap)
        tap.cleared = not tap.attaching  # what is still being made is deleted again when it is there
        await self._clear(tap.segment, tap.directions, snoops=False)
        return there

    def _down(self, tap: ServerTap) -> None:
        super()._down(tap)
        if not tap.cleared:
            self._start(self._clear(tap.segment, tap.directions, snoops=False))

    async def _clear(self, segment: str, directions: Iterable[Direction], *, snoops: bool = True) -> None:
        """Delete what directions are made of. What is left all the same, the next snapshot shows."""
        for direction in directions:
            for piece in Piece if snoops else (Piece.SENDER, Piece.BRIDGE):
                part = str(Part(segment, direction, piece))
                try:
                    await (self._operations.dissolve(part) if piece is Piece.BRIDGE else self._operations.delete(part))
                except SwitchFault as fault:
                    log.debug("what is left of a tap could not be deleted", part=part, why=fault.message)
