"""rtpengine as the relay, a real one, that stalls, dies, begins anew and forgets: nothing of a pause goes out then, and
no silence is told that is none. What it does by itself is in ``test_relays.py``."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from faults import RelayFailed
from siprec_app.relay import Address
from tests.siprec_app.ends import Server, Switch, bound
from tests.siprec_app.line import EngineLine, engine_line, heard, ng

MANY = 120
"""Packets that wait: more than the fifty that the daemon reads in one go."""


@pytest_asyncio.fixture
async def end() -> AsyncIterator[AsyncExitStack]:
    """Closes what a test opens."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest_asyncio.fixture
async def line(end: AsyncExitStack, tmp_path: Path) -> EngineLine:
    """A daemon, the relay that drives it, and its two sides."""
    return await engine_line(end, tmp_path)


async def silent_at_last(line: EngineLine, outlet: str) -> None:
    """Until the relay says that nothing goes out any more."""
    async with asyncio.timeout(20):
        while True:
            try:
                await line.relay.flow(outlet, None)
            except RelayFailed:
                continue
            return


async def taken_over(place: Address) -> socket.socket:
    """A port that was the daemon's, in the hands of somebody else, once it has let go of it."""
    async with asyncio.timeout(20):
        while True:
            with suppress(OSError):
                return bound(place.host, place.port)
            await asyncio.sleep(0.02)


async def nothing_comes(line: EngineLine, switch: Switch, *servers: Server) -> None:
    """What is said from now on reaches none of them, while it does reach one that hears the same tap."""
    for one in servers:
        one.datagrams()
    witness = line.server()
    await line.relay.flow(await line.outlet(session="witness"), witness.flow())
    switch.send(1001, 1002, 1003)
    await heard(witness, switch.noise(1003))
    assert [one.datagrams() for one in servers] == [[] for _ in servers]


# ---- It is slow


@pytest.mark.parametrize("where", ["tap", "pipe"])
@pytest.mark.parametrize("waiting", [1, 40, MANY])
async def test_what_waits_in_the_kernel_when_a_pause_ends_is_not_sent(
        line: EngineLine, waiting: int, where: str) -> None:
    switch, server, outlet = await line.flowing()
    pipe = line.relay._outs[outlet].pipe
    waits = switch if where == "tap" else line.sender((pipe.host, pipe.port))
    for turn in range(3):
        await line.relay.flow(outlet, None)
        line.daemon.stall()
        waits.send(*range(1, 1 + waiting))
        resuming = asyncio.create_task(line.relay.flow(outlet, server.flow()))
        await asyncio.sleep(0)
        line.daemon.go_on()
        await resuming
        last = 1 + MANY + turn
        switch.send(last)
        assert await heard(server, switch.noise(last)) == [switch.noise(last)]


async def test_no_probe_of_ours_reaches_a_server_though_the_daemon_is_slow(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    other = line.server()
    await line.relay.flow(await line.outlet(session="other"), other.flow())
    for number in range(1, 6):
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
        assert await heard(other, switch.noise(number)) == [switch.noise(number)]


async def test_a_pause_that_is_asked_for_while_it_stalls_is_confirmed_only_once_it_holds(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    line.daemon.stall()
    switch.send(*range(1, 41))
    pausing = asyncio.create_task(line.relay.flow(outlet, None))
    await asyncio.sleep(0.1)
    assert not pausing.done()
    line.daemon.go_on()
    await pausing
    await nothing_comes(line, switch, server)


# ---- It does not answer in time


async def test_a_pause_that_nothing_confirms_is_told_and_ends_the_session_once_it_can(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    other, second = await line.outlet(), line.server()
    await line.relay.flow(other, second.flow())
    line.daemon.stall()
    for _ in range(2):
        with pytest.raises(RelayFailed):
            await line.relay.flow(outlet, None)
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    line.daemon.go_on()
    for one in (outlet, other):
        await silent_at_last(line, one)
    await nothing_comes(line, switch, server, second)
    await line.tap("after", seed=2)
    for asked in (line.relay.flow(outlet, server.flow()), line.relay.feed(other, "after")):
        with pytest.raises(RelayFailed):
            await asked


async def test_a_flow_that_was_not_answered_in_time_does_not_begin_later(line: EngineLine) -> None:
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    line.daemon.stall()
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    line.daemon.go_on()
    await silent_at_last(line, outlet)
    await nothing_comes(line, switch, server)


async def test_a_flow_whose_last_answer_comes_late_is_ended(line: EngineLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon stalls when all but the last request of a flow have been answered."""
    switch, server, outlet = await line.tap(), line.server(), await line.outlet()
    hears = line.relay._calls.hears

    async def stalls(*those: object, **more: object) -> None:
        if "server" in those:
            line.daemon.stall()
        await hears(*those, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(line.relay._calls, "hears", stalls)
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    monkeypatch.undo()
    line.daemon.go_on()
    async with asyncio.timeout(20):
        while not await line.relay._calls.ended(line.relay._outs[outlet].stream.call):
            pass
    await nothing_comes(line, switch, server)


async def test_a_change_of_the_tap_that_is_not_answered_leaves_neither_tap_heard(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    after = await line.tap("after", seed=2, ssrc=7)
    line.daemon.stall()
    with pytest.raises(RelayFailed):
        await line.relay.feed(outlet, "after")
    line.daemon.go_on()
    await silent_at_last(line, outlet)
    after.send(0, 1)
    await nothing_comes(line, switch, server)


async def test_a_tap_whose_last_answer_came_late_feeds_no_port_that_is_free_again(
        line: EngineLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon stalls when it has been asked to feed another tap to the stream, and does so when it goes on."""
    _, _, outlet = await line.flowing()
    pipe = line.relay._outs[outlet].pipe
    after = await line.tap("after", seed=2, ssrc=7)
    hears = line.relay._calls.hears

    async def stalls(*those: object, **more: object) -> None:
        line.daemon.stall()
        await hears(*those, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(line.relay._calls, "hears", stalls)
    with pytest.raises(RelayFailed):
        await line.relay.feed(outlet, "after")
    monkeypatch.undo()
    line.daemon.go_on()
    await line.relay.close_outlet(outlet)
    other = await taken_over(pipe)
    after.send(0, 1, 2)
    await line.read(3, "after")
    await asyncio.sleep(0.05)
    with pytest.raises(BlockingIOError):
        other.recv(2048)
    other.close()


async def test_a_session_is_over_only_once_the_daemon_has_said_so(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    line.daemon.stall()
    closing = asyncio.create_task(line.relay.close_outlet(outlet))
    await asyncio.wait([closing], timeout=5)
    assert not closing.done()
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, None)
    line.daemon.go_on()
    await closing
    await nothing_comes(line, switch, server)


async def test_the_end_of_the_service_does_not_wait_for_it(line: EngineLine) -> None:
    _, _, outlet = await line.flowing()
    line.daemon.stall()
    line.relay.hurry()
    async with asyncio.timeout(10):
        await line.relay.close_outlet(outlet)
    line.daemon.go_on()


# ---- It dies, begins anew, or forgets


async def test_a_daemon_that_dies_is_noticed_and_nothing_waits_for_it(line: EngineLine) -> None:
    _, _, outlet = await line.flowing()
    await line.daemon.end()
    async with asyncio.timeout(20):
        await line.relay.watch()
    with pytest.raises(RelayFailed):
        await line.relay.open_outlet("in", "session")
    with pytest.raises(RelayFailed):
        await line.relay.open_intake("out")
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, None)
    assert [one.received for one in await line.relay.fed("in")] == [0]


async def test_a_daemon_that_was_only_slow_carries_the_same_taps_again(line: EngineLine) -> None:
    switch, _, outlet = await line.flowing()
    line.daemon.stall()
    async with asyncio.timeout(20):
        await line.relay.watch()
    with pytest.raises(RelayFailed):
        await line.outlet(session="again")
    line.daemon.go_on()
    await line.relay.close_outlet(outlet)
    watching = asyncio.create_task(line.relay.watch())
    await asyncio.wait([watching], timeout=3)
    watching.cancel()
    server = line.server()
    await line.relay.flow(await line.outlet(session="again"), server.flow())
    switch.send(1)
    assert await heard(server, switch.noise(1)) == [switch.noise(1)]


async def test_a_daemon_that_begins_anew_in_a_pause_sends_nothing_of_it_and_nothing_after_it(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    await line.daemon.end()
    switch.send(1, 2)
    await line.daemon.begin()
    await line.relay.flow(outlet, None)
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    switch.send(3, 4)
    assert server.datagrams() == []


async def test_a_tap_of_a_daemon_that_has_begun_anew_feeds_no_port_of_the_one_before(line: EngineLine) -> None:
    """In a pause there is no tap; the ports of the outlets are others' now."""
    _, server, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    await line.relay.close_intake("in")
    pipe = line.relay._outs[outlet].pipe
    await line.daemon.end()
    await line.daemon.begin()
    after = await line.tap("after", seed=2, ssrc=7)
    other = await taken_over(pipe)
    with pytest.raises(RelayFailed):
        await line.relay.feed(outlet, "after")
    after.send(0, 1, 2)
    await line.read(3, "after")
    await asyncio.sleep(0.05)
    with pytest.raises(BlockingIOError):
        other.recv(2048)
    other.close()
    assert server.datagrams() == []


async def test_a_daemon_that_begins_anew_in_a_pause_is_noticed(line: EngineLine) -> None:
    _, _, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    await line.relay.close_intake("in")
    await line.daemon.end()
    await line.daemon.begin()
    async with asyncio.timeout(10):
        await line.relay.watch()


async def test_a_pause_of_a_flow_is_confirmed_by_a_daemon_that_has_begun_anew(line: EngineLine) -> None:
    switch, server, outlet = await line.flowing()
    await line.daemon.end()
    await line.daemon.begin()
    await line.relay.flow(outlet, None)
    switch.send(1, 2)
    assert server.datagrams() == []


async def test_a_daemon_that_has_begun_anew_takes_no_tap_before_all_that_it_lost_has_been_told(
        line: EngineLine) -> None:
    """Its ports are others' now, and what the switch still sends of the taps before would come to them."""
    await line.flowing()
    watching = asyncio.create_task(line.relay.watch())
    await line.daemon.end()
    await line.daemon.begin()
    with pytest.raises(RelayFailed):
        await line.relay.open_intake("out")
    async with asyncio.timeout(1):
        await watching
    with pytest.raises(RelayFailed):
        await line.relay.open_outlet("in", "session")


async def test_a_call_that_it_forgets_in_a_pause_is_silent_and_does_not_begin_again(
        line: EngineLine, end: AsyncExitStack) -> None:
    switch, server, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    client = await ng(end, line.daemon)
    await client.open()
    for one in line.relay._outs.values():
        await client.do("delete", {"call-id": one.stream.call, "delete-delay": 0})
    await line.relay.flow(outlet, None)
    with pytest.raises(RelayFailed):
        await line.relay.flow(outlet, server.flow())
    await nothing_comes(line, switch, server)


async def test_it_forgets_no_call_to_which_nothing_comes_for_long(end: AsyncExitStack, tmp_path: Path) -> None:
    line = await engine_line(end, tmp_path, forgets=4)
    switch, server, outlet = await line.flowing()
    await line.relay.flow(outlet, None)
    watching = asyncio.create_task(line.relay.watch())
    done, _ = await asyncio.wait([watching], timeout=12)
    assert not done, "a call was forgotten"
    await line.relay.flow(outlet, server.flow())
    switch.send(1)
    assert await heard(server, switch.noise(1)) == [switch.noise(1)]
    done, _ = await asyncio.wait([watching], timeout=3)
    assert not done
    for one in (server.rtp, server.rtcp, switch.socket):  # what keeps a call there is not passed on
        with pytest.raises(BlockingIOError):
            one.recv(2048)
    watching.cancel()
