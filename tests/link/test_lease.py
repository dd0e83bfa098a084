"""The lease on a switch: who has it, who waits for it, and when it changes hands. Time is the tests' own."""

from __future__ import annotations

import asyncio
import heapq

import pytest

from faults import SwitchTaken, SwitchUnreachable
from link.lease import DEAD_AFTER, EVERY, VARIABLE, Holder, Lease


class Switch:
    """Its global variable, and its answers as they are wanted."""

    def __init__(self) -> None:
        self.value = ""
        self.written: list[str] = []
        self.reachable = True

    async def read(self, name: str) -> str:
        await self._reached(name)
        return self.value

    async def write(self, name: str, value: str) -> None:
        await self._reached(name)
        self.value = value
        self.written.append(value)

    async def _reached(self, name: str) -> None:
        assert name == VARIABLE
        await asyncio.sleep(0)
        if not self.reachable:
            raise SwitchUnreachable("gone")


class Time:
    """A clock that stands until `pass_`."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, id(done), done))
        await done

    async def pass_(self, seconds: float) -> None:
        """Let so many seconds go by, and whoever wakes do what it does."""
        end = self.now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, done = heapq.heappop(self._sleepers)
            if not done.done():
                done.set_result(None)
            await settle()
        self.now = end


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Service:
    """One that wants the lease, and keeps it."""

    def __init__(self, switch: Switch, time: Time, name: str, life: str = "1") -> None:
        self.holds = False
        self.told = 0
        self.lost: BaseException | None = None
        self.lease = Lease(switch, Holder(name, life), clock=lambda: time.now, sleep=time.sleep)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self.lease.take(self._stand_by)
        self.holds = True
        try:
            await self.lease.keep()
        except SwitchTaken as fault:
            self.lost = fault
        finally:
            self.holds = False

    def _stand_by(self, fault: SwitchTaken) -> None:
        self.told += 1

    async def die(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def stop(self) -> None:
        await self.die()
        await self.lease.give_back()


async def test_a_free_lease_is_taken_and_changes_all_the_time() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    assert one.holds
    await time.pass_(10 * EVERY)
    assert len(set(switch.written)) == len(switch.written) >= 10
    await one.die()


async def test_a_second_service_stands_by_as_long_as_the_first_lives() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    two = Service(switch, time, "two")
    await time.pass_(3600)
    assert (one.holds, two.holds) == (True, False)
    assert two.told > 100
    assert all(value.startswith("one/") for value in switch.written)
    await one.die()
    await two.die()


async def test_a_lease_that_is_given_back_is_taken_at_the_next_look() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    two = Service(switch, time, "two")
    await time.pass_(60)
    await one.stop()
    await time.pass_(EVERY + 1)
    assert two.holds
    await two.die()


async def test_a_lease_that_stands_still_is_taken_and_not_before() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    two = Service(switch, time, "two")
    await time.pass_(60)
    await one.die()
    await time.pass_(DEAD_AFTER - EVERY)
    held = [two.holds]
    await time.pass_(3 * EVERY)
    held.append(two.holds)
    assert held == [False, True]
    await two.die()


async def test_a_lease_that_a_reload_of_the_dialplan_took_away_stays_with_its_holder() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    two = Service(switch, time, "two")
    await time.pass_(61.5)
    for _ in range(10):
        switch.value = ""
        await time.pass_(5.3)
    assert (one.holds, two.holds) == (True, False)
    await one.die()
    await two.die()


async def test_the_same_service_is_in_at_once_after_a_crash() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    await one.die()
    again = Service(switch, time, "one", life="2")
    await time.pass_(0)
    assert again.holds
    await again.die()


async def test_of_two_that_start_together_one_has_it() -> None:
    switch, time = Switch(), Time()
    services = [Service(switch, time, name) for name in ("one", "two", "three")]
    for _ in range(60):
        await time.pass_(1)
        assert sum(service.holds for service in services) <= 1
    assert sum(service.holds for service in services) == 1
    for service in services:
        await service.die()


async def test_who_was_believed_dead_leaves_it_to_the_other() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    switch.value = other = "two/1/1"
    await time.pass_(EVERY)
    assert isinstance(one.lost, SwitchTaken)
    await one.lease.give_back()
    assert switch.value == other


async def test_a_lease_outlives_a_short_silence_of_asterisk() -> None:
    switch, time = Switch(), Time()
    one = Service(switch, time, "one")
    await time.pass_(1)
    switch.reachable = False
    await time.pass_(3 * EVERY)
    await one.lease.give_back()
    switch.reachable = True
    await time.pass_(EVERY)
    assert one.holds
    await one.die()


async def test_who_waits_is_told_that_asterisk_is_gone() -> None:
    switch, time = Switch(), Time()
    switch.reachable = False
    with pytest.raises(SwitchUnreachable):
        await Lease(switch, Holder("one", "1"), clock=lambda: time.now, sleep=time.sleep).take(
            lambda fault: None)
