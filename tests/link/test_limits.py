"""Operations in line: one a call, so many a second, so many at once; a detach overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from faults import SwitchOperationFailed
from link.limits import Bucket, Limits


class Time:
    """A clock that only a sleep moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        over = asyncio.Event()
        self._sleepers.append((self.now + seconds, over))
        await over.wait()

    async def pass_to(self, moment: float) -> None:
        await settle()
        while due := sorted((entry for entry in self._sleepers if entry[0] <= moment + 1e-9), key=lambda e: e[0]):
            self.now = due[0][0]
            self._sleepers.remove(due[0])
            due[0][1].set()
            await settle()
        self.now = moment


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Work:
    """Operations that end when they are told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    def named(self, name: str) -> Callable[[], Awaitable[str]]:
        async def operation() -> str:
            self.begun.append(name)
            await self._gates.setdefault(name, asyncio.Event()).wait()
            return name
        return operation

    async def end(self, name: str) -> None:
        self._gates.setdefault(name, asyncio.Event()).set()
        await settle()


def limits(time: Time, *, per_second: float = 1000, burst: int = 1000, at_once: int = 1000,
           waiting: int = 1000) -> Limits:
    return Limits(per_second=per_second, burst=burst, at_once=at_once, waiting=waiting, clock=time.clock,
                  sleep=time.sleep)


async def test_operations_of_one_call_run_one_after_the_other_in_order() -> None:
    work, lined = Work(), limits(Time())
    async with asyncio.TaskGroup() as group:
        for name in ("a1", "a2", "a3"):
            group.create_task(lined.run("a", work.named(name)))
        await settle()
        assert work.begun == ["a1"]
        await work.end("a1")
        assert work.begun == ["a1", "a2"]
        await work.end("a2")
        await work.end("a3")
    assert work.begun == ["a1", "a2", "a3"]


async def test_operations_of_two_calls_run_side_by_side() -> None:
    work, lined = Work(), limits(Time())
    async with asyncio.TaskGroup() as group:
        group.create_task(lined.run("a", work.named("a1")))
        group.create_task(lined.run("b", work.named("b1")))
        await settle()
        assert work.begun == ["a1", "b1"]
        await work.end("a1")
        await work.end("b1")


async def test_no_more_run_at_once_than_allowed() -> None:
    work, lined = Work(), limits(Time(), at_once=2)
    async with asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(lined.run(name, work.named(name)))
        await settle()
        assert work.begun == ["a", "b"]
        await work.end("b")
        assert work.begun == ["a", "b", "c"]
        await work.end("a")
        await work.end("c")


async def test_after_the_burst_they_begin_at_the_rate() -> None:
    time = Time()
    work, lined = Work(), limits(time, per_second=10, burst=2)
    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            await work.end(name)
            group.create_task(lined.run(name, work.named(name)))
        await settle()
        assert work.begun == ["a", "b"]
        await time.pass_to(0.1)
        assert work.begun == ["a", "b", "c"]
        await time.pass_to(0.2)
        assert work.begun == ["a", "b", "c", "d"]


async def test_an_urgent_operation_overtakes_its_lane_the_rate_and_the_bound() -> None:
    work, lined = Work(), limits(Time(), per_second=0.001, burst=1, at_once=1, waiting=2)
    tasks = [asyncio.create_task(lined.run("a", work.named(name))) for name in ("attach", "second", "third")]
    await settle()
    await work.end("detach")
    assert await lined.run("a", work.named("detach"), urgent=True) == "detach"
    assert work.begun == ["attach", "detach"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_one_too_many_is_refused() -> None:
    work, lined = Work(), limits(Time(), at_once=1, waiting=1)
    tasks = [asyncio.create_task(lined.run("a", work.named(name))) for name in ("runs", "waits")]
    await settle()
    with pytest.raises(SwitchOperationFailed):
        await lined.run("b", work.named("refused"))
    await work.end("runs")
    await work.end("waits")
    await asyncio.gather(*tasks)
    assert work.begun == ["runs", "waits"]


async def test_a_lane_vanishes_when_it_is_empty() -> None:
    work, lined = Work(), limits(Time())
    await work.end("a1")
    await lined.run("a", work.named("a1"))
    assert (lined.lanes, lined.waiting) == (0, 0)


async def test_a_failed_operation_lets_the_next_one_run() -> None:
    work, lined = Work(), limits(Time())

    async def fails() -> None:
        raise SwitchOperationFailed("no")

    await work.end("next")
    with pytest.raises(SwitchOperationFailed, match="no"):
        await lined.run("a", fails)
    assert await lined.run("a", work.named("next")) == "next"
    assert lined.lanes == 0


@pytest.mark.parametrize("lane", ["a", "b"])
async def test_a_cancelled_wait_leaves_nothing_behind(lane: str) -> None:
    time = Time()
    work, lined = Work(), limits(time, per_second=1, burst=1)
    first = asyncio.create_task(lined.run("a", work.named("first")))
    await settle()
    waits = asyncio.create_task(lined.run(lane, work.named("waits")))
    await settle()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    await work.end("first")
    await first
    assert (lined.lanes, lined.waiting) == (0, 0)


async def test_a_token_of_a_cancelled_wait_goes_to_the_next() -> None:
    time = Time()
    work, lined = Work(), limits(time, per_second=1, burst=1)
    await work.end("first")
    await lined.run("a", work.named("first"))
    waits = asyncio.create_task(lined.run("b", work.named("waits")))
    await settle()
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    await work.end("next")
    following = asyncio.create_task(lined.run("c", work.named("next")))
    await time.pass_to(1.0)
    assert work.begun == ["first", "next"]
    await following


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(rate=10, burst=2, now=0)
    assert [bucket.take(100) for _ in range(4)] == [0, 0, pytest.approx(0.1), pytest.approx(0.2)]
