"""The load's voice: one socket that speaks to every leg."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest

from bench.load import GROUPS, Mouth


class Ear(asyncio.DatagramProtocol):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self._heard = asyncio.Event()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.packets.append(data)
        self._heard.set()

    async def hears(self, more: int) -> None:
        """Until so many packets more have come."""
        wanted = len(self.packets) + more
        async with asyncio.timeout(20):
            while len(self.packets) < wanted:
                self._heard.clear()
                await self._heard.wait()


class Ears:
    """Ears at a mouth, one a leg; they are closed at the end."""

    def __init__(self, mouth: Mouth) -> None:
        self._mouth = mouth
        self._transports: list[asyncio.DatagramTransport] = []

    async def add(self, leg: str) -> Ear:
        """One more leg that is spoken to."""
        transport, ear = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
        self._transports.append(transport)
        self._mouth.add(leg, transport.get_extra_info("sockname"))
        return ear

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


@pytest.fixture
async def mouth() -> AsyncIterator[Mouth]:
    speaking = Mouth()
    yield speaking
    speaking.close()


@pytest.fixture
async def ears(mouth: Mouth) -> AsyncIterator[Ears]:
    listening = Ears(mouth)
    yield listening
    listening.close()


async def test_every_leg_hears_packets_of_20_ms_in_their_order(ears: Ears) -> None:
    for ear in [await ears.add(f"leg {number}") for number in range(GROUPS + 1)]:
        await ear.hears(5)
        heads = [struct.unpack_from("!BBHI", packet) for packet in ear.packets[:5]]
        assert {len(packet) for packet in ear.packets} == {12 + 160}
        assert [(head[2] - heads[0][2], head[3] - heads[0][3]) for head in heads] == [(n, 160 * n) for n in range(5)]


async def test_who_has_hung_up_hears_no_more(mouth: Mouth, ears: Ears) -> None:
    gone, stays = await ears.add("gone"), await ears.add("stays")
    await gone.hears(1)
    mouth.remove("gone")
    # What was on its way has arrived before what is sent later.
    await stays.hears(2)
    heard = len(gone.packets)
    await stays.hears(5)
    assert len(gone.packets) == heard
