"""A call, taps of it that are told to be sent somewhere, and who receives their audio in place of the relay."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from types import TracebackType
from typing import NamedTuple, Self, TypeVar, cast

from esl_app.answerer import Answerer
from esl_app.switch import EslSwitch
from esl_app.wire import Address
from link.lease import Holder
from recorder.effects import Attach, Detach
from recorder.events import SwitchUp, TapDown, TapFailed, TapUp
from recorder.model import Direction, Sink, Source
from recorder.ports import RtpAddress
from tests.esl_app.test_switch import Story
from tests.freeswitch import FreeSwitchServer
from tests.freeswitch_live.channels import legs, until
from tests.phone import Call, Phones
from tests.sounds import PACKET, Samples, Sound, decode, noise, one_zero
from tests.whereabouts import connected

__all__ = ["BOB", "BOTH", "TRUNK", "Driven", "Packet", "Receiver", "Receivers", "Tap", "called", "driven",
           "nothing_else", "trunks_leg"]

BOTH = (Direction.IN, Direction.OUT)
TRUNK, BOB = noise(31), noise(32)

Driven = tuple[EslSwitch, Story]

Kind = TypeVar("Kind", TapUp, TapDown, TapFailed)

_HEADER = struct.Struct("!BBHII")
_SEGMENT = "62845b84-d9ed-5784-808f-185821b7f8c1"
_CODECS = {0: "PCMU", 8: "PCMA"}


class Packet(NamedTuple):
    """An RTP packet that came: when (time.time), and what it says."""

    at: float
    kind: int
    sequence: int
    timestamp: int
    source: int
    payload: bytes


class Receiver(asyncio.DatagramProtocol):
    """One port, and all that came to it."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.address = RtpAddress("127.0.0.1", 0)
        self._transport: asyncio.DatagramTransport | None = None
        self._came = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.address = RtpAddress(*transport.get_extra_info("sockname"))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, kind, sequence, timestamp, source = _HEADER.unpack_from(data)
        assert first == 0x80
        self.packets.append(Packet(time.time(), kind & 0x7F, sequence, timestamp, source, data[_HEADER.size:]))
        self._came.set()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def more(self, seconds: float) -> None:
        """Until so much audio more has come.

        Raises:
            TimeoutError: it has not, in 15 s more than that.
        """
        wanted = len(self.packets) + round(seconds * 50)
        async with asyncio.timeout(15 + seconds):
            while len(self.packets) < wanted:
                self._came.clear()
                await self._came.wait()

    def since(self, moment: float) -> list[Packet]:
        """What came after that moment (time.time)."""
        return [packet for packet in self.packets if packet.at > moment]

    def samples(self) -> Samples:
        """What came, one packet after the other."""
        (kind,) = {packet.kind for packet in self.packets}
        return decode(b"".join(packet.payload for packet in self.packets), _CODECS[kind])

    def of(self, sound: Sound, codec: str = "PCMU") -> list[Packet]:
        """The packets that are that sound's own, sample by sample."""
        own = {one_zero(payload) for payload in sound.packets(codec)}
        return [packet for packet in self.packets if one_zero(packet.payload) in own]

    def breaks(self) -> list[tuple[int, int]]:
        """Where the sequence number does not go on by one, or the timestamp not by one packet or some more: the steps
        of both. Where the machine was late a packet is farther from the one before."""
        steps = [((later.sequence - packet.sequence) & 0xFFFF, (later.timestamp - packet.timestamp) & 0xFFFFFFFF)
                 for packet, later in pairwise(self.packets)]
        return [step for step in steps if step[0] != 1 or step[1] % PACKET or not 0 < step[1] < 1000 * PACKET]


class Receivers:
    """One port a direction."""

    def __init__(self, directions: tuple[Direction, ...] = BOTH) -> None:
        self.by = {direction: Receiver() for direction in directions}

    async def __aenter__(self) -> Self:
        for one in self.by.values():
            await asyncio.get_running_loop().create_datagram_endpoint(
                lambda one=one: one, local_addr=("127.0.0.1", 0))  # type: ignore[misc]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        for one in self.by.values():
            one.close()

    @property
    def said(self) -> Receiver:
        """What the switch reads from the tapped leg's phone."""
        return self.by[Direction.IN]

    @property
    def told(self) -> Receiver:
        """What it writes to that phone."""
        return self.by[Direction.OUT]

    @property
    def addresses(self) -> Mapping[Direction, RtpAddress]:
        """For an attach."""
        return {direction: one.address for direction, one in self.by.items()}

    async def more(self, seconds: float) -> None:
        """Until so much audio more has come of each direction."""
        await asyncio.gather(*(one.more(seconds) for one in self.by.values()))


class Tap:
    """A tap of a leg, begun and ended as the driver does it."""

    def __init__(self, switch: EslSwitch, story: Story, leg: str, number: int = 0, sink: Sink = Sink.SERVER,
                 directions: tuple[Direction, ...] = BOTH) -> None:
        self.segment = f"{_SEGMENT}.{number}"
        self.source = Source(leg=leg, directions=directions, sink=sink)
        self._switch = switch
        self._story = story

    async def attach(self, to: Receivers) -> None:
        """Ask for it."""
        await self._switch.attach(Attach(call=self.segment, segment=self.segment, source=self.source), to.addresses)

    async def begin(self, to: Receivers) -> TapUp:
        """Ask for it, and wait for FreeSWITCH's word."""
        await self.attach(to)
        return await self.says(TapUp)

    async def end(self) -> TapDown:
        """Ask for its end, and wait for FreeSWITCH's word."""
        await self._switch.detach(Detach(call=self.segment, segment=self.segment, source=self.source))
        return await self.says(TapDown)

    async def says(self, kind: type[Kind]) -> Kind:
        """The first event of a kind about it."""
        async with asyncio.timeout(20):
            while True:
                said = [event for event in self._story.all(kind) if event.segment == self.segment]
                if said:
                    return said[0]
                await self._story.next(kind, len(self._story.all(kind)) + 1)


@asynccontextmanager
async def driven(server: FreeSwitchServer, life: str = "1", *, port: int | None = None,
                 answerer: Answerer | None = None) -> AsyncIterator[tuple[EslSwitch, Story]]:
    """The switch as the driver has it, in a life of the service."""
    address = Address(host="127.0.0.1", port=port or server.esl_port, password=server.esl_password)
    switch = EslSwitch("main", address, Holder("tests", life), spool=str(server.recordings),
                       operations_per_second=1000.0, answerer=answerer)
    story = Story(switch)
    listening = asyncio.create_task(story.listen())
    try:
        async with asyncio.timeout(20):
            await story.next(SwitchUp)
        yield switch, story
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def called(phones: Phones, codec: str = "PCMU") -> tuple[Call, Call]:
    """The trunk and bob, who talk."""
    trunk, bob = await phones.trunk(TRUNK), await phones.user("bob", BOB)
    trunk.codecs = bob.codecs = (codec,)
    return await connected(trunk, bob, "102")


async def trunks_leg(server: FreeSwitchServer) -> str:
    """The older one of the call's two channels."""
    return (await legs(server, 2))[0]


async def nothing_else(server: FreeSwitchServer, count: int = 2) -> None:
    """Only the call's own channels are there."""
    await until(lambda: f"{count} total." in server.cli("show channels count"))
