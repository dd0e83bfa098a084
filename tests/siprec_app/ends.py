"""The two ends of a relay in the tests: a switch that sends a tap, a recording server that receives; and a clock."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from media import rtp
from siprec_app.ports import Ports
from siprec_app.protocol.crypto import Crypto
from siprec_app.protocol.negotiation import Flow
from siprec_app.protocol.sdp import PCMU, Format
from siprec_app.relay import Intake, OutletCounters
from siprec_app.rtp_relay import RtpRelay

SWITCH, INTAKES, OUTLETS, SERVER = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"
TICK = 0.02


@dataclass
class Clock:
    """Both clocks of a relay, moved by the test."""

    now: float = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_800_000_000 + self.now


class Hasty(random.Random):
    """Draws that are the same in every run; reports are due at once."""

    def uniform(self, a: float, b: float) -> float:
        return 0.002


def bound(host: str, port: int = 0) -> socket.socket:
    """A UDP socket on a port; 0: on a free one."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


@dataclass
class Switch:
    """Sends a tap's RTP: packet ``n`` has a noise of its own, in 160 samples."""

    to: tuple[str, int]
    clock: Clock
    seed: int = 1
    ssrc: int = 0x5117C4
    sequence: int = 65_530
    timestamp: int = 0xFFFFF000
    kind: int = 0
    socket: socket.socket = field(default_factory=lambda: bound(SWITCH))

    def noise(self, number: int) -> bytes:
        return random.Random(self.seed * 1_000_000 + number).randbytes(160)

    def packet(self, number: int, *, kind: int | None = None, marker: bool = False) -> bytes:
        return rtp.build(self.kind if kind is None else kind, marker, (self.sequence + number) & 0xFFFF,
                         (self.timestamp + number * 160) & 0xFFFFFFFF, self.ssrc, self.noise(number))

    def send(self, *numbers: int, kind: int | None = None) -> None:
        """Packets, without time passing in between; on the loopback they are there when this returns."""
        for number in numbers:
            self.socket.sendto(self.packet(number, kind=kind), self.to)

    def close(self) -> None:
        self.socket.close()


class Server:
    """Receives a stream. What the relay has sent is there at once."""

    def __init__(self) -> None:
        self.rtp, self.rtcp = bound(SERVER), bound(SERVER)

    def flow(self, *, codec: Format = PCMU, key: tuple[Crypto, Crypto] | None = None, mux: bool = False) -> Flow:
        port, rtcp_port = (one.getsockname()[1] for one in (self.rtp, self.rtp if mux else self.rtcp))
        return Flow("1", SERVER, port, rtcp_port, codec, key=key)

    def datagrams(self) -> list[bytes]:
        """All that came to the port of RTP since it was asked last."""
        found = []
        with suppress(BlockingIOError):
            while True:
                found.append(self.rtp.recv(2048))
        return found

    def packets(self) -> list[rtp.Packet]:
        """The same, as RTP; empty datagrams left out."""
        read = [rtp.parse(data) for data in self.datagrams() if data]
        assert None not in read
        return [packet for packet in read if packet is not None]

    async def report(self) -> tuple[bytes, tuple[str, int]]:
        """The next datagram that comes to the port of RTCP, and its sender."""
        async with asyncio.timeout(20):
            found: tuple[bytes, tuple[str, int]] = await asyncio.get_running_loop().sock_recvfrom(self.rtcp, 2048)
            return found

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class Scene:
    """A relay with all that is around it, closed at the end: ``async with Scene() as scene``.

    Args:
        draw: what the relay draws; the same in every run. Its reports are due as seldom as in real life, unless this
            is ``Hasty``.
        ports: the range of both sides.
    """

    def __init__(self, draw: random.Random | None = None, *, ports: tuple[int, int] = (20_000, 29_999)) -> None:
        self.clock = Clock()
        self._draw, self._ports = draw or random.Random(1), ports
        self._end = ExitStack()

    async def __aenter__(self) -> Self:
        begin = random.getrandbits(16)
        self.relay = RtpRelay(Ports(INTAKES, *self._ports, begin), Ports(OUTLETS, *self._ports, begin),
                              draw=self._draw, monotonic=self.clock.monotonic, wall=self.clock.wall)
        self._end.callback(self.relay.close)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._end.close()

    async def tap(self, name: str = "in", *, source: str | None = None, seed: int = 1, kind: int = 0) -> Switch:
        """Open an intake. Returns who sends to it."""
        address = await self.relay.open_intake(name, source=source)
        return self.sender((address.host, address.port), seed=seed, kind=kind)

    def sender(self, to: tuple[str, int], *, seed: int = 1, kind: int = 0, ssrc: int = 0x5117C4,
               sequence: int = 65_530, timestamp: int = 0xFFFFF000) -> Switch:
        """Another one that sends there."""
        made = Switch(to, self.clock, seed, ssrc, sequence, timestamp, kind)
        self._end.callback(made.close)
        return made

    async def outlet(self, tap: str = "in", session: str = "session") -> str:
        """Open an outlet; its id."""
        return (await self.relay.open_outlet(tap, session)).id

    def server(self) -> Server:
        """A recording server."""
        made = Server()
        self._end.callback(made.close)
        return made

    async def talk(self, switch: Switch, *numbers: int, tap: str = "in") -> None:
        """Packets, 20 ms apart, each read by the relay before the next one is sent."""
        for number in numbers:
            before = (await self.relay.counters(tap)).intake
            switch.send(number)
            await self.taken(_seen(before) + 1, tap=tap)
            self.clock.now += TICK

    async def taken(self, packets: int, *, tap: str = "in") -> None:
        """Until the relay has read so many packets of audio."""
        await self.when(lambda one: _seen(one) >= packets, tap=tap)

    async def when(self, true: Callable[[Intake], bool], *, tap: str = "in") -> None:
        """Until the intake's counters are as they should be; each round lets the event loop read."""
        async with asyncio.timeout(20):
            while not true((await self.relay.counters(tap)).intake):  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0)

    async def counted(self, outlet: str, tap: str = "in") -> OutletCounters:
        """What an outlet has counted."""
        return (await self.relay.counters(tap)).outlets[outlet]


def _seen(one: Intake) -> int:
    return one.received + one.stale + one.duplicates
