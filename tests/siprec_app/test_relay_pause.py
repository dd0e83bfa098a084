"""Nothing that was said in a pause goes out, whatever still waits anywhere; what follows a pause is in step with it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from siprec_app.relay import Silence
from tests.siprec_app.ends import OUTLETS, Hasty, Scene


async def test_what_waits_in_the_socket_when_a_pause_begins_is_not_sent() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        switch.send(1, 2, 3)
        await scene.relay.flow(outlet, None)
        await scene.taken(4)
        assert [packet.payload for packet in server.packets()] == [switch.noise(0)]


async def test_what_was_overtaken_on_its_way_out_of_a_pause_is_not_sent() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet, None)
        await scene.talk(switch, 1, 2)
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 5, 3, 4, 6)
        assert [packet.payload for packet in server.packets()] == [switch.noise(number) for number in (0, 5, 6)]


async def test_another_server_hears_what_waits_while_one_resumes() -> None:
    async with Scene() as scene:
        switch, paused, other = await scene.tap(), scene.server(), scene.server()
        outlet = await scene.outlet()
        await scene.relay.flow(await scene.outlet(session="other"), other.flow())
        await scene.talk(switch, 0)
        switch.send(1, 2)
        await scene.relay.flow(outlet, paused.flow())
        await scene.talk(switch, 3)
        assert [packet.payload for packet in other.packets()] == [switch.noise(number) for number in range(4)]
        assert [packet.payload for packet in paused.packets()] == [switch.noise(3)]


async def test_after_a_pause_numbers_go_on_by_one_and_timestamps_by_the_time_that_passed() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet, None)
        await scene.talk(switch, *range(1, 50))
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 50)
        before, after = server.packets()
        assert after.source == before.source
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 50 * 160
        assert after.marker


async def test_a_pause_in_which_the_tap_was_taken_away_and_made_again_is_as_long_as_it_was() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet, None)
        scene.clock.now += 59.98
        again = scene.sender(switch.to, seed=2, ssrc=5, sequence=6, timestamp=7)
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(again, 0)
        before, after = server.packets()
        assert after.payload == again.noise(0)
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 60 * 8000
        switch.send(1)
        await scene.when(lambda intake: intake.foreign == 1)


async def test_a_pause_that_overtakes_the_search_for_a_server_holds() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        searching = asyncio.create_task(scene.relay.flow(outlet, replace(server.flow(), host="localhost")))
        await asyncio.sleep(0)
        await scene.relay.flow(outlet, None)
        await searching
        await scene.talk(switch, 0)
        counted = await scene.counted(outlet)
        assert counted.sent == 0
        assert len(counted.silences) == 1


async def test_the_same_flow_again_takes_nothing_away() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        switch.send(0)
        await scene.relay.flow(outlet, server.flow())
        switch.send(1)
        await scene.taken(2)
        assert len(server.packets()) == 2
        assert len((await scene.counted(outlet)).silences) == 1


async def test_silences_are_written_down_with_their_times() -> None:
    async with Scene() as scene:
        await scene.tap()
        server, outlet, begun = scene.server(), await scene.outlet(), scene.clock.wall()
        scene.clock.now += 1
        await scene.relay.flow(outlet, server.flow())
        scene.clock.now += 10
        await scene.relay.flow(outlet, None)
        await scene.relay.flow(outlet, None)
        scene.clock.now += 5
        await scene.relay.flow(outlet, server.flow())
        scene.clock.now += 2
        counted = await scene.relay.close_outlet(outlet)
        assert [(one.begin - begun, one.end and one.end - begun) for one in counted.silences] == [
            (0, 1), (11, 16), (18, None)]
        assert Silence(begun, begun + 1) == counted.silences[0]


async def test_in_a_pause_empty_datagrams_and_reports_keep_the_way_open() -> None:
    async with Scene(Hasty(1)) as scene:
        switch, server = await scene.tap(), scene.server()
        outlet = await scene.relay.open_outlet("in", "session")
        await scene.relay.flow(outlet.id, server.flow())
        await scene.talk(switch, 0)
        await scene.relay.flow(outlet.id, None)
        server.datagrams()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(20):
            assert await loop.sock_recvfrom(server.rtp, 2048) == (b"", (OUTLETS, outlet.rtp_port))
            for _ in range(3):
                assert (await server.report())[1] == (OUTLETS, outlet.rtcp_port)
