"""rtpengine as the relay, a real one: what reaches a recording server, and above all what does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from faults import RecordingServerAddressUnusable, RelayFailed
from siprec_app.ng_client import NgClient
from siprec_app.protocol.sdp import PCMA
from siprec_app.relay import Relay
from siprec_app.rtpengine import RtpEngine
from tests.rtpengine import Rtpengine
from tests.siprec_app.ends import Clock, Server, Switch
from tests.siprec_app.test_relay_srtp import pair, read, reader

HOST = "127.0.0.5"
MANY = 120
"""Packets that wait: more than the fifty that the daemon reads in one go."""


class Line:
    """A daemon, the relay that drives it, a switch's tap, and a server."""

    def __init__(self, daemon: Rtpengine, relay: RtpEngine, end: AsyncExitStack) -> None:
        self.daemon, self.relay, self._end = daemon, relay, end

    async def tap(self, name: str = "in", *, seed: int = 1, ssrc: int = 0x5117C4) -> Switch:
        address = await self.relay.open_intake(name)
        made = Switch((address.host, address.port), Clock(), seed, ssrc)
        self._end.callback(made.close)
        return made

    async def outlet(self, tap: str | None = "in", session: str = "session") -> str:
        return (await self.relay.open_outlet(tap, session)).id

    def server(self) -> Server:
        made = Server()
        self._end.callback(made.close)
        return made

    async def read(self, packets: int, tap: str = "in") -> None:
        """Until the daemon has read so many."""
        async with asyncio.timeout(20):
            while (await self.relay.counters(tap)).intake.received < packets:  # noqa: ASYNC110 - it tells by counters
                await asyncio.sleep(0.01)


async def heard(server: Server, payload: bytes) -> list[bytes]:
    """The payloads of plain RTP that come, until this one has."""
    found: list[bytes] = []
    async with asyncio.timeout(20):
        while payload not in found:
            data = await asyncio.get_running_loop().sock_recv(server.rtp, 2048)
            found.append(data[12:])
    return found


@pytest_asyncio.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    """All of it, closed at the end."""
    async with AsyncExitStack() as end:
        daemon = await end.enter_async_context(Rtpengine(HOST, tmp_path / "rtpengine.log"))
        client = NgClient(daemon.host, daemon.port, cookie=iter(map(str, range(10**6))).__next__)
        here = await client.open()
        end.callback(client.close)
        relay = RtpEngine(client, here, wall=Clock().wall)
        end.push_async_callback(relay.close)
        yield Line(daemon, relay, end)


def a_relay(relay: RtpEngine) -> Relay:
    """What mypy checks: it has all that a relay has."""
    return relay


async def test_what_was_said_arrives_from_the_port_that_was_named(line: Line) -> None:
    switch, server = await line.tap(), line.server()
    outlet = await line.relay.open_outlet("in", "session")
    await line.relay.flow(outlet.id, server.flow())
    switch.send(*range(10))
    assert (await asyncio.get_running_loop().sock_recvfrom(server.rtp, 2048))[1] == (HOST, outlet.rtp_port)
    assert await heard(server, switch.noise(9)) == [switch.noise(number) for number in range(1, 10)]


async def test_nothing_goes_out_before_there_is_a_flow_or_after_a_silence_was_confirmed(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    switch.send(0, 1)
    await line.relay.flow(outlet, server.flow())
    switch.send(2)
    assert await heard(server, switch.noise(2)) == [switch.noise(2)]
    await line.relay.flow(outlet, None)
    switch.send(3, 4)
    await line.read(5)
    assert server.datagrams() == []


@pytest.mark.parametrize("waiting", [1, 40, MANY])
async def test_what_waits_in_the_kernel_when_a_pause_ends_is_not_sent(line: Line, waiting: int) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    await line.relay.flow(outlet, server.flow())
    switch.send(0)
    await heard(server, switch.noise(0))
    for turn in range(3):
        await line.relay.flow(outlet, None)
        line.daemon.stall()
        switch.send(*range(1, 1 + waiting))
        resuming = asyncio.create_task(line.relay.flow(outlet, server.flow()))
        await asyncio.sleep(0)
        line.daemon.go_on()
        await resuming
        last = 1 + MANY + turn
        switch.send(last)
        assert await heard(server, switch.noise(last)) == [switch.noise(last)]


async def test_no_probe_of_ours_reaches_the_server_though_the_daemon_is_slow(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    for number in range(5):
        await line.relay.flow(outlet, None)
        resuming = asyncio.create_task(line.relay.flow(outlet, server.flow()))
        while not resuming.done():
            line.daemon.stall()
            await asyncio.wait([resuming], timeout=0.03)
            line.daemon.go_on()
            await asyncio.wait([resuming], timeout=0.001)
        await resuming
        switch.send(number)
        assert await heard(server, switch.noise(number)) == [switch.noise(number)]


async def test_a_pause_that_is_asked_for_while_the_daemon_stalls_is_confirmed_only_once_it_holds(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    await line.relay.flow(outlet, server.flow())
    line.daemon.stall()
    switch.send(*range(40))
    pausing = asyncio.create_task(line.relay.flow(outlet, None))
    await asyncio.sleep(0.1)
    assert not pausing.done()
    line.daemon.go_on()
    await pausing
    server.datagrams()
    switch.send(40, 41)
    await line.read(42)
    assert server.datagrams() == []


async def test_a_pause_that_nothing_confirms_is_told_and_silences_the_session_later(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    other = await line.outlet()
    second = line.server()
    await line.relay.flow(outlet, server.flow())
    await line.relay.flow(other, second.flow())
    line.daemon.stall()
    await line.relay.flow(outlet, None)
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    line.daemon.go_on()
    async with asyncio.timeout(20):
        while True:
            outlets = (await line.relay.counters("in")).outlets
            if all(one.silences[-1].end is None for one in outlets.values()):
                break
            await asyncio.sleep(0.05)
    for one in (server, second):
        one.datagrams()
    received = (await line.relay.counters("in")).intake.received
    switch.send(0, 1)
    await line.read(received + 2)
    assert (server.datagrams(), second.datagrams()) == ([], [])


async def test_another_tap_feeds_a_stream_that_goes_on(line: Line) -> None:
    before, after = await line.tap("before", seed=1), await line.tap("after", seed=2, ssrc=7)
    server, outlet = line.server(), await line.outlet("before")
    await line.relay.flow(outlet, server.flow())
    before.send(0)
    await heard(server, before.noise(0))
    after.send(0, 1)
    await line.relay.feed(outlet, "after")
    before.send(1)
    after.send(2)
    assert await heard(server, after.noise(2)) == [after.noise(2)]
    await line.relay.flow(outlet, None)
    (first,), (second,) = await line.relay.fed("before"), await line.relay.fed("after")
    assert (first.received, first.sent, second.received, second.sent) == (1, 1, 1, 1)
    assert first.first is not None


async def test_several_servers_of_one_tap_are_silenced_each_alone(line: Line) -> None:
    switch, one, other = await line.tap(), line.server(), line.server()
    first, second = await line.outlet(session="one"), await line.outlet(session="other")
    await line.relay.flow(first, one.flow())
    await line.relay.flow(second, other.flow())
    await line.relay.flow(first, None)
    switch.send(0)
    await heard(other, switch.noise(0))
    assert switch.noise(0) not in [data[12:] for data in one.datagrams()]


async def test_the_server_hears_it_with_our_key_before_and_after_a_pause(line: Line) -> None:
    switch, server, outlet, key = await line.tap(), line.server(), await line.outlet(), pair()
    found, loop = reader(key[0]), asyncio.get_running_loop()
    for number in range(3):
        await line.relay.flow(outlet, server.flow(key=key))
        switch.send(2 * number)
        data = await loop.sock_recv(server.rtp, 2048)
        assert switch.noise(2 * number) not in data
        assert read(found, data).payload == switch.noise(2 * number)
        await line.relay.flow(outlet, None)
        switch.send(2 * number + 1)


async def test_a_codec_that_would_have_to_be_translated_is_refused(line: Line) -> None:
    await line.tap()
    outlet = await line.outlet()
    with pytest.raises(RecordingServerAddressUnusable):
        await line.relay.flow(outlet, line.server().flow(codec=PCMA))


async def test_a_tap_and_an_outlet_end_each_alone(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    gone = await line.outlet(session="gone")
    await line.tap("out")
    await line.relay.close_intake("out")
    await line.relay.close_outlet(gone)
    await line.relay.flow(outlet, server.flow())
    switch.send(0)
    await heard(server, switch.noise(0))
    with pytest.raises(KeyError):
        await line.relay.counters("out")


async def test_a_daemon_that_dies_is_noticed_and_nothing_waits_for_it(line: Line) -> None:
    await line.tap()
    outlet = await line.outlet()
    await line.relay.flow(outlet, line.server().flow())
    await line.daemon.end()
    async with asyncio.timeout(20):
        await line.relay.watch()
    with pytest.raises(RelayFailed):
        await line.relay.open_outlet("in", "session")
    with pytest.raises(RelayFailed):
        await line.relay.open_intake("out")
    await line.relay.flow(outlet, None)
    assert [one.sent for one in await line.relay.fed("in")] == [0]


async def test_a_session_that_ends_while_the_daemon_stalls_is_over_once_it_goes_on(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    await line.relay.flow(outlet, server.flow())
    line.daemon.stall()
    await line.relay.close_outlet(outlet)
    line.daemon.go_on()
    number = 0
    async with asyncio.timeout(20):
        while True:  # until the delete has come through, what is said still goes out
            switch.send(number)
            number += 1
            await line.read(number)
            await asyncio.sleep(0.05)
            if not server.datagrams():
                break
    for _ in range(5):
        switch.send(number)
        number += 1
        await line.read(number)
    assert server.datagrams() == []
