"""What both relays promise, the service's own and rtpengine: one table. Where they differ, the last tests say how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from faults import RecordingServerAddressUnusable
from media.g711 import mulaw_to_alaw
from siprec_app.protocol.sdp import PCMA
from siprec_app.relay import Relay
from siprec_app.rtp_relay import RtpRelay
from siprec_app.rtpengine import RtpEngine
from tests.siprec_app.ends import Server, Switch
from tests.siprec_app.line import Line, engine_line, heard, service_line
from tests.siprec_app.test_relay_srtp import pair, read, reader

WAITING = 100
"""Packets that wait: more than the fifty that rtpengine reads in one go."""


@pytest_asyncio.fixture(params=["service", "rtpengine"])
async def line(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Line]:
    """Either relay with its two sides, closed at the end."""
    async with AsyncExitStack() as end:
        yield await (service_line(end) if request.param == "service" else engine_line(end, tmp_path))


def relays(ours: RtpRelay, engine: RtpEngine) -> tuple[Relay, Relay]:
    """What mypy checks: both have all that a relay has."""
    return ours, engine


def noises(switch: Switch, *numbers: int) -> list[bytes]:
    return [switch.noise(number) for number in numbers]


async def test_what_was_said_arrives_from_the_port_that_was_named(line: Line) -> None:
    switch, server = await line.tap(), line.server()
    outlet = await line.relay.open_outlet("in", "session")
    await line.relay.flow(outlet.id, server.flow())
    switch.send(*range(10))
    _, source = await asyncio.get_running_loop().sock_recvfrom(server.rtp, 2048)
    assert source == (line.host, outlet.rtp_port)
    assert outlet.rtp_port % 2 == 0
    assert outlet.rtcp_port == outlet.rtp_port + 1
    assert await heard(server, switch.noise(9)) == noises(switch, *range(1, 10))


async def test_an_outlet_is_silent_until_it_has_a_flow(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    switch.send(0)
    await line.read(1)
    switch.send(1, 2)
    await line.relay.flow(outlet, server.flow())
    switch.send(3)
    assert await heard(server, switch.noise(3)) == noises(switch, 3)


async def test_nothing_of_a_pause_is_sent_and_what_follows_it_is(line: Line) -> None:
    switch, server, outlet = await line.flowing()
    sent = 0
    for _ in range(5):
        switch.send(sent + 1, sent + 2)
        await heard(server, switch.noise(sent + 2))
        await line.relay.flow(outlet, None)
        switch.send(sent + 3, sent + 4)
        await line.read(sent + 5)
        assert server.datagrams() == []
        await line.relay.flow(outlet, server.flow())
        switch.send(sent + 5)
        assert await heard(server, switch.noise(sent + 5)) == noises(switch, sent + 5)
        sent += 5


@pytest.mark.parametrize("waiting", [1, WAITING])
async def test_what_waits_to_be_read_when_a_pause_ends_is_not_sent(line: Line, waiting: int) -> None:
    switch, server, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    switch.send(*range(1, 1 + waiting))
    await line.relay.flow(outlet, server.flow())
    switch.send(1 + waiting)
    assert await heard(server, switch.noise(1 + waiting)) == noises(switch, 1 + waiting)


async def test_another_tap_feeds_a_stream_that_goes_on_and_the_one_before_is_heard_no_more(line: Line) -> None:
    before, server, outlet = await line.flowing()
    after = await line.tap("after", seed=2, ssrc=7)
    after.send(0, 1)
    await line.relay.feed(outlet, "after")
    before.send(1)
    after.send(2)
    await line.read(2)
    assert await heard(server, after.noise(2)) == noises(after, 2)
    after.send(3)
    assert await heard(server, after.noise(3)) == noises(after, 3)


async def test_a_silent_outlet_that_another_tap_feeds_stays_silent(line: Line) -> None:
    _, server, outlet = await line.flowing()
    after = await line.tap("after", seed=2, ssrc=7)
    await line.relay.flow(outlet, None)
    await line.relay.feed(outlet, "after")
    after.send(0)
    await line.read(1, "after")
    await line.relay.flow(outlet, server.flow())
    after.send(1)
    assert await heard(server, after.noise(1)) == noises(after, 1)


async def test_what_each_session_was_sent_of_each_tap_is_counted_apart_and_stays_known(line: Line) -> None:
    before, server, outlet = await line.flowing()
    other = line.server()
    late = await line.outlet(session="late")
    after = await line.tap("after", seed=2, ssrc=7)
    before.send(1, 2)
    await heard(server, before.noise(2))
    await line.relay.flow(late, other.flow())
    before.send(3)
    await heard(server, before.noise(3))
    await heard(other, before.noise(3))
    await line.relay.feed(outlet, "after")
    after.send(0)
    await heard(server, after.noise(0))
    await line.relay.flow(outlet, None)
    for one in (outlet, late):
        await line.relay.close_outlet(one)
    found = [(one.session, one.received, one.sent, one.lost) for one in await line.relay.fed("in")]
    assert found == [("session", 4, 4, 0), ("late", 1, 1, 0)]
    (fed,) = await line.relay.fed("after")
    assert (fed.session, fed.received, fed.sent) == ("session", 1, 1)
    assert fed.first is not None
    assert fed.last is not None
    assert fed.first <= fed.last


async def test_a_pause_of_one_server_leaves_another_one_of_the_same_tap_as_it_was(line: Line) -> None:
    switch, server, outlet = await line.flowing()
    other = line.server()
    await line.relay.flow(await line.outlet(session="other"), other.flow())
    sent = 0
    for _ in range(5):
        await line.relay.flow(outlet, None)
        switch.send(sent + 1)
        assert await heard(other, switch.noise(sent + 1)) == noises(switch, sent + 1)
        assert server.datagrams() == []
        await line.relay.flow(outlet, server.flow())
        switch.send(sent + 2)
        assert await heard(server, switch.noise(sent + 2)) == noises(switch, sent + 2)
        assert await heard(other, switch.noise(sent + 2)) == noises(switch, sent + 2)
        sent += 2


async def test_digits_and_all_else_that_is_no_audio_never_pass(line: Line) -> None:
    switch, server, _ = await line.flowing()
    number = 1
    others = [kind for kind in range(1, 128) if kind != 8]
    for first in range(0, len(others), 30):  # of more than fifty at once rtpengine leaves some until one more comes
        for kind in others[first:first + 30]:
            switch.send(number, kind=kind)
            number += 1
        switch.send(number)
        assert await heard(server, switch.noise(number)) == noises(switch, number)
        number += 1


async def test_a_flow_that_a_pause_overtakes_does_not_begin_and_a_later_one_does(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    for number in range(10):
        beginning = asyncio.create_task(line.relay.flow(outlet, server.flow()))
        await asyncio.sleep(0)
        for _ in range(number):  # at one moment after the other of it
            await asyncio.sleep(0.0003)
        await line.relay.flow(outlet, None)
        await beginning
        switch.send(2 * number)
        await line.read(2 * number + 1)
        assert server.datagrams() == []
        await line.relay.flow(outlet, server.flow())
        switch.send(2 * number + 1)
        assert await heard(server, switch.noise(2 * number + 1)) == noises(switch, 2 * number + 1)
        await line.relay.flow(outlet, None)


async def test_a_change_of_the_tap_that_a_pause_overtakes_is_silent_and_a_later_flow_has_the_new_tap(
        line: Line) -> None:
    switch, server, outlet = await line.flowing()
    taps = {"in": switch, "after": await line.tap("after", seed=2, ssrc=7)}
    for number in range(1, 11):
        name = "after" if number % 2 else "in"
        changing = asyncio.create_task(line.relay.feed(outlet, name))
        await asyncio.sleep(0)
        for _ in range(number - 1):
            await asyncio.sleep(0.0003)
        await line.relay.flow(outlet, None)
        for one in taps.values():
            one.send(2 * number)
        await changing
        await line.read(number, "after")
        assert server.datagrams() == []
        await line.relay.flow(outlet, server.flow())
        for one in taps.values():
            one.send(2 * number + 1)
        last = taps[name].noise(2 * number + 1)
        assert await heard(server, last) == [last]


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


async def test_a_tap_and_an_outlet_end_each_alone_and_are_not_there_then(line: Line) -> None:
    switch, server, outlet = await line.flowing()
    gone = await line.outlet(session="gone")
    await line.tap("out")
    await line.relay.close_intake("out")
    await line.relay.close_outlet(gone)
    switch.send(1)
    assert await heard(server, switch.noise(1)) == noises(switch, 1)
    for asked in (line.relay.counters("out"), line.relay.flow(gone, None), line.relay.close_outlet(gone),
                  line.relay.feed(outlet, "out")):
        with pytest.raises(KeyError):
            await asked
    await line.tap("out", seed=3)
    await line.relay.close_outlet(outlet)
    await line.relay.close_intake("in")
    _drop(server)
    switch.send(2)
    await asyncio.sleep(0.05)
    assert [data for data in server.datagrams() if data] == []


async def test_a_server_at_no_address_is_told_and_the_outlet_is_silent(line: Line) -> None:
    switch, server, outlet = await line.flowing()
    with pytest.raises(RecordingServerAddressUnusable):
        await line.relay.flow(outlet, replace(server.flow(), host="no-such-host.invalid"))
    switch.send(1)
    await line.read(2)
    assert server.datagrams() == []
    await line.relay.flow(outlet, server.flow())
    switch.send(2)
    assert await heard(server, switch.noise(2)) == noises(switch, 2)


# ---- Where they differ


def is_engine(line: Line) -> bool:
    return isinstance(line.relay, RtpEngine)


async def test_a_codec_is_translated_by_the_service_and_refused_with_rtpengine(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    if is_engine(line):
        with pytest.raises(RecordingServerAddressUnusable):
            await line.relay.flow(outlet, server.flow(codec=PCMA))
        return
    await line.relay.flow(outlet, server.flow(codec=PCMA))
    switch.send(0)
    await heard(server, mulaw_to_alaw(switch.noise(0)))


async def test_the_source_is_our_own_with_the_service_and_the_switchs_with_rtpengine(line: Line) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    await line.relay.flow(outlet, server.flow())
    switch.send(0)
    data = await asyncio.get_running_loop().sock_recv(server.rtp, 2048)
    assert (data[2:] == switch.packet(0)[2:]) is is_engine(line)


async def test_what_others_send_to_a_tap_is_dropped_by_the_service_and_passes_rtpengine(line: Line) -> None:
    switch, server, _ = await line.flowing()
    stranger = line.sender(switch.to, seed=2, ssrc=9)
    stranger.send(0)
    switch.socket.sendto(b"no RTP at all", switch.to)
    if is_engine(line):
        await heard(server, stranger.noise(0))
        assert (await asyncio.get_running_loop().sock_recv(server.rtp, 2048)) == b"no RTP at all"
    switch.send(1)
    assert await heard(server, switch.noise(1)) == noises(switch, 1)


def _drop(server: Server) -> None:
    with suppress(BlockingIOError):
        server.datagrams()
