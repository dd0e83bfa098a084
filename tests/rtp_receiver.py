"""What a relay is to a switch: ports that take RTP, one for each direction of a tap, and keep it."""

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from recorder.model import Direction
from recorder.ports import RtpAddress
from tests.rtp import Arrival
from tests.sounds import PACKET, RATE, Samples, Sound, decode

__all__ = ["Port", "Ports", "listening"]

_HEADER = struct.Struct("!BBHII")
_PCMU = 0
_MARKED = 0x80
_WINDOW = 16
_HELD_UP = 10 * RATE


class Port(asyncio.DatagramProtocol):
    """A UDP port, and the packets that came to it, in order. Anything but PCMU of 20 ms ends up in `odd`."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.odd: list[bytes] = []
        self.address = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, kind, sequence, timestamp, source = _HEADER.unpack_from(data)
        payload = data[_HEADER.size:]
        if first != 0x80 or kind & ~_MARKED != _PCMU or len(payload) != PACKET:
            self.odd.append(data)
            return
        self.arrivals.append(Arrival(time.time(), sequence, timestamp, source, payload, addr))

    def heard(self) -> Samples:
        """What came, decoded, packet behind packet."""
        return decode(b"".join(one.payload for one in self.arrivals), "PCMU")

    def share(self, sound: Sound, *, first: int = 0) -> float:
        """How much of what came is in that sound, of 1, from a packet on. A party that sends PCMU is passed on bit by
        bit, so that this is exact: of noise, a hundredth of a second is found, and nothing else is taken for it."""
        said = b"".join(sound.packets("PCMU"))
        known = {said[n : n + _WINDOW] for n in range(len(said) - _WINDOW + 1)}
        came = b"".join(one.payload for one in self.arrivals[first:])
        places = range(len(came) - _WINDOW + 1)
        return sum(came[n : n + _WINDOW] in known for n in places) / max(1, len(places))

    @property
    def breaks(self) -> list[tuple[int, int]]:
        """Where a packet is not the next one of the same stream: the steps of its sequence number and its timestamp. A
        switch that was held up may leave out as much of the timestamp, and sends all the audio."""
        pairs = zip(self.arrivals, self.arrivals[1:], strict=False)
        steps = [((later.sequence - one.sequence) & 0xFFFF, (later.timestamp - one.timestamp) & 0xFFFFFFFF)
                 for one, later in pairs if later.source == one.source]
        broken = [step for step in steps if step[0] != 1 or not PACKET <= step[1] < _HELD_UP]
        return broken if len(steps) == len(self.arrivals) - 1 else [(0, 0), *broken]


class Ports(dict[Direction, Port]):
    """The ports of one tap."""

    @property
    def to(self) -> Mapping[Direction, RtpAddress]:
        """Where the switch is to send to."""
        return {direction: RtpAddress(*port.address) for direction, port in self.items()}


@asynccontextmanager
async def listening(address: str = "127.0.0.1",
                    directions: tuple[Direction, ...] = (Direction.IN, Direction.OUT)) -> AsyncIterator[Ports]:
    """Ports of a loopback address, one for each direction."""
    loop = asyncio.get_running_loop()
    made = [(one, await loop.create_datagram_endpoint(Port, local_addr=(address, 0)))
            for one in directions]
    try:
        yield Ports({one: port for one, (_, port) in made})
    finally:
        for _, (transport, _) in made:
            transport.close()
