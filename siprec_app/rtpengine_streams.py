"""What is known of the taps and the outlets that rtpengine carries."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from siprec_app.ng_calls import Stream
from siprec_app.protocol.negotiation import Flow
from siprec_app.relay import Address, Intake, Outlet, OutletCounters, Silence

__all__ = ["OutStream", "StreamFeed", "TapStream"]

_HEAD = 12


@dataclass(slots=True, eq=False)
class StreamFeed:
    """One tap's share in one outlet's stream: as ``relay.Fed``."""

    session: str
    received: int = 0
    sent: int = 0
    first: float | None = None
    last: float | None = None


@dataclass(slots=True, eq=False)
class TapStream:
    """One tap.

    Attributes:
        address: where the switch sends it. aside: a port of its call that leads nowhere.
        probes: packets of ours among those that came.
        feeds: what it has fed.
        packets, octets: when the daemon was asked last; headers are among the octets.
        lost: the daemon has lost it, or may have.
        draining: one at a time.
    """

    stream: Stream
    address: Address
    aside: Address
    probes: int = 0
    feeds: list[StreamFeed] = field(default_factory=list)
    packets: int = 0
    octets: int = 0
    lost: bool = False
    draining: asyncio.Lock = field(default_factory=asyncio.Lock)

    def probed(self) -> None:
        """A packet of ours is on its way."""
        self.probes += 1

    def counters(self) -> Intake:
        """What was counted until now."""
        return Intake(received=self.packets, octets=max(0, self.octets - self.packets * _HEAD), lost=0, late=0,
                      duplicates=0, stale=0, foreign=0, invalid=0, other=0, restarts=0, first=None, last=None)


@dataclass(slots=True, eq=False)
class OutStream:
    """One outlet.

    Attributes:
        pipe: where the tap that feeds it is sent. aside: a port of its call that leads nowhere.
        tap, feed: what feeds it, and how much.
        wanted: the flow that was asked for last. flowing: the one that has come about.
        open: something may go out. doomed: it ends.
        turn: goes up with whatever is asked for.
        probes: packets of ours among those that came into the pipe.
        since: packets of the tap and of the pipe at the last count. sent: in all.
        looking: for the first packet.
        subscribing: held while the server comes or goes. changing: held by a flow or a feed, until it has come about.
    """

    stream: Stream
    session: str
    made: Outlet
    pipe: Address
    aside: Address
    silences: list[Silence]
    tap: TapStream | None = None
    feed: StreamFeed | None = None
    wanted: Flow | None = None
    flowing: Flow | None = None
    open: bool = False
    doomed: bool = False
    turn: int = 0
    probes: int = 0
    since: tuple[int, int] = (0, 0)
    sent: int = 0
    looking: asyncio.Task[None] | None = None
    subscribing: asyncio.Lock = field(default_factory=asyncio.Lock)
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def probed(self) -> None:
        """A packet of ours is on its way."""
        self.probes += 1

    def counters(self) -> OutletCounters:
        """What was counted until now."""
        return OutletCounters(sent=self.sent, octets=0, unsent=0, refused=0, strange=0, first=None, last=None,
                              silences=tuple(self.silences), heard=None, report=None)
