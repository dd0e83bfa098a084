"""An outlet that is fed by one tap after the other, as it happens at a resume, at a transfer, and at a renewed tap."""

from __future__ import annotations

from tests.siprec_app.ends import TICK, Scene


async def test_the_stream_goes_on_as_if_nothing_had_changed() -> None:
    async with Scene() as scene:
        before, after = await scene.tap("before", seed=1), await scene.tap("after", seed=2)
        server, outlet = scene.server(), await scene.outlet("before")
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(before, 0, 1, 2, tap="before")
        await scene.relay.feed(outlet, "after")
        await scene.talk(after, 0, 1, 2, tap="after")
        packets = server.packets()
    assert [packet.sequence - packets[0].sequence for packet in packets] == list(range(6))
    assert [(packet.timestamp - packets[0].timestamp) & 0xFFFFFFFF for packet in packets] == [
        160 * number for number in range(6)]
    assert len({packet.source for packet in packets}) == 1
    assert [packet.payload for packet in packets[3:]] == [after.noise(number) for number in range(3)]


async def test_a_time_without_a_tap_is_no_loss_and_has_its_length() -> None:
    async with Scene() as scene:
        before = await scene.tap("before", seed=1)
        server, outlet = scene.server(), await scene.outlet("before")
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(before, 0, 1, tap="before")
        await scene.relay.close_intake("before")
        scene.clock.now += 10 * TICK
        after = await scene.tap("after", seed=2)
        await scene.relay.feed(outlet, "after")
        await scene.talk(after, 0, tap="after")
        packets = server.packets()
    assert [packet.sequence - packets[0].sequence for packet in packets] == [0, 1, 2]
    assert (packets[2].timestamp - packets[0].timestamp) & 0xFFFFFFFF == 12 * 160
    assert packets[2].marker


async def test_what_was_sent_of_each_tap_is_counted_apart() -> None:
    async with Scene() as scene:
        before, after = await scene.tap("before", seed=1), await scene.tap("after", seed=2)
        server, outlet = scene.server(), await scene.outlet("before")
        await scene.talk(before, 0, tap="before")
        await scene.relay.flow(outlet, server.flow())
        await scene.talk(before, 1, 2, 4, tap="before")
        await scene.relay.feed(outlet, "after")
        await scene.talk(before, 5, 9, tap="before")
        await scene.talk(after, 0, tap="after")
        (first,), (second,) = await scene.relay.fed("before"), await scene.relay.fed("after")
    assert (first.session, first.received, first.sent, first.lost) == ("session", 3, 3, 1)
    assert (second.received, second.sent, second.lost) == (1, 1, 0)
    assert first.last is not None
    assert second.first is not None
    assert first.last < second.first
