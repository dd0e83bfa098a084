"""What a real Asterisk sends of a tap goes through the relay octet by octet, and nothing of a pause does."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from media import rtp
from siprec_app.ports import Ports
from siprec_app.rtp_relay import RtpRelay
from tests.asterisk import AsteriskServer
from tests.siprec_app.ends import INTAKES, OUTLETS, Server

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(120)]

MODULES = ("res_rtp_multicast.so", "chan_rtp.so", "app_playback.so")
SECOND = 8000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AsteriskServer]:
    """One of its own, since modules are loaded into it that the others' has not."""
    with AsteriskServer(tmp_path) as made:
        for module in MODULES:
            made.cli(f"module load {module}")
        yield made


@pytest_asyncio.fixture
async def relay() -> AsyncIterator[RtpRelay]:
    begin = random.getrandbits(16)
    made = RtpRelay(Ports(INTAKES, 20_000, 29_999, begin), Ports(OUTLETS, 20_000, 29_999, begin),
                    draw=random.SystemRandom(), monotonic=time.monotonic, wall=time.time)
    yield made
    made.close()


async def hear(server: Server, packets: int) -> bytes:
    """So many packets' audio, in the order in which it came."""
    heard = b""
    for _ in range(packets):
        packet = rtp.parse(await asyncio.get_running_loop().sock_recv(server.rtp, 2048))
        assert packet is not None
        heard += packet.payload
    return heard


async def test_asterisk_is_heard_until_a_pause_and_after_it(server: AsteriskServer, relay: RtpRelay) -> None:
    said = random.Random(5).randbytes(60 * SECOND)
    (server.sounds / "relayed.ulaw").write_bytes(said)
    recorder = Server()
    try:
        address = await relay.open_intake("in", source="127.0.0.1")
        outlet = await relay.open_outlet("in", "session")
        await relay.flow(outlet.id, recorder.flow())
        channel = f"UnicastRTP/{address.host}:{address.port}/c(ulaw)"
        await asyncio.to_thread(server.cli, f"channel originate {channel} application Playback relayed")
        before = await hear(recorder, 50)
        await relay.flow(outlet.id, None)
        before += b"".join(packet.payload for packet in recorder.packets())
        passed = (await relay.counters("in")).intake.received + 50
        while (await relay.counters("in")).intake.received < passed:  # noqa: ASYNC110 - a counter has no event
            await asyncio.sleep(0.02)
        assert recorder.packets() == []
        await relay.flow(outlet.id, recorder.flow())
        after = await hear(recorder, 50)
        intake = (await relay.close_intake("in")).intake
    finally:
        recorder.close()
    assert said.startswith(before)
    assert said.find(after) >= len(before) + 50 * 160
    assert (intake.lost, intake.foreign, intake.restarts) == (0, 0, 0)
