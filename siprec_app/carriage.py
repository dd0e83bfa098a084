"""One recording on its way to the recording servers: its taps, which all of its ways there share.

It is level-triggered: what feeds a stream follows from the taps that are there, and is applied whenever one of them
changes. A tap is silenced before anything else is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial

from faults import RecordingServerFault
from recorder.effects import Attach
from recorder.model import Call, Carried, Direction, Recording, Session
from recorder.ports import RtpAddress
from recorder.states import FINAL_SEGMENT, SegmentState
from siprec_app import describe
from siprec_app.order import Order
from siprec_app.server_session import Connecting
from siprec_app.way import Way

__all__ = ["Carriage"]

_LIVE = (SegmentState.ATTACHING, SegmentState.UP)


class Carriage:
    """One recording.

    Args:
        call, recording: as they are when the first tap is asked for.
        owed: as for ``Relay.open_intake``.
        tell: takes what becomes of sessions.
        start: runs something beside.
    """

    def __init__(self, call: Call, recording: Recording, *, order: Order, connecting: Connecting, owed: bool,
                 tell: Callable[[str, Session], None], start: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._call, self._recording = call, recording
        self._order, self._connecting, self._relay = order, connecting, connecting.relay
        self._owed = owed
        self._tell, self._start = partial(tell, recording.id), start
        self._taps: dict[str, dict[Direction, str]] = {}
        self._silenced: set[str] = set()
        self._ways: list[Way] = []
        self._stopped = False

    @property
    def over(self) -> bool:
        """Whether nothing of it is left."""
        return self._stopped and not self._taps

    async def open(self, effect: Attach) -> dict[Direction, RtpAddress]:
        """Where a tap is to be sent; with the first one the sessions begin.

        Raises:
            RecordingServerFault: no port is left.
        """
        taps: dict[Direction, str] = {}
        addresses: dict[Direction, RtpAddress] = {}
        try:
            for direction in effect.source.directions:
                tap = f"{effect.segment}/{direction.value}"
                address = await self._relay.open_intake(tap, owed=self._owed)
                taps[direction] = tap
                addresses[direction] = RtpAddress(address.host, address.port, self._relay.takes)
        except RecordingServerFault:
            for tap in taps.values():
                await self._relay.close_intake(tap)
            raise
        self._taps[effect.segment] = taps
        self._follow_ways()
        await self._feed()
        return addresses

    async def silence(self, segment: str) -> None:
        """Nothing of a tap goes out from before this returns.

        Raises:
            RecordingServerFault: the relay has not said so in time.
        """
        self._silenced.add(segment)
        taps = set(self._taps.get(segment, {}).values())
        await _all([one for way in self._ways for one in way.quieting(taps)])

    async def keep_from(self, server: str) -> None:
        """Nothing goes to that server from before this returns. The call that was noted last has to say so, too.

        Raises:
            RecordingServerFault: as :meth:`silence`.
        """
        await _all([one for way in self._ways for one in way.silencing(server)])

    async def counted(self, segment: str) -> tuple[Carried, ...]:
        """What went to servers of a tap."""
        return tuple([
            Carried(session=fed.session, direction=direction, first=fed.first, last=fed.last, received=fed.received,
                    sent=fed.sent, lost=fed.lost, unheard=fed.unheard)
            for direction, tap in self._taps.get(segment, {}).items() for fed in await self._relay.fed(tap)])

    def note(self, call: Call, recording: Recording) -> None:
        """The call has changed. What a pause keeps out is not begun any more; the rest follows."""
        self._call, self._recording = call, recording

    async def follow(self) -> None:
        """Have what goes to servers, and what they are told, be as the call is that was noted last."""
        recording = self._recording
        if recording.ended is not None:
            self._stopped = True
        self._follow_ways()
        if not self._stopped:  # what is on its way at the end still has to get there
            await self._feed()
        for segment in recording.segments:
            if segment.state in FINAL_SEGMENT:
                for tap in self._taps.pop(segment.id, {}).values():
                    await self._relay.close_intake(tap)
        for way in self._ways:
            way.tell_server()

    def dead(self, server: str) -> None:
        """A server does not answer any more: what policy's order had led to it goes to the next one."""
        for way in self._ways:
            way.dead(server)

    def stop(self) -> None:
        """The recording has ended, or the service does."""
        self._stopped = True
        self._follow_ways()

    def _follow_ways(self) -> None:
        """One way as policy wants it, and one for each server that was named. They begin once there is a tap."""
        wanted: set[str | None] = set()
        if not self._stopped:
            wanted = {*self._call.names, *([None] if self._call.to_server else [])}
        for way in self._ways:
            if not way.stopped and way.only not in wanted:
                way.stop()
        self._ways = [way for way in self._ways if not way.over]
        there = {way.only for way in self._ways if not way.stopped}
        for only in sorted(wanted - there, key=str) if self._taps else ():
            way = Way(self._order, self._connecting, only, latest=lambda: (self._call, self._recording),
                      feeds=self._feeds, tell=self._tell, start=self._start)
            self._ways.append(way)
            way.begin()

    async def _feed(self) -> None:
        for way in list(self._ways):
            await way.feed()

    def _feeds(self, server: str) -> dict[str, str]:
        """By label the tap that feeds a stream to a server: of the newest segment that is up, else of the newest one.
        None while a pause keeps the call from that server."""
        if self._call.kept_from(server):
            return {}
        feeds: dict[str, str] = {}
        segments = [segment for segment in self._recording.segments
                    if segment.id in self._taps and segment.id not in self._silenced and segment.state in _LIVE]
        for segment in sorted(segments, key=lambda one: one.state is SegmentState.UP):
            for direction, tap in self._taps[segment.id].items():
                feeds[describe.label_of(segment, direction)] = tap
        return feeds


async def _all(silences: Iterable[Awaitable[None]]) -> None:
    """All of them, whichever of them fails; then the failure of one."""
    for found in await asyncio.gather(*silences, return_exceptions=True):
        if found is not None:
            raise found
