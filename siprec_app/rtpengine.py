"""rtpengine as the relay: it carries the packets, and this tells it which.

Each tap and each outlet is a call of its own there, so that either can end alone (docs/decisions/0020). A tap's call
publishes what the switch sends. An outlet's call publishes a pipe, and its recording server subscribes to that; the
pipe subscribes to the tap that feeds it. Silence is a server that does not subscribe, and a reply that says so.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from itertools import count

import structlog

from faults import RecordingServerAddressUnusable, RelayFailed
from siprec_app.echo import OCTETS, Echo
from siprec_app.ng_client import NgClient
from siprec_app.protocol import ng
from siprec_app.protocol.negotiation import Flow
from siprec_app.relay import G711, Address, Fed, Intake, Outlet, OutletCounters, Silence, TapCounters
from siprec_app.resolve import resolved

__all__ = ["RtpEngine"]

log = structlog.get_logger("siprec")

_TAP, _PIPE, _SERVER, _ECHO, _KEY = "tap", "pipe", "server", "echo", "key"
_DISCARD = 9
"""RFC 863: who publishes is never sent anything."""
_WATCHED = 2.0
"""Seconds between two questions whether the daemon is there."""
_LOOKS = 0.02
"""Seconds between two looks for the first packet."""
_INSISTS = 1.0
"""Seconds between two tries to silence what did not confirm it."""
_DELETED_WITHIN = 60
"""Tries to end a call of a daemon that does not answer."""
_HEAD = 12


@dataclass(slots=True, eq=False)
class _Feed:
    """One tap's share in one outlet's stream."""

    session: str
    received: int = 0
    sent: int = 0
    first: float | None = None
    last: float | None = None


@dataclass(slots=True, eq=False)
class _Tap:
    call: str
    address: Address
    probes: int = 0
    feeds: list[_Feed] = field(default_factory=list)
    packets: int = 0
    octets: int = 0
    lost: bool = False


@dataclass(slots=True, eq=False)
class _Out:
    call: str
    session: str
    made: Outlet
    pipe: Address
    silences: list[Silence]
    tap: _Tap | None = None
    feed: _Feed | None = None
    flow: Flow | None = None
    open: bool = False
    insisting: bool = False
    turn: int = 0
    probes: int = 0
    since: tuple[int, int] = (0, 0)
    sent: int = 0
    looking: asyncio.Task[None] | None = None
    subscribing: asyncio.Lock = field(default_factory=asyncio.Lock)
    draining: asyncio.Lock = field(default_factory=asyncio.Lock)


class RtpEngine:
    """A ``relay.Relay``. Made and used within a running event loop.

    Args:
        client: speaks with the daemon; open.
        here: the address of this machine that the daemon can send to.
        wall: seconds since 1970.
    """

    def __init__(self, client: NgClient, here: str, *, wall: Callable[[], float]) -> None:
        self._client, self._here = client, here
        self._wall = wall
        self._name, self._numbers = secrets.token_hex(8), count(1)
        self._taps: dict[str, _Tap] = {}
        self._outs: dict[str, _Out] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._echo = Echo(here)

    async def close(self) -> None:
        """Close all that is still open; what the daemon does not answer is left to its own time-outs."""
        for task in self._tasks:
            task.cancel()
        calls = [*(one.call for one in self._outs.values()), *(one.call for one in self._taps.values())]
        await asyncio.gather(*self._tasks, *map(self._delete, calls), return_exceptions=True)
        self._outs.clear()
        self._taps.clear()
        self._echo.close()

    async def watch(self) -> None:
        """Return as soon as the daemon does not answer any more, or has forgotten what it carried; then all taps of
        that time are lost. Asked every two seconds."""
        while True:
            await asyncio.sleep(_WATCHED)
            one: _Tap | None = next((tap for tap in reversed(self._taps.values()) if not tap.lost), None)
            try:
                if one is None:
                    await self._client.ask("ping")
                else:
                    await self._client.do("query", {"call-id": one.call, "from-tag": _TAP})
            except RelayFailed:
                if one is None or one in self._taps.values():
                    for tap in self._taps.values():
                        tap.lost = True
                    return

    async def open_intake(self, tap: str, codecs: Mapping[int, str] = G711, source: str | None = None, *,
                          owed: bool = False) -> Address:  # noqa: ARG002 - see below
        """See ``Relay``. The daemon takes what comes to the port, whatever it is and whoever sends it; timestamps pass
        as they come, ``owed`` or not.

        Raises:
            ValueError: there is a ``source``, too: the daemon cannot be told.
            RelayFailed: it does not answer, or has no port left.
        """
        if source is not None or tap in self._taps or not set(codecs.values()) <= set(G711.values()):
            raise ValueError("a tap is opened once, with the codecs of G.711")
        call = self._call()
        self._taps[tap] = made = _Tap(call, await self._publish(call, _TAP))
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
        call = self._call()
        pipe = await self._publish(call, _PIPE)
        port = self._place(await self._client.do("subscribe request", ng.subscription(call, _PIPE, _SERVER))).port
        await self._client.do("unsubscribe", {"call-id": call, "to-tag": _SERVER})
        made = _Out(call, session, Outlet(f"{session}/{next(self._numbers)}", port, port + 1), pipe,
                    [Silence(self._wall(), None)])
        self._outs[made.made.id] = made
        if incoming is not None:
            await self._rewire(made, incoming)
        return made.made

    async def feed(self, outlet: str, tap: str) -> None:
        """See ``Relay``. The stream goes on with the numbers and the SSRC of the other tap."""
        out, incoming = self._outs[outlet], self._taps[tap]
        if out.tap is incoming:
            return
        out.turn += 1
        turn, flow = out.turn, out.flow
        if not await self._silence(out):
            raise RelayFailed("rtpengine does not answer.", tap=tap)
        await self._rewire(out, incoming)
        if flow is not None:
            await self._begin(out, flow, turn)

    async def flow(self, outlet: str, flow: Flow | None) -> None:
        """See ``Relay``.

        A silence that the daemon does not confirm within ``ng.WITHIN`` is told in the log, and nothing is raised: the
        switch is to end the tap, and by then counts it as forced. The whole session is silenced as soon as the daemon
        answers again.

        Raises:
            RelayFailed: a flow did not come about. Then it is silent, or will be in the same way.
        """
        out = self._outs[outlet]
        if flow is not None and flow == out.flow:
            return
        out.turn += 1
        turn, out.flow = out.turn, None
        silent = await self._silence(out)
        if flow is not None:
            if not silent:
                raise RelayFailed("rtpengine does not answer.", outlet=outlet)
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
        await self._read(incoming)
        return TapCounters(_intake(incoming), {
            one.made.id: self._counted(one) for one in self._outs.values() if one.tap is incoming})

    async def close_outlet(self, outlet: str) -> OutletCounters:
        """See ``Relay``."""
        out = self._outs[outlet]
        await self._count(out)
        counted = self._counted(out)
        del self._outs[outlet]
        out.turn += 1
        if out.looking is not None:
            out.looking.cancel()
        if out.tap is not None:
            await self._quietly("unsubscribe", {"call-id": out.tap.call, "to-tag": outlet})
        await self._delete(out.call)
        return counted

    async def close_intake(self, tap: str) -> TapCounters:
        """See ``Relay``."""
        incoming = self._taps[tap]
        await self.fed(tap)
        counted = await self.counters(tap)
        self._taps.pop(tap, None)
        for out in self._outs.values():
            if out.tap is incoming:
                out.tap = out.feed = None
        await self._delete(incoming.call)
        return counted

    async def _begin(self, out: _Out, flow: Flow, turn: int) -> None:
        """Have the server subscribe, once all that has come so far was read and dropped."""
        if flow.codec.name != "PCMU" or flow.codec.word != "0":
            raise RecordingServerAddressUnusable("With rtpengine a recording server has to take PCMU.",
                                                 codec=flow.codec.name)
        host = await resolved(flow.host, flow.port, self._here)
        async with out.draining:
            if out.turn == turn and out.tap is not None:
                await self._drain(out, out.tap)
            async with out.subscribing:
                if out.turn != turn or out.made.id not in self._outs:
                    return  # another call came meanwhile
                out.open = True
                try:
                    await self._subscribe(out, flow, host)
                except RelayFailed:
                    self._insist(out.session)
                    raise
                out.flow = flow
                out.silences[-1] = Silence(out.silences[-1].begin, self._wall())
                out.since = await self._both(out) or out.since
                out.looking = self._start(self._look(out, out.feed, out.since[1]))

    async def _subscribe(self, out: _Out, flow: Flow, host: str) -> None:
        ours, theirs = flow.key or (None, None)
        if ours is not None:
            # The daemon offers a subscriber the keys that the publisher has: so it comes to send with ours.
            await self._publish(out.call, _KEY, ng.sdp(self._here, _DISCARD, sends=True, key=ours))
            await self._client.do("subscribe request", ng.subscription(out.call, _KEY, _SERVER, ng.profile(ours)))
        said = await self._client.do("subscribe request", ng.subscription(out.call, _PIPE, _SERVER, ng.profile(ours)))
        if self._place(said).port != out.made.rtp_port:
            raise RelayFailed("rtpengine has moved a stream to another port.", port=out.made.rtp_port)
        await self._client.do("subscribe answer", {
            "call-id": out.call, "to-tag": _SERVER,
            "sdp": ng.sdp(host, flow.port, sends=False, rtcp_port=flow.rtcp_port, key=theirs)})

    async def _silence(self, out: _Out) -> bool:
        """Nothing goes out any more when this returns True: the daemon answers once no packet is under way. False when
        it does not answer in time."""
        out.flow = None
        if out.insisting:
            return False
        async with out.subscribing:
            if not out.open:
                return True
            try:
                # A refusal says that nothing is there that could send.
                await self._client.ask("unsubscribe", {"call-id": out.call, "to-tag": _SERVER})
            except RelayFailed as fault:
                log.error("rtpengine has not confirmed a silence; it is asked again", session=out.session,
                          fault=fault.id, remedy=fault.remedy)
                self._insist(out.session)
                return False
            await self._count(out)
            self._silent(out)
            return True

    def _silent(self, out: _Out) -> None:
        out.open = False
        if out.silences[-1].end is not None:
            out.silences.append(Silence(self._wall(), None))
        if out.looking is not None:
            out.looking.cancel()

    def _insist(self, session: str) -> None:
        """One stream of a session was not silenced: all of them are, as soon as that can be."""
        for out in [one for one in self._outs.values() if one.session == session and one.open and not one.insisting]:
            out.insisting = True
            out.turn += 1
            out.flow = None
            self._start(self._until_silent(out))

    async def _until_silent(self, out: _Out) -> None:
        """Twice, so that no request that the daemon still had before it is carried out after the last one."""
        confirmed = 0
        while confirmed < 2 and out.made.id in self._outs:
            async with out.subscribing:
                try:
                    await self._client.ask("unsubscribe", {"call-id": out.call, "to-tag": _SERVER})
                    confirmed += 1
                except RelayFailed:
                    confirmed = 0
            await asyncio.sleep(_INSISTS)
        self._silent(out)
        out.insisting = False

    async def _rewire(self, out: _Out, incoming: _Tap) -> None:
        before, out.tap, out.feed = out.tap, None, None
        if before is not None:
            await self._quietly("unsubscribe", {"call-id": before.call, "to-tag": out.made.id})
        await self._client.do("subscribe request", ng.subscription(incoming.call, _TAP, out.made.id))
        await self._client.do("subscribe answer", {
            "call-id": incoming.call, "to-tag": out.made.id, "sdp": ng.sdp(out.pipe.host, out.pipe.port, sends=False)})
        out.tap, out.feed = incoming, _Feed(out.session)
        incoming.feeds.append(out.feed)

    async def _drain(self, out: _Out, tap: _Tap) -> None:
        """A packet of ours goes the whole way, from the tap through the pipe and back here: what was before it in
        either socket has been read by then."""
        try:
            await self._client.do("subscribe request", ng.subscription(out.call, _PIPE, _ECHO))
            await self._client.do("subscribe answer", {
                "call-id": out.call, "to-tag": _ECHO, "sdp": ng.sdp(self._here, self._echo.port, sends=False)})
            await self._echo.back(tap.address, lambda: _probed(out, tap))
        finally:
            await self._quietly("unsubscribe", {"call-id": out.call, "to-tag": _ECHO})

    async def _look(self, out: _Out, feed: _Feed | None, before: int) -> None:
        """Notice when the first packet goes out."""
        while feed is not None and feed.first is None:
            seen = await self._stats(out.call, _PIPE)
            if seen is not None and seen[0] - out.probes > before:
                feed.first = self._wall()
                return
            await asyncio.sleep(_LOOKS)

    async def _count(self, out: _Out) -> None:
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

    async def _both(self, out: _Out) -> tuple[int, int] | None:
        """Packets of the tap and of the pipe so far, without probes."""
        if out.tap is None:
            return None
        pipe, tap = await self._stats(out.call, _PIPE), await self._stats(out.tap.call, _TAP)
        return None if pipe is None or tap is None else (tap[0] - out.tap.probes, pipe[0] - out.probes)

    def _counted(self, out: _Out) -> OutletCounters:
        return OutletCounters(sent=out.sent, octets=0, unsent=0, refused=0, strange=0, first=None, last=None,
                              silences=tuple(out.silences), heard=None, report=None)

    async def _read(self, tap: _Tap) -> None:
        if (now := await self._stats(tap.call, _TAP)) is not None:
            tap.packets, tap.octets = now[0] - tap.probes, now[1] - tap.probes * OCTETS

    async def _stats(self, call: str, tag: str) -> tuple[int, int] | None:
        """Packets, and bytes with their headers; None when the daemon does not say."""
        try:
            said = await self._client.ask("query", {"call-id": call, "from-tag": tag})
        except RelayFailed:
            return None
        stats = ng.streams(said).get(tag, {})
        packets, octets = stats.get("packets"), stats.get("bytes")
        return (packets, octets) if isinstance(packets, int) and isinstance(octets, int) else None

    async def _publish(self, call: str, tag: str, sdp: str | None = None) -> Address:
        said = await self._client.do("publish", {
            "call-id": call, "from-tag": tag, "sdp": sdp or ng.sdp(self._here, _DISCARD, sends=True), "ICE": "remove"})
        return self._place(said)

    def _place(self, said: Mapping[str, object]) -> Address:
        found = ng.address(said)  # type: ignore[arg-type]
        if found is None:
            raise RelayFailed("rtpengine names no port.")
        return Address(*found)

    async def _delete(self, call: str) -> None:
        """End a call there; where nothing answers, again later: what it carries has to end."""
        try:
            await self._client.ask("delete", {"call-id": call, "delete-delay": 0})
        except RelayFailed:
            self._start(self._until_deleted(call))

    async def _until_deleted(self, call: str) -> None:
        for _ in range(_DELETED_WITHIN):
            await asyncio.sleep(_INSISTS)
            try:
                await self._client.ask("delete", {"call-id": call, "delete-delay": 0})
            except RelayFailed:
                continue
            return
        log.error("rtpengine has not been told that a call is over", call=call)

    async def _quietly(self, command: str, fields: Mapping[str, object]) -> None:
        """What need not succeed: the daemon forgets a call by itself that nobody sends to."""
        try:
            await self._client.ask(command, fields)
        except RelayFailed as fault:
            log.warning("rtpengine has not been told", command=command, why=fault.message)

    def _call(self) -> str:
        return f"phonograph-{self._name}-{next(self._numbers)}"

    def _start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _probed(out: _Out, tap: _Tap) -> None:
    out.probes += 1
    tap.probes += 1


def _intake(tap: _Tap) -> Intake:
    return Intake(received=tap.packets, octets=max(0, tap.octets - tap.packets * _HEAD), lost=0, late=0, duplicates=0,
                  stale=0, foreign=0, invalid=0, other=0, restarts=0, first=None, last=None)
