"""A recording client on the loopback, and what it tells."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

from siprec_app.client import RecordingClient
from siprec_app.endpoint import Endpoint
from siprec_app.protocol.effects import Over
from siprec_app.protocol.metadata import Metadata
from siprec_app.protocol.negotiation import Agreement, Stream
from siprec_app.protocol.session import Manner
from siprec_app.server import Server
from tests.siprec_app.documents import COMPLETE
from tests.siprec_app.talk import BOTH, PAUSED

__all__ = ["Recording", "endpoint", "patient", "recording"]

HOST = "127.0.0.2"


def patient(**more: object) -> Manner:
    """A manner that no busy machine can exhaust."""
    return Manner(**{"within": 30.0, **more})  # type: ignore[arg-type]


@asynccontextmanager
async def endpoint(host: str = HOST) -> AsyncIterator[Endpoint]:
    opened = Endpoint(host, 0, token=lambda: secrets.token_hex(10), clock=time.monotonic)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


class Recording:
    """One session, and what was told of it."""

    def __init__(self, server: Server, carrier: Endpoint, manner: Manner | None = None) -> None:
        self.carrier = carrier
        self.flows: list[list[str]] = []
        self.overs: list[Over] = []
        self.silent = asyncio.Event()
        self.silent.set()
        self._changed = asyncio.Event()
        self.client = RecordingClient(
            server, manner or patient(), carrier, host=HOST, ids=lambda: secrets.randbits(62), random=Random(1),
            clock=time.monotonic, on_flow=self.flow, on_over=self.over)

    async def flow(self, agreement: Agreement) -> None:
        self.flows.append([flow.label for flow in agreement.flows])
        self._changed.set()
        await self.silent.wait()

    def over(self, over: Over) -> None:
        self.overs.append(over)
        self._changed.set()

    def want(self, streams: tuple[Stream, ...] = BOTH, complete: Metadata = COMPLETE,
             change: Metadata | None = None) -> None:
        self.client.want(streams, complete, change)

    def pause(self) -> None:
        self.want(PAUSED)

    @property
    def flowing(self) -> list[str]:
        return self.flows[-1] if self.flows else []

    async def until(self, true: Callable[[], object], poll: float | None = None) -> None:
        """Wait until it is so: at each change it is looked at, and each ``poll`` seconds for what nobody tells."""
        async with asyncio.timeout(50):
            while not true():
                self._changed.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), poll)

    async def records(self) -> None:
        """Begin, until both streams flow."""
        self.want()
        await self.until(lambda: self.flowing == ["1", "2"] or self.overs)
        assert self.flowing == ["1", "2"], self.overs

    async def stops(self) -> None:
        self.client.stop()
        await self.client.closed()

    async def is_over(self) -> Over:
        await self.until(lambda: self.overs)
        assert len(self.overs) == 1
        return self.overs[0]


@asynccontextmanager
async def recording(server: Server, manner: Manner | None = None, host: str = HOST) -> AsyncIterator[Recording]:
    """A session with a server, over an endpoint of its own."""
    async with endpoint(host) as carrier:
        yield Recording(server, carrier, manner)
