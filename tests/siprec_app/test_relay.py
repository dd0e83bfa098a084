"""What the switch sends of a tap reaches each recording server, as one stream of our own, and nothing else does. What
is the same with rtpengine stands in ``test_relays.py``."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from faults import RecordingServerAddressUnusable, RelayPortsExhausted
from media.g711 import alaw_to_mulaw, mulaw_to_alaw
from siprec_app.protocol.sdp import PCMA, PCMU, Format
from tests.siprec_app.ends import INTAKES, SERVER, Scene, bound


async def test_what_was_said_arrives_and_is_from_a_source_of_our_own() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, *range(20))
        packets = server.packets()
        assert [packet.payload for packet in packets] == [switch.noise(number) for number in range(20)]
        assert {packet.source for packet in packets} != {switch.ssrc}
        first = packets[0]
        assert [(packet.source, packet.payload_type, packet.marker) for packet in packets] == [
            (first.source, 0, number == 0) for number in range(20)]
        assert [(packet.sequence, packet.timestamp) for packet in packets] == [
            ((first.sequence + number) & 0xFFFF, (first.timestamp + 160 * number) & 0xFFFFFFFF) for number in range(20)]


async def test_two_streams_do_not_share_anything_that_is_drawn() -> None:
    async with Scene() as scene:
        server = scene.server()
        found = []
        for tap in ("in", "out"):
            switch, outlet = await scene.tap(tap), await scene.outlet(tap)
            await scene.relay.flow(outlet, server.flow())
            await scene.talk(switch, 0, tap=tap)
            found += server.packets()
        one, other = found
        assert one.source != other.source
        assert one.sequence != other.sequence
        assert one.timestamp != other.timestamp


async def test_several_servers_get_the_same_audio_as_streams_of_their_own() -> None:
    async with Scene() as scene:
        switch, servers = await scene.tap(), [scene.server(), scene.server()]
        for server in servers:
            await scene.relay.flow(await scene.outlet(session=str(id(server))), server.flow())
        await scene.talk(switch, 0, 1, 2)
        one, other = (server.packets() for server in servers)
        assert [packet.payload for packet in one] == [packet.payload for packet in other] == [
            switch.noise(number) for number in range(3)]
        assert one[0].source != other[0].source


async def test_a_loss_before_us_stays_a_loss_and_nothing_comes_twice() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        switch.send(0, 1, 1, 4, 3)
        await scene.taken(5)
        packets = server.packets()
        first = packets[0].sequence
        assert [(packet.sequence - first) & 0xFFFF for packet in packets] == [0, 1, 4, 3]
        assert [packet.payload for packet in packets] == [switch.noise(number) for number in (0, 1, 4, 3)]
        intake = (await scene.relay.counters("in")).intake
        assert (intake.received, intake.lost, intake.late, intake.duplicates) == (4, 1, 1, 1)


async def test_a_source_that_begins_anew_is_heard_as_the_same_stream() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        switch.ssrc, switch.sequence, switch.timestamp = 77, 9, 3_000_000_000
        await scene.talk(switch, 1)
        one, other = server.packets()
        assert (other.source, other.sequence, other.timestamp) == (
            one.source, one.sequence + 1, (one.timestamp + 160) & 0xFFFFFFFF)
        assert (await scene.relay.counters("in")).intake.restarts == 1


async def test_keys_never_pass_and_are_no_loss() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        switch.send(1, 2, 3, kind=101)
        await scene.talk(switch, 4)
        one, other = server.packets()
        assert [one.payload, other.payload] == [switch.noise(0), switch.noise(4)]
        assert other.sequence == one.sequence + 1
        intake = (await scene.relay.counters("in")).intake
        assert (intake.other, intake.lost) == (3, 0)


async def test_what_others_send_is_dropped_and_counted() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        stranger = scene.sender(switch.to, seed=2, ssrc=switch.ssrc)
        stranger.send(1, 2)
        switch.socket.sendto(b"no RTP at all", switch.to)
        switch.socket.sendto(switch.packet(1) + bytes(1300), switch.to)
        await scene.talk(switch, 1)
        assert [packet.payload for packet in server.packets()] == [switch.noise(0), switch.noise(1)]
        intake = (await scene.relay.counters("in")).intake
        assert (intake.foreign, intake.invalid, intake.received) == (2, 2, 2)


async def test_only_the_switch_may_begin_where_its_address_is_known() -> None:
    async with Scene() as scene:
        stranger, server, outlet = await scene.tap(source=INTAKES), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        stranger.send(0)
        await scene.when(lambda intake: intake.foreign == 1)
        allowed = bound(INTAKES)
        allowed.sendto(stranger.packet(1), stranger.to)
        await scene.taken(1)
        allowed.close()
        assert [packet.payload for packet in server.packets()] == [stranger.noise(1)]


@pytest.mark.parametrize(("kind", "codec", "translated"), [
    (0, PCMA, mulaw_to_alaw), (8, PCMU, alaw_to_mulaw), (8, PCMA, bytes), (0, Format("96", "PCMU", 8000), bytes)])
async def test_a_server_hears_the_codec_that_it_agreed_to(kind: int, codec: Format,
                                                          translated: type[bytes]) -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(kind=kind), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow(codec=codec))
        await scene.talk(switch, 0)
        (packet,) = server.packets()
        assert (packet.payload_type, packet.payload) == (int(codec.word), translated(switch.noise(0)))


async def test_a_server_that_is_named_is_found() -> None:
    async with Scene() as scene:
        switch, outlet = await scene.tap(), await scene.outlet()
        server = scene.server()
        local = bound("127.0.0.1")
        await scene.relay.flow(outlet, replace(server.flow(), host="localhost", port=local.getsockname()[1]))
        await scene.talk(switch, 0)
        assert local.recv(2048).endswith(switch.noise(0))
        local.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "::1", "x" * 300])
async def test_a_server_that_cannot_be_reached_is_told_and_the_outlet_is_silent(host: str) -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        with pytest.raises(RecordingServerAddressUnusable):
            await scene.relay.flow(outlet, replace(server.flow(), host=host))
        await scene.talk(switch, 0)
        assert server.packets() == []


async def test_a_server_that_does_not_listen_is_counted_and_gets_all_once_it_does() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        port = server.rtp.getsockname()[1]
        await scene.relay.flow(outlet, server.flow())
        server.rtp.close()
        await scene.talk(switch, 0, 1, 2)
        server.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.rtp.setblocking(False)
        server.rtp.bind((SERVER, port))
        await scene.talk(switch, 3, 4)
        assert [packet.payload for packet in server.packets()] == [switch.noise(3), switch.noise(4)]
        counted = await scene.counted(outlet)
        assert counted.refused > 0
        assert counted.sent == 5


async def test_a_packet_that_meets_the_refusal_of_the_one_before_is_sent_all_the_same() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 0)
        server.rtp.close()
        switch.send(1, 2, 3)
        # Another server's beginning has all three read in one go.
        await scene.relay.flow(await scene.outlet(session="other"), scene.server().flow())
        counted = await scene.counted(outlet)
        assert (counted.sent, counted.unsent, counted.refused) == (4, 0, 2)


async def test_the_counters_say_what_was_sent_of_what_came() -> None:
    async with Scene() as scene:
        switch, server, outlet = await scene.tap(), scene.server(), await scene.outlet()
        begun = scene.clock.now
        await scene.talk(switch, 0, 1)
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(switch, 2, 3, 4)
        counters = await scene.relay.close_intake("in")
        intake, outgoing = counters.intake, counters.outlets[outlet]
        assert (intake.received, intake.octets, outgoing.sent, outgoing.octets) == (5, 800, 3, 480)
        assert intake.first is not None
        assert intake.last is not None
        assert outgoing.first is not None
        assert outgoing.last == intake.last
        assert [round((moment.monotonic - begun) / 0.02) for moment in (intake.first, outgoing.first, intake.last)] == [
            0, 2, 4]
        assert intake.first.wall - intake.first.monotonic == 1_800_000_000


async def test_what_was_closed_is_gone_and_its_ports_can_be_had_again() -> None:
    async with Scene(ports=(29_990, 29_991)) as scene:
        await scene.tap()
        outlet = await scene.outlet()
        with pytest.raises(RelayPortsExhausted):
            await scene.outlet()
        with pytest.raises(RelayPortsExhausted):
            await scene.tap("out")
        with pytest.raises(ValueError, match="once"):
            await scene.tap()
        await scene.relay.close_intake("in")
        await scene.relay.close_outlet(outlet)
        for gone in (scene.relay.counters("in"), scene.relay.flow(outlet, None), scene.relay.close_outlet(outlet)):
            with pytest.raises(KeyError):
                await gone
        await scene.tap()
        await scene.outlet()
