"""The lasting connection: drops, refusals, garbage, a slow listener, a second service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest
import pytest_asyncio
from aiohttp import web

from ari_app.client import Client
from ari_app.connection import Connection
from ari_app.variables import Globals
from faults import SwitchOperationFailed
from link.backoff import Backoff
from link.lease import EVERY, Holder, Lease
from tests.ari_app.fake_asterisk import APP, FakeAsterisk, event, state_change
from tests.ari_app.listener import Listener
from tests.connecting import Sleeps, running


@pytest_asyncio.fixture
async def asterisk_like() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as server:
        yield server


async def never(seconds: float) -> None:
    """The lease is renewed in an hour."""
    if seconds == EVERY:
        await asyncio.Event().wait()


@asynccontextmanager
async def connection(server: FakeAsterisk, listener: Listener, sleeps: Sleeps, *, password: str | None = None,
                  most_waiting: int = 100, clock: Callable[[], float] = lambda: 0.0,
                  heartbeat: float = 30) -> AsyncIterator[asyncio.Task[None]]:
    """A connection that runs as long as the context."""
    address = server.address() if password is None else server.address(password)
    async with Client(address, heartbeat=heartbeat) as client:
        lease = Lease(Globals(client.operations), Holder("one", "1"), clock=clock, sleep=never)
        made = Connection(client, listener, lease, clock=clock, backoff=Backoff(Random(1)), sleep=sleeps.sleep,
                          most_waiting=most_waiting, stand_by=7)
        async with running(made.run()) as task:
            yield task


async def test_it_subscribes_reads_and_then_hears(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(state_change(5))
        await listener.until("5")
    assert listener.story == ["connected", "up", "5"]
    assert asterisk_like.requests[:7] == [
        ("GET", "/ari/asterisk/info?only=system,status"),
        ("GET", "/ari/asterisk/variable?variable=RECORDER_LEASE"),
        ("POST", "/ari/asterisk/variable?variable=RECORDER_LEASE&value=one/1/1"),
        ("GET", "/ari/asterisk/variable?variable=RECORDER_LEASE"),
        ("GET", f"/ari/events?app={APP}"),
        ("POST", f"/ari/applications/{APP}/subscription?eventSource=channel:,bridge:"),
        ("PUT", f"/ari/applications/{APP}/eventFilter"),
    ]
    system = listener.infos[0].system
    assert system is not None
    assert system.version.startswith("22.")


async def test_the_filter_lets_the_replacement_through(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
    (filtered,) = asterisk_like.bodies
    assert isinstance(filtered, dict)
    assert {"type": "ApplicationReplaced"} in filtered["allowed"]


async def test_events_that_come_during_the_snapshot_wait_for_its_end(asterisk_like: FakeAsterisk) -> None:
    class Reading(Listener):
        async def connected(self) -> None:
            await asterisk_like.sockets[-1].send_str(state_change(5))
            await asterisk_like.sockets[-1].send_str(state_change(6))
            await super().connected()

    listener = Reading()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("6")
    assert listener.story == ["connected", "up", "5", "6"]


async def test_a_drop_is_told_once_after_what_came_before_it(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.gate.clear()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        for number in (5, 6):
            await asterisk_like.sockets[-1].send_str(state_change(number))
        await listener.until("5")
        await asterisk_like.drop()
        listener.gate.set()
        await listener.until("connected", 2)
        await asterisk_like.sockets[-1].send_str(state_change(7))
        await listener.until("7")
    assert listener.story == ["connected", "up", "5", "6", "switch.unreachable", "connected", "up", "7"]
    once = ["info", "events", "subscription", "eventFilter"]
    paths = [path.partition("?")[0].rpartition("/")[2] for _, path in asterisk_like.requests]
    assert [path for path in paths if path != "variable"] == once * 2


async def test_a_connection_that_is_ended_by_us_is_made_anew(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    async with Client(asterisk_like.address(), heartbeat=30) as client:
        lease = Lease(Globals(client.operations), Holder("one", "1"), clock=lambda: 0.0, sleep=never)
        made = Connection(client, listener, lease, clock=lambda: 0.0, backoff=Backoff(Random(1)), sleep=Sleeps().sleep)
        async with running(made.run()):
            await listener.until("up")
            await made.again()
            await listener.until("connected", 2)


async def test_a_wrong_password_is_told_once_and_tried_again(asterisk_like: FakeAsterisk) -> None:
    listener, sleeps = Listener(), Sleeps(5)
    async with connection(asterisk_like, listener, sleeps, password="wrong"):
        await sleeps.until(6)
    assert listener.story == ["switch.refused"]
    assert sleeps.asked == sorted(sleeps.asked)


async def test_nobody_there_is_told_once_and_tried_again(asterisk_like: FakeAsterisk) -> None:
    listener, sleeps = Listener(), Sleeps(5)
    asterisk_like.answers["GET", "/ari/asterisk/info"] = _hang_up
    async with connection(asterisk_like, listener, sleeps):
        await sleeps.until(6)
    assert listener.story == ["switch.unreachable"]


async def test_it_comes_up_when_asterisk_does(asterisk_like: FakeAsterisk) -> None:
    listener, sleeps = Listener(), Sleeps(2)
    asterisk_like.answers["GET", "/ari/asterisk/info"] = _hang_up
    async with connection(asterisk_like, listener, sleeps):
        await sleeps.until(3)
        asterisk_like.answers.clear()
        sleeps.wake()
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(state_change(5))
        await listener.until("5")
    assert listener.story == ["switch.unreachable", "connected", "up", "5"]


@pytest.mark.parametrize("version", ["21.9.0", "certified/20.7-cert1", "18.0.0~dfsg", "Asterisk-20.1.0"])
async def test_an_old_asterisk_is_told_once_and_gets_no_application(asterisk_like: FakeAsterisk,
                                                                    version: str) -> None:
    asterisk_like.version = version
    listener, sleeps = Listener(), Sleeps(2)
    async with connection(asterisk_like, listener, sleeps):
        await sleeps.until(3)
    assert listener.story == ["switch.too-old"]
    assert not asterisk_like.sockets


@pytest.mark.parametrize("version", ["22.0.0", "23.1.0-rc1", "certified/22.8-cert1", "GIT-master-123abc"])
async def test_a_new_asterisk_is_good_enough(asterisk_like: FakeAsterisk, version: str) -> None:
    asterisk_like.version = version
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
    assert not sum(word.startswith("switch.") for word in listener.story)


async def test_a_redirect_is_not_followed(asterisk_like: FakeAsterisk) -> None:
    asterisk_like.answers["GET", "/ari/events"] = _elsewhere
    listener, sleeps = Listener(), Sleeps(2)
    async with connection(asterisk_like, listener, sleeps):
        await sleeps.until(3)
    assert listener.story == ["switch.operation"]
    assert not any("elsewhere" in path for _, path in asterisk_like.requests)


@pytest.mark.parametrize("garbage", ["{", "[]", event("ChannelDestroyed")])
async def test_a_garbage_frame_makes_the_connection_anew(asterisk_like: FakeAsterisk, garbage: str) -> None:
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(garbage)
        await listener.until("connected", 2)
        await asterisk_like.sockets[-1].send_str(state_change(5))
        await listener.until("5")
    assert listener.story == ["connected", "up", "switch.protocol", "connected", "up", "5"]


async def test_a_frame_of_bytes_that_are_no_text_makes_the_connection_anew(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_bytes(b"\xff\x00")
        await listener.until("connected", 2)
    assert listener.story[:4] == ["connected", "up", "switch.protocol", "connected"]


async def test_unknown_events_are_passed_over(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        for frame in (event("InventedTomorrow", channel=5), state_change(5)):
            await asterisk_like.sockets[-1].send_str(frame)
        await listener.until("5")
    assert listener.story == ["connected", "up", "5"]


async def test_a_slow_listener_gets_all_in_order_while_they_fit(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.gate.clear()
    async with connection(asterisk_like, listener, Sleeps(), most_waiting=100):
        await listener.until("connected")
        for number in range(100):
            await asterisk_like.sockets[-1].send_str(state_change(number))
        await listener.until("0")
        listener.gate.set()
        await listener.until("99")
    assert listener.story == ["connected", "up", *map(str, range(100))]


async def test_more_events_than_fit_mean_a_new_snapshot(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.gate.clear()
    async with connection(asterisk_like, listener, Sleeps(), most_waiting=10):
        await listener.until("connected")
        flooded = asterisk_like.sockets[-1]
        await flooded.send_str(state_change(0))
        await listener.until("0")
        for number in range(1, 12):
            await flooded.send_str(state_change(number))
        await asterisk_like.ended(flooded)
        listener.gate.set()
        await listener.until("connected", 2)
    assert listener.story[:5] == ["connected", "up", "0", "switch.overflowed", "connected"]


async def test_a_second_service_is_told_and_not_fought(asterisk_like: FakeAsterisk) -> None:
    listener, sleeps = Listener(), Sleeps(3)
    async with connection(asterisk_like, listener, sleeps):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(state_change(5))
        await asterisk_like.sockets[-1].send_str(event("ApplicationReplaced"))
        await sleeps.until(4)
        assert len(asterisk_like.sockets) == 1
        assert listener.story == ["connected", "up", "5", "switch.taken"]
        asterisk_like.answers["GET", f"/ari/applications/{APP}"] = _not_there
        sleeps.wake()
        await listener.until("connected", 2)
    assert sleeps.asked[:4] == [7, 7, 7, 7]


@pytest.mark.parametrize("answer", ["nothing", "error 500"])
async def test_only_an_application_that_is_gone_ends_the_stand_by(asterisk_like: FakeAsterisk, answer: str) -> None:
    listener, sleeps = Listener(), Sleeps(3)
    asterisk_like.answers["GET", f"/ari/applications/{APP}"] = _hang_up if answer == "nothing" else _broken
    async with connection(asterisk_like, listener, sleeps):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(event("ApplicationReplaced"))
        await sleeps.until(4)
    assert len(asterisk_like.sockets) == 1


@pytest.mark.parametrize(("lasted", "at_least", "at_most"), [(1.0, 2.0, 4.0), (20.0, 0.0, 0.25)])
async def test_the_first_retry_is_quick_after_a_connection_that_lasted(asterisk_like: FakeAsterisk, lasted: float,
                                                                       at_least: float, at_most: float) -> None:
    now = [0.0]
    listener, sleeps = Listener(), Sleeps()
    listener.failing = [SwitchOperationFailed("no", status=500) for _ in range(4)]
    async with connection(asterisk_like, listener, sleeps, clock=lambda: now[0]):
        await listener.until("up")
        now[0] = lasted
        await asterisk_like.drop()
        await sleeps.until(5)
    assert at_least <= sleeps.asked[4] <= at_most


async def test_a_snapshot_that_fails_is_taken_again(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.failing = [SwitchOperationFailed("no", status=500), SwitchOperationFailed("no", status=500)]
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected", 3)
    assert listener.story[:4] == ["connected", "switch.operation", "connected", "connected"]


async def test_a_mistake_of_the_listener_ends_the_run(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.failing = [ZeroDivisionError()]
    async with connection(asterisk_like, listener, Sleeps()) as task:
        with pytest.raises(ZeroDivisionError):
            await task
    assert asterisk_like.sockets[-1].closed


async def test_a_peer_that_answers_no_ping_is_lost(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    asterisk_like.deaf = True
    async with connection(asterisk_like, listener, Sleeps(), heartbeat=0.05):
        await listener.until("connected", 2)
    assert listener.story[:4] == ["connected", "up", "switch.unreachable", "connected"]


async def test_cancelling_closes_the_websocket(asterisk_like: FakeAsterisk) -> None:
    listener = Listener()
    listener.gate.clear()
    before = asyncio.all_tasks()
    async with connection(asterisk_like, listener, Sleeps()):
        await listener.until("connected")
        await asterisk_like.sockets[-1].send_str(state_change(5))
        await listener.until("5")
        mine = asyncio.all_tasks() - before
    assert asterisk_like.sockets[-1].closed
    assert all(task.done() for task in mine if "Connection" in repr(task.get_coro()))


def _hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def _elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/ari/elsewhere"})


def _broken(request: web.Request) -> web.StreamResponse:
    return web.json_response({"message": "Internal Server Error"}, status=500)


def _not_there(request: web.Request) -> web.StreamResponse:
    return web.json_response({"message": "Application not found"}, status=404)
