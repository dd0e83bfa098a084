"""A relay of either kind on the machine's own clock: a switch's taps before it, recording servers behind it."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import AsyncExitStack
from pathlib import Path

from siprec_app.ng_calls import NgCalls
from siprec_app.ng_client import NgClient
from siprec_app.ports import Ports
from siprec_app.relay import Relay
from siprec_app.rtp_relay import RtpRelay
from siprec_app.rtpengine import RtpEngine
from tests.rtpengine import Rtpengine
from tests.siprec_app.ends import INTAKES, OUTLETS, Clock, Server, Switch

HOST = "127.0.0.5"
"""Of the daemon, towards both sides."""


class Line:
    """Made within a running event loop.

    Args:
        host: from where the servers hear it.
        end: closes what it opens.
    """

    def __init__(self, relay: Relay, host: str, end: AsyncExitStack) -> None:
        self.relay, self.host, self._end = relay, host, end

    async def tap(self, name: str = "in", *, seed: int = 1, ssrc: int = 0x5117C4) -> Switch:
        address = await self.relay.open_intake(name)
        return self.sender((address.host, address.port), seed=seed, ssrc=ssrc)

    def sender(self, to: tuple[str, int], *, seed: int = 1, ssrc: int = 0x5117C4) -> Switch:
        made = Switch(to, Clock(), seed, ssrc)
        self._end.callback(made.close)
        return made

    async def outlet(self, tap: str | None = "in", session: str = "session") -> str:
        return (await self.relay.open_outlet(tap, session)).id

    def server(self) -> Server:
        made = Server()
        self._end.callback(made.close)
        return made

    async def read(self, packets: int, tap: str = "in") -> None:
        """Until so many have been read."""
        async with asyncio.timeout(20):
            while (await self.relay.counters(tap)).intake.received < packets:  # noqa: ASYNC110 - it tells by counters
                await asyncio.sleep(0.01)

    async def flowing(self) -> tuple[Switch, Server, str]:
        """A tap, and a server to whose outlet it flows; one packet has arrived, with the noise of number 0."""
        switch, server, outlet = await self.tap(), self.server(), await self.outlet()
        await self.relay.flow(outlet, server.flow())
        switch.send(0)
        await heard(server, switch.noise(0))
        return switch, server, outlet


async def heard(server: Server, payload: bytes) -> list[bytes]:
    """The payloads of plain RTP that come, until this one has."""
    found: list[bytes] = []
    async with asyncio.timeout(20):
        while payload not in found:
            data = await asyncio.get_running_loop().sock_recv(server.rtp, 2048)
            found.append(data[12:])
    return found


class EngineLine(Line):
    """With the daemon that carries it."""

    relay: RtpEngine

    def __init__(self, relay: RtpEngine, daemon: Rtpengine, end: AsyncExitStack) -> None:
        super().__init__(relay, HOST, end)
        self.daemon = daemon


async def service_line(end: AsyncExitStack) -> Line:
    """Of the service's own relay."""
    begin = random.getrandbits(16)
    relay = RtpRelay(Ports(INTAKES, 20_000, 29_999, begin), Ports(OUTLETS, 20_000, 29_999, begin),
                     draw=random.Random(1), monotonic=time.monotonic, wall=time.time)
    end.callback(relay.close)
    return Line(relay, OUTLETS, end)


async def engine_line(end: AsyncExitStack, folder: Path, *, forgets: int | None = None) -> EngineLine:
    """Of a real rtpengine."""
    daemon = await end.enter_async_context(Rtpengine(HOST, folder / "rtpengine.log", forgets=forgets))
    client = await ng(end, daemon)
    here = await client.open()
    relay = RtpEngine(NgCalls(client, here), here, wall=time.time)
    end.push_async_callback(relay.close)
    return EngineLine(relay, daemon, end)


async def ng(end: AsyncExitStack, daemon: Rtpengine) -> NgClient:
    """Speaks with a daemon; not open yet."""
    client = NgClient(daemon.host, daemon.port, cookie=lambda: f"{random.getrandbits(64):x}")
    end.callback(client.close)
    return client
