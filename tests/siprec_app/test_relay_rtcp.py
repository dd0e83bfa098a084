"""RTCP of the relay, on sockets: reports go out and come in, on a port of their own or on that of RTP."""

from __future__ import annotations

import asyncio
import struct

import pytest

from media import rtcp, rtp
from tests.siprec_app.ends import OUTLETS, Hasty, Scene


async def test_a_report_says_what_was_sent_until_its_moment_and_comes_from_its_port() -> None:
    async with Scene(Hasty(1)) as scene:
        switch, server = await scene.tap(), scene.server()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow())
        await scene.talk(switch, *range(10))
        packets = server.packets()
        packet_count = 0
        while packet_count < 10:
            data, sender = await server.report()
            assert sender == (OUTLETS, outlet.rtcp_port)
            if data[1] == 200:
                _, _, _, source, time, timestamp, packet_count, octets = struct.unpack_from("!BBHIQIII", data)
                assert octets == packet_count * 160
        assert source == packets[0].source
        assert time == rtcp.ntp(scene.clock.wall())
        # Ten packets of 20 ms have passed since the first one was sent.
        assert abs((timestamp - packets[0].timestamp) % (1 << 32) - 1600) < 160


async def test_the_streams_of_one_session_have_one_name_and_those_of_another_have_another() -> None:
    async with Scene(Hasty(1)) as scene:
        names = []
        for tap, session in (("in", "one"), ("out", "one"), ("third", "two")):
            server = scene.server()
            await scene.tap(tap)
            await scene.relay.flow(await scene.outlet(tap, session), server.flow())
            data, _ = await server.report()
            _, _, _, _, kind, length = struct.unpack_from("!BBHIBB", data, 8)
            assert kind == 1
            names.append(data[18:18 + length])
        assert names[0] == names[1] != names[2]
        assert all(len(name) == 16 for name in names)


@pytest.mark.parametrize("mux", [False, True])
async def test_what_the_server_reports_is_counted(mux: bool) -> None:
    async with Scene() as scene:
        switch, server = await scene.tap(), scene.server()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow(mux=mux))
        await scene.talk(switch, 0)
        packet, = server.packets()
        block = rtcp.Block(packet.source, 128, 3, 0x10000 + packet.sequence, 160, 0, 0)
        (server.rtp if mux else server.rtcp).sendto(
            rtcp.receiver_report(1, [block]), (OUTLETS, outlet.rtp_port if mux else outlet.rtcp_port))
        async with asyncio.timeout(20):
            while (counted := await scene.counted(outlet.id)).report is None:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0)
        assert counted.heard is not None
        assert counted.heard.monotonic == scene.clock.now
        assert (counted.report.fraction_lost, counted.report.lost, counted.report.jitter) == (0.5, 3, 0.02)


async def test_noise_on_our_ports_is_counted_as_such() -> None:
    async with Scene() as scene:
        switch, server = await scene.tap(), scene.server()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow())
        await scene.talk(switch, 0)
        server.rtp.sendto(rtp.build(0, False, 1, 2, 3, b"audio"), (OUTLETS, outlet.rtp_port))
        server.rtcp.sendto(rtcp.receiver_report(1, [rtcp.Block(1, 2, 3, 4, 5, 6, 7)]), (OUTLETS, outlet.rtcp_port))
        server.rtcp.sendto(b"noise", (OUTLETS, outlet.rtcp_port))
        async with asyncio.timeout(20):
            while (counted := await scene.counted(outlet.id)).strange < 3:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0)
        assert (counted.heard, counted.report) == (None, None)


async def test_on_a_shared_port_reports_come_from_the_port_of_rtp_and_alone_keep_it_open() -> None:
    async with Scene(Hasty(1)) as scene:
        switch, server = await scene.tap(), scene.server()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow(mux=True))
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet.id, None)
        server.datagrams()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            for _ in range(3):
                data, sender = await loop.sock_recvfrom(server.rtp, 2048)
                assert rtcp.is_rtcp(data)
                assert sender == (OUTLETS, outlet.rtp_port)


async def test_the_end_is_told_and_nothing_follows() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        source = server.packets()[0].source
        await scene.relay.close_outlet(outlet)
        await scene.talk(switch, 1)
        data, _ = await server.report()
        assert data.endswith(rtcp.bye(source))
        assert server.datagrams() == []
