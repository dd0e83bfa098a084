"""A call that the engine drives into a sink, with a relay and servers that do nothing but note what they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

from faults import RecordingServerAddressUnusable, RelayFailed
from policy.types import RecordingTarget
from recorder.effects import Attach, Detach, Effect, Reply
from recorder.events import SessionIs, Silenced, Verb
from recorder.model import Session, Sink
from recorder.states import SessionState
from recorder.world import Limits
from siprec_app.order import Named, Order
from siprec_app.protocol.effects import Over
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement, Flow, Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.protocol.sdp import PCMU
from siprec_app.protocol.session import Manner
from siprec_app.relay import G711, Address, Fed, Intake, Outlet, OutletCounters, TapCounters
from siprec_app.server import Server
from siprec_app.server_session import Connecting
from siprec_app.sink import ServerSink
from tests.recorder.story import Story, says


@dataclass
class NotedRelay:
    """Notes what it is asked for. ``sends``: for each outlet the tap that it sends now. ``prompt``: set unless it takes
    its time for a silence. ``deaf``: it confirms no silence."""

    notes: list[tuple[str, ...]]
    intakes: set[str] = field(default_factory=set)
    sends: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, str] = field(default_factory=dict)
    outlets: int = 0
    unusable: bool = False
    deaf: bool = False
    prompt: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.prompt.set()

    @property
    def takes(self) -> tuple[str, ...]:
        return ("PCMU",)

    async def open_intake(self, tap: str, codecs: Mapping[int, str] = G711, source: str | None = None, *,
                          owed: bool = False) -> Address:
        self.intakes.add(tap)
        return Address("127.0.0.1", 20_000 + len(self.notes))

    async def open_outlet(self, tap: str | None, session: str) -> Outlet:
        assert tap is None
        self.outlets += 1
        return Outlet(f"{session}/{self.outlets}", 30_000 + 2 * self.outlets, 30_001 + 2 * self.outlets)

    async def feed(self, outlet: str, tap: str) -> None:
        assert tap in self.intakes
        self.feeds[outlet] = tap
        if outlet in self.sends:
            self.sends[outlet] = tap

    async def flow(self, outlet: str, flow: Flow | None) -> None:
        if flow is None:
            await self.prompt.wait()
            if self.deaf:
                raise RelayFailed("rtpengine does not answer.")
            self.notes.append(("silent", outlet))
            self.sends.pop(outlet, None)
        elif self.unusable:
            raise RecordingServerAddressUnusable("There is no way to the address of a recording server.")
        else:
            self.notes.append(("sends", outlet, self.feeds[outlet]))
            self.sends[outlet] = self.feeds[outlet]

    async def fed(self, tap: str) -> tuple[Fed, ...]:
        assert tap in self.intakes
        return (Fed(session="1@us", first=1.0, last=2.0, received=50, sent=50, lost=0, unheard=None),)

    async def counters(self, tap: str) -> TapCounters:
        return TapCounters(Intake(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, None), {})

    async def close_outlet(self, outlet: str) -> OutletCounters:
        while self.deaf and outlet in self.sends:  # noqa: ASYNC110 - a test changes it
            await asyncio.sleep(0)
        self.sends.pop(outlet, None)
        return OutletCounters(0, 0, 0, 0, 0, None, None, (), None, None)

    async def close_intake(self, tap: str) -> TapCounters:
        assert tap not in self.sends.values()
        self.intakes.discard(tap)
        return await self.counters(tap)


@dataclass
class NotedClient:
    """A session on the wire: a test says what the server answers."""

    server: str
    call_id: str
    notes: list[tuple[str, ...]]
    flows: Callable[[Agreement], Awaitable[None]]
    over: Callable[[Over], None]
    streams: tuple[Stream, ...] = ()
    told: list[tuple[Metadata, Metadata | None]] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def want(self, streams: tuple[Stream, ...], complete: Metadata, change: Metadata | None = None) -> None:
        if streams != self.streams:
            self.notes.append(("offers", self.server, *(f"{one.label}{'-' if one.paused else '+'}" for one in streams)))
        self.streams = streams
        self.told.append((complete, change))

    def stop(self) -> None:
        self.notes.append(("ends", self.server))
        self.ended.set()

    async def closed(self) -> None:
        await self.ended.wait()

    async def accepts(self, *labels: str) -> None:
        """The server takes these streams."""
        flows = tuple(Flow(label, "10.0.0.9", 40_000, 40_001, PCMU) for label in labels)
        rest = frozenset({one.label for one in self.streams} - set(labels))
        await self.flows(Agreement(flows, waiting=rest))
        await settled()

    async def fails(self, verdict: Verdict = Verdict.NEXT, rest: float = 0.0) -> None:
        """The session is of no use any more."""
        await self.flows(Agreement())
        self.over(Over(verdict, rest))
        self.ended.set()
        await settled()


class Carried:
    """One call whose audio goes to servers named ``a`` and ``b``."""

    def __init__(self, *, target: RecordingTarget = RecordingTarget.SIPREC, servers: str = "ab",
                 mixed: bool = False) -> None:
        self.story = Story(replace(says(True), target=target),
                           limits=Limits(servers=tuple(servers), mixed_for_servers=mixed))
        self.notes: list[tuple[str, ...]] = []
        self.relay = NotedRelay(self.notes)
        self.clients: list[NotedClient] = []
        self.sessions: list[Session] = []
        self.replies: list[Reply] = []
        self._begun: list[asyncio.Future[object]] = []
        named = [Named(one, Server(f"sip:{one}@10.0.0.9"), Manner(), srtp=False) for one in servers]
        self.order = Order(named, 30.0, lambda: self.story.clock)
        connecting = Connecting(self.relay, self._connect, tuple, "10.0.0.2", lambda: self.story.at)
        self.sink = ServerSink("main", self.order, connecting, owed=True, tell=self._told)

    def _connect(self, server: Named, flows: Callable[[Agreement], Awaitable[None]],
                 over: Callable[[Over], None]) -> NotedClient:
        self.clients.append(NotedClient(server.name, f"{len(self.clients) + 1}@us", self.notes, flows, over))
        return self.clients[-1]

    def _told(self, event: SessionIs | Silenced) -> None:
        if isinstance(event, SessionIs):
            self.sessions.append(event.session)
        self._effects(self.story.receive(event))

    async def call(self) -> str:
        """A call from its first ring to a running tap; gives the segment."""
        self.story.connect()
        for effects in (self.story.rings("alice"), self.story.rings("bob", "alice"), self.story.answers("bob"),
                        self.story.answers("alice")):
            self._effects(effects)
        await settled()
        for segment in self.story.taps:
            self.story.tap_up(segment)
        segment = next((one for one, tap in self.story.taps.items() if tap.source.sink is Sink.SERVER), "")
        await self.follow()
        return segment

    async def follow(self, effects: list[Effect] | None = None) -> None:
        """What the driver does after an event: the sink learns of the call, then the effects are performed."""
        self._effects(effects or [])
        await settled()

    async def asks(self, verb: Verb, server: str = "") -> None:
        await self.follow(self.story.asks(verb, "alice", server=server))

    def _effects(self, effects: list[Effect]) -> None:
        self.replies += [effect for effect in effects if isinstance(effect, Reply)]
        self.sink.follow(self.story.engine.calls())
        for effect in effects:
            if isinstance(effect, Attach) and effect.source.sink is Sink.SERVER:
                self._begun.append(asyncio.ensure_future(self.sink.open(effect)))
            elif isinstance(effect, Detach) and effect.source.sink is Sink.SERVER:
                self._begun.append(asyncio.ensure_future(self.sink.silence(effect.segment)))

    @property
    def states(self) -> list[tuple[str, SessionState, str]]:
        """What the engine was told of sessions: server, state, cause."""
        return [(one.server, one.state, one.cause) for one in self.sessions]


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(30):
        await asyncio.sleep(0)
