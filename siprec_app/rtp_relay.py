"""The relay in our own process: plain sockets, all watched by one epoll, which the event loop watches.

One event of the loop is then good for every packet that is there, whatever kind of loop it is (docs/decisions/0014).
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Mapping
from itertools import count

from faults import RecordingServerAddressUnusable
from siprec_app.intake import Incoming
from siprec_app.outlet import Feed, Outgoing, cname
from siprec_app.ports import Ports
from siprec_app.protocol.negotiation import Flow
from siprec_app.relay import G711, Address, Fed, Outlet, OutletCounters, TapCounters
from siprec_app.resolve import resolved
from siprec_app.rtcp import Draw, Moment, interval

__all__ = ["RtpRelay"]

_AT_ONCE = 256
"""Sockets that are read before the event loop may do something else: some 3 ms."""

_Reader = Callable[[Moment], object]


class RtpRelay:
    """A ``relay.Relay``. Made and used within a running event loop.

    Args:
        intakes: ports that the switch can reach. outlets: ports that the recording servers can reach.
        draw: SSRCs, sequence numbers, timestamps and names: ``random.SystemRandom()``.
        monotonic: seconds of a clock that only goes forward. wall: seconds since 1970.
    """

    def __init__(self, intakes: Ports, outlets: Ports, *, draw: Draw, monotonic: Callable[[], float],
                 wall: Callable[[], float]) -> None:
        self._intake_ports, self._outlet_ports = intakes, outlets
        self._draw, self._monotonic, self._wall = draw, monotonic, wall
        self._intakes: dict[str, Incoming] = {}
        self._outlets: dict[str, Outgoing] = {}
        self._fed_by: dict[str, Incoming] = {}
        self._names: dict[str, str] = {}
        self._sessions: dict[str, str] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._numbers = count(1)
        self._readers: dict[int, _Reader] = {}
        self._loop = asyncio.get_running_loop()
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    @property
    def takes(self) -> tuple[str, ...]:
        """See ``Relay``."""
        return tuple(G711.values())

    def close(self) -> None:
        """Close all that is still open."""
        for outlet in tuple(self._outlets):
            self._close_outlet(outlet)
        for tap in tuple(self._intakes):
            self._close_intake(tap)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    async def open_intake(self, tap: str, codecs: Mapping[int, str] = G711, source: str | None = None, *,
                          owed: bool = False) -> Address:
        """See ``Relay``."""
        if tap in self._intakes or not set(codecs.values()) <= set(G711.values()):
            raise ValueError("a tap is opened once, with the codecs of G.711")
        made = self._intake_ports.single()
        self._intakes[tap] = incoming = Incoming(made, codecs, source, owed=owed)
        self._watch(made, incoming.read)
        return Address(self._intake_ports.host, made.getsockname()[1])

    async def open_outlet(self, tap: str | None, session: str) -> Outlet:
        """See ``Relay``."""
        incoming = None if tap is None else self._intakes[tap]
        first, second = self._outlet_ports.pair()
        name = self._names.setdefault(session, cname(self._draw))
        made = Outgoing(f"{session}/{next(self._numbers)}", (first, second), name, self._draw, self._now())
        self._outlets[made.id] = made
        self._sessions[made.id] = session
        if incoming is not None:
            self._feed(made, incoming)
        self._watch(first, made.read_rtp)
        self._watch(second, made.read_rtcp)
        return Outlet(made.id, first.getsockname()[1], second.getsockname()[1])

    async def feed(self, outlet: str, tap: str) -> None:
        """See ``Relay``."""
        outgoing, incoming = self._outlets[outlet], self._intakes[tap]
        if self._fed_by.get(outlet) is not incoming:
            incoming.drain(self._now())
            self._feed(outgoing, incoming)

    async def flow(self, outlet: str, flow: Flow | None) -> None:
        """See ``Relay``."""
        outgoing = self._outlets[outlet]
        if flow is not None and flow == outgoing.flowing:
            return
        outgoing.silence(self._now())
        if flow is None:
            return
        turn = outgoing.turns
        host = await resolved(flow.host, flow.port, self._outlet_ports.host)
        if outgoing.turns != turn or outlet not in self._outlets:
            return  # another call came meanwhile
        # Nothing is awaited between these: what comes in after the last read is what is sent.
        incoming = self._fed_by.get(outlet)
        if incoming is not None:
            incoming.drain(self._now())
            if not any(one.flowing for one in incoming.outlets):
                incoming.meet_anew()
            if outgoing.has_sent:  # what was sent without a break is counted by itself
                self._feed(outgoing, incoming)
        try:
            outgoing.begin(flow, host, self._now())
        except OSError as error:
            raise RecordingServerAddressUnusable("There is no way to the address of a recording server.",
                                                 host=flow.host, error=error.strerror) from error
        if outlet not in self._timers:
            self._schedule(outgoing, first=True)

    async def fed(self, tap: str) -> tuple[Fed, ...]:
        """See ``Relay``."""
        return tuple(feed.fed() for feed in self._intakes[tap].feeds)

    async def counters(self, tap: str) -> TapCounters:
        """See ``Relay``."""
        return _counted(self._intakes[tap])

    async def close_outlet(self, outlet: str) -> OutletCounters:
        """See ``Relay``."""
        return self._close_outlet(outlet)

    async def close_intake(self, tap: str) -> TapCounters:
        """See ``Relay``."""
        return self._close_intake(tap)

    def _close_outlet(self, outlet: str) -> OutletCounters:
        outgoing = self._outlets.pop(outlet)
        self._unfeed(outgoing)
        if (timer := self._timers.pop(outlet, None)) is not None:
            timer.cancel()
        session = self._sessions.pop(outlet)
        if session not in self._sessions.values():
            del self._names[session]
        for one in outgoing.sockets:
            self._forget(one)
        return outgoing.close(self._now())

    def _close_intake(self, tap: str) -> TapCounters:
        incoming = self._intakes.pop(tap)
        counted = _counted(incoming)
        for outgoing in tuple(incoming.outlets):
            self._unfeed(outgoing)
        self._forget(incoming.socket)
        incoming.socket.close()
        return counted

    def _feed(self, outgoing: Outgoing, incoming: Incoming) -> None:
        self._unfeed(outgoing)
        self._fed_by[outgoing.id] = incoming
        incoming.outlets.append(outgoing)
        feed = Feed(self._sessions[outgoing.id], incoming.continuity)
        incoming.feeds.append(feed)
        outgoing.feed(feed, self._now())

    def _unfeed(self, outgoing: Outgoing) -> None:
        incoming = self._fed_by.pop(outgoing.id, None)
        if incoming is not None:
            incoming.outlets.remove(outgoing)
            outgoing.unfeed()

    def _now(self) -> Moment:
        return Moment(self._monotonic(), self._wall())

    def _watch(self, source: socket.socket, reader: _Reader) -> None:
        self._readers[source.fileno()] = reader
        self._epoll.register(source.fileno(), select.EPOLLIN)

    def _forget(self, source: socket.socket) -> None:
        self._epoll.unregister(source.fileno())
        del self._readers[source.fileno()]

    def _ready(self) -> None:
        """One datagram of each socket that has one; what is left has the loop call again."""
        at = self._now()
        readers = self._readers
        for descriptor, _ in self._epoll.poll(0, _AT_ONCE):
            readers[descriptor](at)

    def _schedule(self, outgoing: Outgoing, *, first: bool) -> None:
        self._timers[outgoing.id] = self._loop.call_later(interval(self._draw, first=first), self._report, outgoing)

    def _report(self, outgoing: Outgoing) -> None:
        outgoing.report(self._now())
        self._schedule(outgoing, first=False)


def _counted(incoming: Incoming) -> TapCounters:
    return TapCounters(incoming.counters(), {one.id: one.counters() for one in incoming.outlets})
