"""The lasting connection: drops, refusals, garbage, a slow listener, a second service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from random import Random

import pytest
import pytest_asyncio

from esl_app import lines
from esl_app.connection import Connection
from esl_app.messages import Event
from esl_app.wire import Address, open_wire
from faults import SwitchOperationFailed, SwitchUnreachable
from link.backoff import Backoff
from link.lease import EVERY, FREE, VARIABLE, Holder
from tests import connecting
from tests.connecting import Notes
from tests.esl_app.replay_server import CORE, PASSWORD, ReplayServer

SUBSCRIPTION = "event plain BACKGROUND_JOB CHANNEL_CREATE CUSTOM recorder::pause"
READ, SETTLED = f"api global_getvar {VARIABLE}", 0.5


class FreeSwitch(ReplayServer):
    """A server that keeps global variables."""

    def __init__(self) -> None:
        self.variables: dict[str, str] = {}
        super().__init__({"global_getvar": self._get, "global_setvar": self._set, "uuid_record": "+OK Success\n"})

    def _get(self, command: str) -> str:
        return self.variables.get(command.split(" ")[1]) or "-ERR no reply\n"

    def _set(self, command: str) -> str:
        name, _, value = command.split(" ", 1)[1].partition("=")
        self.variables[name] = value
        return "+OK"

    async def number(self, number: int) -> None:
        """An event with a number."""
        await self.fire("CHANNEL_CREATE", {"Unique-ID": str(number)})


class Listener(Notes):
    """Notes what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.boots: list[str] = []

    def reached(self, boot: str) -> None:
        self.boots.append(boot)

    async def received(self, event: Event) -> None:
        await self.heard(event.uuid or event.name)


class Sleeps(connecting.Sleeps):
    """Waits that take no time, between attempts as many as allowed; of the lease's renewals as many as are let
    through."""

    def __init__(self, allowed: int = 1000) -> None:
        super().__init__(allowed)
        self.renewals = asyncio.Semaphore(0)

    async def sleep(self, seconds: float) -> None:
        if seconds == EVERY:
            await self.renewals.acquire()
        elif seconds != SETTLED:
            await super().sleep(seconds)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[FreeSwitch]:
    async with FreeSwitch() as listening:
        yield listening


def connection(server: FreeSwitch, sleeps: Sleeps, *, password: str = PASSWORD, most_waiting: int = 100,
               clock: Callable[[], float] = lambda: 0.0) -> Connection:
    return Connection(Address(host="127.0.0.1", port=server.port, password=password), Holder("one", "1"),
                      clock=clock, backoff=Backoff(Random(1)), job_id=lambda: "job-1", events=["CHANNEL_CREATE"],
                      subclasses=["recorder::pause"], sleep=sleeps.sleep, most_waiting=most_waiting)


def running(made: Connection, listener: Listener) -> AbstractAsyncContextManager[asyncio.Task[None]]:
    """A connection that runs as long as the context."""
    return connecting.running(made.run(listener))


async def test_it_takes_the_lease_subscribes_reads_and_then_hears(server: FreeSwitch) -> None:
    listener = Listener()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        await server.number(5)
        await listener.until("5")
    assert listener.story == ["connected", "up", "5"]
    assert listener.boots == [CORE]
    assert server.lines[:7] == [f"auth {PASSWORD}", "api version", "api global_getvar core_uuid", READ,
                                f"api global_setvar {VARIABLE}=one/1/1", READ, SUBSCRIPTION]


async def test_events_that_come_during_the_snapshot_wait_for_its_end(server: FreeSwitch) -> None:
    class Reading(Listener):
        async def connected(self) -> None:
            await server.number(5)
            await server.number(6)
            await super().connected()

    listener = Reading()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("6")
    assert listener.story == ["connected", "up", "5", "6"]


async def test_a_drop_is_told_once_after_what_came_before_it_and_all_is_subscribed_again(server: FreeSwitch) -> None:
    listener = Listener()
    listener.gate.clear()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        for number in (5, 6):
            await server.number(number)
        await listener.until("5")
        await server.close()
        listener.gate.set()
        await listener.until("up", 2)
        await server.number(7)
        await listener.until("7")
    assert listener.story == ["connected", "up", "5", "6", "switch.unreachable", "connected", "up", "7"]
    assert server.lines.count(SUBSCRIPTION) == 2


async def test_a_restarted_switch_has_another_boot(server: FreeSwitch) -> None:
    listener = Listener()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        server.core = "another"
        server.drop()
        await listener.until("up", 2)
    assert listener.boots == [CORE, "another"]


async def test_a_switch_that_does_not_say_its_boot_is_not_used(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps(2)
    server.core = ""
    async with running(connection(server, sleeps), listener):
        await sleeps.until(3)
    assert listener.story == ["switch.protocol"]
    assert SUBSCRIPTION not in server.lines


async def test_a_wrong_password_is_told_once_and_tried_again(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps(5)
    async with running(connection(server, sleeps, password="wrong"), listener):
        await sleeps.until(6)
    assert listener.story == ["switch.refused"]
    assert sleeps.asked == sorted(sleeps.asked)
    assert server.accepted == 6


async def test_an_access_list_that_does_not_know_us_is_told_once(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps(3)
    server.rude = True
    async with running(connection(server, sleeps), listener):
        await sleeps.until(4)
    assert listener.story == ["switch.refused"]


async def test_it_comes_up_when_freeswitch_does(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps(3)
    await server.stop()
    async with running(connection(server, sleeps), listener):
        await sleeps.until(4)
        await server.start()
        sleeps.wake()
        await listener.until("up")
    assert listener.story == ["switch.unreachable", "connected", "up"]


@pytest.mark.parametrize("version", ["FreeSWITCH Version 1.8.7 (64bit)\n", "FreeSWITCH Version 0.99.1\n",
                                     "FreeSWITCH Version 1.6.20~64bit (64bit)\n"])
async def test_an_old_freeswitch_is_told_once_and_left_alone(server: FreeSwitch, version: str) -> None:
    listener, sleeps = Listener(), Sleeps(2)
    server.answers["version"] = version
    async with running(connection(server, sleeps), listener):
        await sleeps.until(3)
    assert listener.story == ["switch.too-old"]
    assert set(server.lines) == {f"auth {PASSWORD}", "api version"}


@pytest.mark.parametrize("version", ["FreeSWITCH Version 1.10.12-release~64bit (64bit)\n", "of our own making\n",
                                     "FreeSWITCH Version 2.0.0\n"])
async def test_a_new_freeswitch_is_good_enough(server: FreeSwitch, version: str) -> None:
    listener = Listener()
    server.answers["version"] = version
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")


@pytest.mark.parametrize("garbage", [b"\xff\n\n", b"Content-Length: -1\n\n", b"Content-Type: api/response\n\n"])
async def test_garbage_makes_the_connection_anew(server: FreeSwitch, garbage: bytes) -> None:
    listener = Listener()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        await server.write(garbage)
        await listener.until("up", 2)
    assert listener.story == ["connected", "up", "switch.protocol", "connected", "up"]


async def test_a_switch_that_stalls_is_given_up_and_tried_again(server: FreeSwitch,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esl_app.connection.open_wire", partial(open_wire, within=0.5))
    listener, sleeps = Listener(), Sleeps(0)
    made = connection(server, sleeps)
    async with running(made, listener):
        await listener.until("up")
        server.held["api status"] = asyncio.Event()
        with pytest.raises(SwitchUnreachable):
            await made.api("status")
        await listener.until("switch.unreachable")
        del server.held["api status"]
        sleeps.wake()
        await listener.until("up", 2)


async def test_a_slow_listener_gets_all_in_order_while_they_fit(server: FreeSwitch) -> None:
    listener = Listener()
    listener.gate.clear()
    async with running(connection(server, Sleeps(), most_waiting=100), listener):
        await listener.until("up")
        for number in range(100):
            await server.number(number)
        await listener.until("0")
        listener.gate.set()
        await listener.until("99")
    assert listener.story == ["connected", "up", *map(str, range(100))]


async def test_more_events_than_fit_mean_a_new_snapshot(server: FreeSwitch) -> None:
    listener = Listener()
    listener.gate.clear()
    async with running(connection(server, Sleeps(), most_waiting=10), listener):
        await listener.until("up")
        await server.number(0)
        await listener.until("0")
        for number in range(1, 12):
            await server.number(number)
        await server.until(lambda: not server.clients)
        listener.gate.set()
        await listener.until("up", 2)
    assert listener.story == ["connected", "up", "0", "switch.overflowed", "connected", "up"]


async def test_more_events_than_fit_during_the_snapshot_mean_another_one(server: FreeSwitch) -> None:
    class Reading(Listener):
        async def connected(self) -> None:
            if not self.story:
                for number in range(11):
                    await server.number(number)
                await server.until(lambda: not server.clients)
            await super().connected()

    listener = Reading()
    async with running(connection(server, Sleeps(), most_waiting=10), listener):
        await listener.until("connected", 2)
    assert listener.story.count("0") == 0
    assert "switch.overflowed" in listener.story


async def test_a_service_stands_by_until_the_lease_is_free(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps()
    server.variables[VARIABLE] = "two/9/1"
    async with running(connection(server, sleeps), listener):
        await server.said(READ)
        server.variables[VARIABLE] = "two/9/2"
        sleeps.renewals.release()
        await listener.until("switch.taken")
        server.variables[VARIABLE] = "two/9/3"
        sleeps.renewals.release()
        await server.said(READ, 3)
        assert SUBSCRIPTION not in server.lines
        server.variables[VARIABLE] = FREE
        sleeps.renewals.release()
        await listener.until("up")
    assert listener.story == ["switch.taken", "connected", "up"]


async def test_the_lease_of_our_last_life_is_ours(server: FreeSwitch) -> None:
    listener = Listener()
    server.variables[VARIABLE] = "one/0/77"
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        assert server.variables[VARIABLE] == "one/1/1"


async def test_who_loses_the_lease_leaves_and_does_not_fight(server: FreeSwitch) -> None:
    listener, sleeps = Listener(), Sleeps(0)
    async with running(connection(server, sleeps), listener):
        await listener.until("up")
        server.variables[VARIABLE] = "two/9/1"
        sleeps.renewals.release()
        await listener.until("switch.taken")
        await server.until(lambda: not server.clients)
        assert server.variables[VARIABLE] == "two/9/1"
    assert server.variables[VARIABLE] == "two/9/1"


async def test_who_is_told_to_stop_gives_the_lease_back_and_hangs_up(server: FreeSwitch) -> None:
    listener = Listener()
    listener.gate.clear()
    before = asyncio.all_tasks()
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
        await server.number(5)
        await listener.until("5")
        mine = asyncio.all_tasks() - before
    assert server.variables[VARIABLE] == FREE
    await server.until(lambda: not server.clients)
    assert all(task.done() for task in mine if "Connection" in repr(task.get_coro()))


@pytest.mark.parametrize(("lasted", "at_least", "at_most"), [(1.0, 2.0, 4.0), (20.0, 0.0, 0.25)])
async def test_the_first_retry_is_quick_after_a_connection_that_lasted(server: FreeSwitch, lasted: float,
                                                                       at_least: float, at_most: float) -> None:
    now = [0.0]
    listener, sleeps = Listener(), Sleeps()
    listener.failing = [SwitchOperationFailed("no") for _ in range(4)]
    async with running(connection(server, sleeps, clock=lambda: now[0]), listener):
        await listener.until("up")
        now[0] = lasted
        server.drop()
        await sleeps.until(5)
    assert at_least <= sleeps.asked[4] <= at_most


async def test_a_snapshot_that_fails_is_taken_again(server: FreeSwitch) -> None:
    listener = Listener()
    listener.failing = [SwitchOperationFailed("no"), SwitchOperationFailed("no")]
    async with running(connection(server, Sleeps()), listener):
        await listener.until("up")
    assert listener.story == ["connected", "switch.operation", "connected", "connected", "up"]


async def test_a_mistake_of_the_listener_ends_the_run(server: FreeSwitch) -> None:
    listener = Listener()
    listener.failing = [ZeroDivisionError()]
    async with running(connection(server, Sleeps()), listener) as task:
        with pytest.raises(ZeroDivisionError):
            await task
    await server.until(lambda: not server.clients)


async def test_commands_say_what_freeswitch_said(server: FreeSwitch) -> None:
    listener = Listener()
    made = connection(server, Sleeps())
    async with running(made, listener):
        await listener.until("up")
        assert await made.api("uuid_record", "a", "stop", "/rec/a.wav") == "+OK Success\n"
        assert await made.job("uuid_record", "a", "start", "/rec/a.wav") == "+OK Success\n"
        assert (await made.command(lines.sendevent("CUSTOM", {"Event-Subclass": "a::b"}))).startswith("+OK")
        for work in (made.api("nosuch"), made.job("nosuch")):
            with pytest.raises(SwitchOperationFailed) as caught:
                await work
            assert caught.value.details["answer"] == "-ERR nosuch Command not found!"
        with pytest.raises(SwitchOperationFailed):
            await made.command(lines.command("nosuch"))


async def test_a_variable_is_read_and_written_and_may_be_missing(server: FreeSwitch) -> None:
    listener = Listener()
    made = connection(server, Sleeps())
    async with running(made, listener):
        await listener.until("up")
        assert await made.read("nothing") == ""
        await made.write("something", "one/1/1")
        assert await made.read("something") == "one/1/1"
        server.answers["global_getvar"] = "-ERR permission denied\n"
        with pytest.raises(SwitchOperationFailed):
            await made.read("something")


async def test_without_a_connection_nothing_can_be_asked(server: FreeSwitch) -> None:
    made = connection(server, Sleeps())
    for work in (made.api("status"), made.job("status"), made.command(b"noevents\n\n"), made.read("a")):
        with pytest.raises(SwitchUnreachable):
            await work
    assert server.commands == []
