"""One session with one recording server: its streams, where each comes from, and what the engine is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from faults import RecordingServerFault
from recorder.model import Call, Recording, Session
from recorder.states import SessionState
from siprec_app import describe
from siprec_app.order import Named
from siprec_app.protocol.crypto import Crypto
from siprec_app.protocol.effects import Over
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement, Flow, Stream
from siprec_app.protocol.responses import Verdict
from siprec_app.relay import Outlet, Relay

__all__ = ["Client", "Connect", "Connecting", "ServerSession"]

log = structlog.get_logger("siprec")

_ENDED: Mapping[Verdict, str] = {
    Verdict.DONE: "",
    Verdict.UNFIT: "it is no recording server",
    Verdict.REDIRECT: "it names another address",
}


class Client(Protocol):
    """A session on the wire, as ``siprec_app.client.RecordingClient`` is one."""

    @property
    def call_id(self) -> str:
        """Its Call-ID."""

    def want(self, streams: tuple[Stream, ...], complete: Metadata, change: Metadata | None = None) -> None:
        """What is to be recorded from now on."""

    def stop(self) -> None:
        """It is over."""

    async def closed(self) -> None:
        """Wait until its dialog has ended."""


Connect = Callable[[Named, Callable[[Agreement], Awaitable[None]], Callable[[Over], None]], Client]
"""Makes a session on the wire. The first function is told what flows, and awaited; the second one that it is over."""


@dataclass(frozen=True, slots=True)
class Connecting:
    """What sessions are made with.

    Attributes:
        keys: draws what is offered as the keys of one stream (RFC 4568).
        host: our own address, for parties who have no domain.
        at: seconds since the Unix epoch.
    """

    relay: Relay
    connect: Connect
    keys: Callable[[], tuple[Crypto, ...]]
    host: str
    at: Callable[[], float]


class ServerSession:
    """A session from its first INVITE to its end. Nothing flows until the server has accepted it.

    Args:
        labels: of its streams, in their order.
        tell: takes its value whenever that changes.
        ended: called once, when it is of no use any more, with the seconds for which the server wants to be left alone;
            None where nobody there asked for the end.
        named: somebody wanted this server, by its name.

    Attributes:
        value: what the engine knows of it.
    """

    def __init__(self, server: Named, connecting: Connecting, labels: tuple[str, ...], *,
                 tell: Callable[[Session], None], ended: Callable[[ServerSession, float | None], None],
                 named: bool = False) -> None:
        self.server = server
        self._relay, self._host, self._at = connecting.relay, connecting.host, connecting.at
        self._labels = labels
        self._tell, self._ended = tell, ended
        self._client = connecting.connect(server, self._flows, self._over)
        self._keys = {label: connecting.keys() if server.srtp else () for label in labels}
        self._outlets: dict[str, Outlet] = {}
        self._agreement = Agreement()
        self._feeds: Mapping[str, str] = {}
        self._sending: dict[str, tuple[str, Flow]] = {}
        self._applying = asyncio.Lock()
        self._known: Metadata | None = None
        self._paused = False
        self.value = Session(id=self._client.call_id, server=server.name, state=SessionState.TRYING, asked=self._at(),
                             named=named)

    async def run(self) -> None:
        """Until its dialog has ended. ``want`` has an effect only once the ports are there.

        Raises:
            RecordingServerFault: no port is left; then it has never begun.
        """
        try:
            for label in self._labels:
                self._outlets[label] = await self._relay.open_outlet(None, self._client.call_id)
            if self.value.state is SessionState.OVER:
                return
            self._tell(self.value)
            self._begin()
            await self._client.closed()
        finally:
            for outlet in self._outlets.values():
                await self._relay.close_outlet(outlet.id)

    def want(self, call: Call, recording: Recording) -> None:
        """This is to be recorded, and told, from now on."""
        complete = describe.describe(call, recording, self._host)
        change = describe.change(self._known, complete) if self._known is not None else None
        self._paused, self._known = call.kept_from(self.server.name), complete
        if len(self._outlets) == len(self._labels):
            self._client.want(self._streams(), complete, change)

    async def feed(self, feeds: Mapping[str, str]) -> None:
        """Each stream comes from this tap of the relay, by label; one that is not among them is silent."""
        self._feeds = feeds
        await self._apply()

    async def quiet(self, taps: Set[str] | None = None) -> None:
        """Nothing of these taps, or of any, goes out from before this returns.

        Raises:
            RecordingServerFault: the relay has not said so in time; then the session ends.
        """
        self._feeds = {label: tap for label, tap in self._feeds.items() if taps is not None and tap not in taps}
        failed: RecordingServerFault | None = None
        # Not by _apply, which may be waiting for a name to be resolved.
        for label in [label for label, (tap, _) in self._sending.items() if taps is None or tap in taps]:
            try:
                await self._silence(label)
            except RecordingServerFault as fault:
                failed = fault
        if failed is not None:
            self._break(failed)
            raise failed

    def stop(self, cause: str = "") -> None:
        """It is over. ``cause``: why, where the server does not say so itself."""
        self._end(cause)
        self._client.stop()

    def _begin(self) -> None:
        if self._known is not None:
            self._client.want(self._streams(), self._known)

    def _streams(self) -> tuple[Stream, ...]:
        return tuple(Stream(label, outlet.rtp_port, paused=self._paused, crypto=self._keys[label])
                     for label, outlet in self._outlets.items())

    async def _flows(self, agreement: Agreement) -> None:
        self._agreement = agreement
        await self._apply()
        if self.value.state is SessionState.OVER:
            return
        if {flow.label for flow in agreement.flows} == set(self._outlets):
            up = self.value.up if self.value.up is not None else self._at()
            self._is(replace(self.value, state=SessionState.UP, up=up, cause=""))
        elif not self._paused and (agreement.waiting or agreement.refused):
            cause = "it does not take every stream" if agreement.refused else "it does not want every stream now"
            self._is(replace(self.value, state=SessionState.TRYING, cause=cause))

    def _over(self, end: Over) -> None:
        if self.value.state is SessionState.OVER:
            return
        self._end(_ENDED.get(end.verdict, "the server has ended it" if self.value.up is not None
                             else "the server has not taken it"))
        self._ended(self, None if end.verdict is Verdict.DONE else end.rest)

    def _end(self, cause: str) -> None:
        self._is(replace(self.value, state=SessionState.OVER, ended=self._at(), cause=cause))

    def _is(self, value: Session) -> None:
        if value != self.value and self.value.state is not SessionState.OVER:
            self.value = value
            self._tell(value)

    async def _silence(self, label: str) -> None:
        """It counts as sent until the relay is done: who asks for silence meanwhile has to wait, too."""
        sending = self._sending.get(label)
        await self._relay.flow(self._outlets[label].id, None)
        if self._sending.get(label) is sending:
            self._sending.pop(label, None)

    async def _apply(self) -> None:
        """Have the relay do what follows from the taps and from what the server takes. A server that cannot be sent to
        does not have the recording: the next one is asked."""
        broken: RecordingServerFault | None = None
        async with self._applying:
            flows = {flow.label: flow for flow in self._agreement.flows}
            for label, outlet in self._outlets.items():
                tap, flow = self._feeds.get(label), flows.get(label)
                wanted = (tap, flow) if tap is not None and flow is not None else None
                if self._sending.get(label) == wanted:
                    continue
                try:
                    if wanted is None:
                        await self._silence(label)
                        continue
                    self._sending[label] = wanted
                    await self._relay.feed(outlet.id, wanted[0])
                    if self._feeds.get(label) == wanted[0]:  # else it was silenced meanwhile
                        await self._relay.flow(outlet.id, wanted[1])
                except RecordingServerFault as fault:
                    broken = fault
        if broken is not None:
            self._break(broken)

    def _break(self, fault: RecordingServerFault) -> None:
        """The relay does not do what it should."""
        if self.value.state is not SessionState.OVER:
            log.error("a recording server cannot be sent to", server=self.server.name, fault=fault.id,
                      why=fault.message, remedy=fault.remedy)
            self.stop(fault.message)
            self._ended(self, 0.0)
