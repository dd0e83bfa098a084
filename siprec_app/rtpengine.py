"""rtpengine as the relay: it carries the packets, and this tells it which.

Each tap and each outlet is a call of its own there, so that either can end alone (docs/decisions/0020). A tap's call
has the switch's audio. An outlet's call has a pipe, which subscribes to the tap that feeds it; the recording server
subscribes to the pipe. Silence is a server that does not subscribe, and a reply that says so.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from itertools import count

import structlog

from faults import RecordingServerAddressUnusable, RelayFailed
from siprec_app.echo import OCTETS, Echo
from siprec_app.ng_calls import NgCalls, Stream
from siprec_app.protocol import ng
from siprec_app.protocol.negotiation import Flow
from siprec_app.relay import G711, Address, Fed, Outlet, OutletCounters, Silence, TapCounters
from siprec_app.resolve import resolved
from siprec_app.rtpengine_streams import OutStream, StreamFeed, TapStream

__all__ = ["RtpEngine"]

log = structlog.get_logger("siprec")

_TAP, _PIPE, _SERVER, _ECHO, _KEY = "tap", "pipe", "server", "echo", "key"
_ENDED = "The stream has ended, as rtpengine had not answered in time."
_WATCHED = 2.0
"""Seconds between two questions whether the daemon is there."""
_AT_ONCE = 50
"""Calls that are kept alive before the event loop may do something else."""
_LOOKS, _LOOKS_AT_LEAST = 0.02, 2.0
"""Seconds between two looks for the first packet, first and at last: where none comes for long, many would ask."""

class RtpEngine:
    """A ``relay.Relay``. Made and used within a running event loop.

    Args:
        calls: what it asks of the daemon.
        here: the address of this machine that the daemon can send to.
        wall: seconds since 1970.
    """

    def __init__(self, calls: NgCalls, here: str, *, wall: Callable[[], float]) -> None:
        self._calls, self._here = calls, here
        self._wall = wall
        self._name, self._numbers = secrets.token_hex(8), count(1)
        self._taps: dict[str, TapStream] = {}
        self._outs: dict[str, OutStream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed, self._hurrying = asyncio.Event(), asyncio.Event()
        self._echo = Echo(here)

    @property
    def takes(self) -> tuple[str, ...]:
        """See ``Relay``. The daemon would have to translate the other one."""
        return ("PCMU",)

    def hurry(self) -> None:
        """The service ends: what the daemon does not answer within one request is waited for no longer."""
        self._hurrying.set()

    async def close(self) -> None:
        """Close all that is still open; what the daemon does not answer is left to its own time-outs."""
        for task in self._tasks:
            task.cancel()
        calls = [*(one.stream.call for one in self._outs.values()), *(one.stream.call for one in self._taps.values())]
        for call in calls:
            self._calls.end(call)
        await asyncio.gather(*self._tasks, *map(self._calls.ended, calls), return_exceptions=True)
        await self._calls.close()
        self._outs.clear()
        self._taps.clear()
        self._echo.close()

    async def watch(self) -> None:
        """Return as soon as the daemon does not answer any more, or has forgotten what it carried; then all taps of
        that time are lost, until it answers again and has them. Asked every two seconds."""
        while not self._failed.is_set():
            try:
                async with asyncio.timeout(_WATCHED):
                    await self._failed.wait()
            except TimeoutError:
                await self._keep_alive()
                await self._look_after()
        self._failed.clear()

    async def _look_after(self) -> None:
        try:
            if await self._knows_the_newest() and not await self._has_an_outlet():
                self._lose()
            for tap in [one for one in self._taps.values() if one.lost]:  # it may only have been slow
                tap.lost = not await self._calls.knows(tap.stream)
        except RelayFailed:
            self._lose()

    async def _knows_the_newest(self) -> bool:
        """Whether the daemon has the newest tap; one that has begun anew has none, and its ports are others' now."""
        newest: TapStream | None = next((tap for tap in reversed(self._taps.values()) if not tap.lost), None)
        if newest is None or await self._calls.knows(newest.stream) or newest not in self._taps.values():
            return True
        self._lose()
        return False

    async def _has_an_outlet(self) -> bool:
        """Whether the daemon has the newest outlet: in a pause there is no tap. Where there is neither, whether it is
        there at all."""
        newest: OutStream | None = next((out for out in reversed(self._outs.values()) if not out.doomed), None)
        if newest is None:
            await self._calls.alive()
            return True
        return await self._calls.knows(newest.stream) or newest.doomed

    def _lose(self) -> None:
        for tap in self._taps.values():
            tap.lost = True
        self._failed.set()

    async def _keep_alive(self) -> None:
        """A call to which nothing comes for a minute, in a pause for one, the daemon would forget."""
        there = [*(one.aside for one in self._taps.values()), *(one.aside for one in self._outs.values())]
        for number, address in enumerate(there, 1):
            self._echo.nudge(address)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def open_intake(self, tap: str, codecs: Mapping[int, str] = G711, source: str | None = None, *,
                          owed: bool = False) -> Address:  # noqa: ARG002 - see below
        """See ``Relay``. PCMU passes, whoever sends it; timestamps pass as they come, ``owed`` or not.

        Raises:
            ValueError: there is a ``source``, too: the daemon cannot be told.
            RelayFailed: it does not answer, or has no port left, or has lost what it carried.
        """
        if source is not None or tap in self._taps or not set(codecs.values()) <= set(G711.values()):
            raise ValueError("a tap is opened once, with the codecs of G.711")
        if not await self._knows_the_newest():
            raise RelayFailed("rtpengine has begun anew.")
        stream = Stream(self._call(), _TAP, (ng.AUDIO, ng.PROBE))
        self._taps[tap] = made = TapStream(stream, *await self._calls.publish(stream))
        return made.address

    async def open_outlet(self, tap: str | None, session: str) -> Outlet:
        """See ``Relay``.

        Raises:
            RelayFailed: as :meth:`open_intake`, or taps are open that the daemon has lost: until they have ended, their
                calls go elsewhere, and so do others.
        """
        incoming = None if tap is None else self._taps[tap]
        if any(one.lost for one in self._taps.values()):
            raise RelayFailed("rtpengine has lost taps of calls that go on.")
        stream = Stream(self._call(), _PIPE)
        pipe, aside = await self._calls.publish(stream)
        made = OutStream(stream, session, Outlet(f"{session}/{next(self._numbers)}", 0, 0), pipe, aside,
                         [Silence(self._wall(), None)])
        try:
            port = (await self._calls.offered(stream.call, _PIPE, _SERVER)).port
            await self._calls.silence(stream.call, _SERVER)
            made.made = Outlet(made.made.id, port, port + 1)
            if incoming is not None:
                await self._rewire(made, incoming)
        except RelayFailed:
            self._end(made, incoming)
            raise
        self._outs[made.made.id] = made
        return made.made

    async def feed(self, outlet: str, tap: str) -> None:
        """See ``Relay``. The stream goes on with the numbers and the SSRC of the other tap."""
        out, incoming = self._outs[outlet], self._taps[tap]
        if out.tap is incoming:
            return
        flow = out.wanted
        turn = await self._silenced(out, flow)
        async with out.changing:
            if out.doomed:
                raise RelayFailed(_ENDED, outlet=outlet)
            if out.tap is not incoming:
                await self._rewire(out, incoming)
            if flow is not None:
                await self._begin(out, flow, turn)

    async def flow(self, outlet: str, flow: Flow | None) -> None:
        """See ``Relay``.

        Raises:
            RelayFailed: the daemon has not confirmed it in time. Then the outlet ends, as soon as the daemon answers
                again, and so do the others of its session: none of them flows again.
        """
        out = self._outs[outlet]
        if flow is not None and flow == out.flowing:
            return
        turn = await self._silenced(out, flow)
        if flow is not None:
            async with out.changing:
                await self._begin(out, flow, turn)

    async def fed(self, tap: str) -> tuple[Fed, ...]:
        """See ``Relay``. What a daemon that does not answer has done since it did is not among it."""
        incoming = self._taps[tap]
        for out in tuple(self._outs.values()):
            if out.tap is incoming:
                await self._count(out)
        return tuple(Fed(one.session, one.received, one.sent, 0, one.first, one.last, None) for one in incoming.feeds)

    async def counters(self, tap: str) -> TapCounters:
        """See ``Relay``. The daemon knows packets and octets alone."""
        incoming = self._taps[tap]
        if (now := await self._calls.counted(incoming.stream)) is not None:
            incoming.packets, incoming.octets = now[0] - incoming.probes, now[1] - incoming.probes * OCTETS
        return TapCounters(incoming.counters(), {
            one.made.id: one.counters() for one in self._outs.values() if one.tap is incoming})

    async def close_outlet(self, outlet: str) -> OutletCounters:
        """See ``Relay``. It lasts until the daemon has said so: before that nobody may count on its silence."""
        out = self._outs[outlet]
        await self._count(out)
        async with out.subscribing:  # what a flow has asked for by now ends with it
            self._end(out, out.tap)
        while not await self._calls.ended(out.stream.call) and not self._hurrying.is_set():
            pass
        self._outs.pop(outlet, None)
        self._quiet(out)
        return out.counters()

    async def close_intake(self, tap: str) -> TapCounters:
        """See ``Relay``."""
        incoming = self._taps[tap]
        await self.fed(tap)
        counted = await self.counters(tap)
        self._taps.pop(tap, None)
        for out in self._outs.values():
            if out.tap is incoming:
                out.tap = out.feed = None
        self._calls.end(incoming.stream.call)
        await self._calls.ended(incoming.stream.call)
        return counted

    async def _begin(self, out: OutStream, flow: Flow, turn: int) -> None:
        """Have the server subscribe, once all that has come so far was read and dropped."""
        if flow.codec.name != "PCMU" or flow.codec.word != str(ng.AUDIO):
            raise RecordingServerAddressUnusable("With rtpengine a recording server has to take PCMU.",
                                                 codec=flow.codec.name)
        host = await resolved(flow.host, flow.port, self._here)
        if out.turn == turn:
            await self._drain(out, out.tap)
        async with out.subscribing:
            if out.doomed:
                raise RelayFailed(_ENDED, outlet=out.made.id)
            if out.turn != turn:
                return  # another call came meanwhile
            out.open = True
            try:
                await self._subscribe(out, flow, host)
            except RelayFailed:
                self._doom(out.session)
                raise
            out.flowing = flow
            out.silences[-1] = Silence(out.silences[-1].begin, self._wall())
            out.since = await self._both(out) or out.since
            out.looking = self._start(self._look(out, out.feed, out.since[1]))

    async def _subscribe(self, out: OutStream, flow: Flow, host: str) -> None:
        ours, theirs = flow.key or (None, None)
        call = out.stream.call
        if ours is not None:
            # The daemon offers a subscriber the keys that the publisher has: so it comes to send with ours.
            await self._calls.publish_key(call, _KEY, ours)
            await self._calls.offered(call, _KEY, _SERVER, ours)
        if (await self._calls.offered(call, _PIPE, _SERVER, ours)).port != out.made.rtp_port:
            raise RelayFailed("rtpengine has moved a stream to another port.", port=out.made.rtp_port)
        await self._calls.hears(out.stream, _SERVER, Address(host, flow.port), rtcp_port=flow.rtcp_port, key=theirs)

    async def _silenced(self, out: OutStream, wanted: Flow | None) -> int:
        """Nothing goes out any more when this returns. The turn of what was asked for last.

        Raises:
            RelayFailed: the daemon does not say so in time.
        """
        out.turn += 1
        turn, out.wanted = out.turn, wanted
        async with out.subscribing:
            if out.doomed:
                await self._gone(out)
            elif out.open:
                try:
                    await self._calls.silence(out.stream.call, _SERVER)
                except RelayFailed as fault:
                    log.error("rtpengine has not confirmed a silence; the session ends", session=out.session,
                              fault=fault.id, remedy=fault.remedy)
                    self._doom(out.session)
                    raise
                await self._count(out)
                self._quiet(out)
        return turn

    async def _gone(self, out: OutStream) -> None:
        if not await self._calls.ended(out.stream.call):
            raise RelayFailed("rtpengine has not confirmed a silence.", outlet=out.made.id)
        self._quiet(out)
        if out.wanted is not None:
            raise RelayFailed(_ENDED, outlet=out.made.id)

    def _quiet(self, out: OutStream) -> None:
        out.open, out.flowing = False, None
        if out.silences[-1].end is not None:
            out.silences.append(Silence(self._wall(), None))
        if out.looking is not None:
            out.looking.cancel()

    def _doom(self, session: str) -> None:
        """One stream of a session was not silenced: all of them end. A request that was not answered may be carried out
        later, and in any order with others; in a call that is gone none is."""
        for out in self._outs.values():
            if out.session == session:
                self._end(out, out.tap)

    def _end(self, out: OutStream, tap: TapStream | None) -> None:
        out.doomed, out.flowing = True, None
        out.turn += 1
        self._calls.end(out.stream.call, None if tap is None else tap.stream.call, out.made.id)

    async def _rewire(self, out: OutStream, incoming: TapStream) -> None:
        """The tap that fed it before is heard no more; this one is, from here on.

        A daemon that has begun anew has no such pipe, and its port may be another call's.
        """
        if not await self._calls.knows(out.stream):
            raise RelayFailed("rtpengine has begun anew.", outlet=out.made.id)
        try:
            if out.tap is not None:
                async with out.tap.draining:
                    await self._calls.silence(out.tap.stream.call, out.made.id)
                    out.tap = out.feed = None
            async with incoming.draining:
                await self._calls.offered(incoming.stream.call, _TAP, out.made.id)
                await self._calls.hears(incoming.stream, out.made.id, out.pipe)
                out.tap, out.feed = incoming, StreamFeed(out.session)
        except RelayFailed:
            self._end(out, out.tap or incoming)  # that one may feed it, now or later
            raise
        incoming.feeds.append(out.feed)

    async def _drain(self, out: OutStream, tap: TapStream | None) -> None:
        """A packet of ours goes through the tap and comes back, then one through the pipe: what was before them has
        been read by then. The first one passes no pipe: others that the tap feeds do not hear it."""
        if tap is not None:
            async with tap.draining:
                await self._probe(tap.stream, tap.address, ng.PROBE, lambda: self._probed(tap))
        await self._probe(out.stream, out.pipe, ng.AUDIO, out.probed)

    def _probed(self, tap: TapStream) -> None:
        """The daemon counts what comes into a pipe before it drops it."""
        tap.probed()
        for out in self._outs.values():
            if out.tap is tap:
                out.probed()

    async def _probe(self, stream: Stream, to: Address, kind: int, sent: Callable[[], None]) -> None:
        try:
            await self._calls.offered(stream.call, stream.tag, _ECHO)
            await self._calls.hears(stream, _ECHO, Address(self._here, self._echo.port))
            await self._echo.back(to, kind, sent)
        finally:
            await self._quietly(stream.call, _ECHO)

    async def _look(self, out: OutStream, feed: StreamFeed | None, before: int) -> None:
        """Notice when the first packet goes out."""
        pause = _LOOKS
        while feed is not None and feed.first is None:
            seen = await self._calls.counted(out.stream)
            if seen is not None and seen[0] - out.probes > before:
                feed.first = self._wall()
                return
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, _LOOKS_AT_LEAST)

    async def _count(self, out: OutStream) -> None:
        """Add what came and went since the last count."""
        now = await self._both(out)
        feed, (received, sent) = out.feed, out.since
        if now is None or feed is None or not out.open:
            return
        out.since = now
        feed.received += max(0, now[0] - received)
        feed.sent += max(0, now[1] - sent)
        out.sent += max(0, now[1] - sent)
        if feed.sent:
            feed.last = self._wall()
            feed.first = feed.last if feed.first is None else feed.first

    async def _both(self, out: OutStream) -> tuple[int, int] | None:
        """Packets of the tap and of the pipe so far, without probes; none of a call that ends."""
        if out.tap is None or out.doomed:
            return None
        tap = out.tap
        came, went = await self._calls.counted(tap.stream), await self._calls.counted(out.stream)
        return None if came is None or went is None else (came[0] - tap.probes, went[0] - out.probes)

    async def _quietly(self, call: str, to: str) -> None:
        """What need not succeed: whatever comes there is of no use to anybody."""
        try:
            await self._calls.silence(call, to)
        except RelayFailed as fault:
            log.warning("rtpengine has not been told", call=call, why=fault.message)

    def _call(self) -> str:
        return f"phonograph-{self._name}-{next(self._numbers)}"

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
