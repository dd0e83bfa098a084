"""A delivery is told, tried again ever more rarely, given up, broken off; and one receiver's trouble is its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from faults import ReceiverDeclined, ReceiverUnreachable
from ledger import Ledger, deliveries
from ledger.deliveries import Status
from processing.notify.channel import Channel, Progress
from processing.notify.notice import Notice
from recorder.states import RecordingInput, RecordingState
from tests.processing.notify.telling import Probe, Told, well
from tests.processing.scene import Scene

Make = Callable[..., Told]


@pytest_asyncio.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    made: list[Told] = []

    def one(*channels: Channel, attempts: int = 3, database: str | None = None) -> Told:
        made.append(Told(Scene(tmp_path, seconds=0.5), *channels, attempts=attempts, database=database))
        return made[-1]

    yield one
    for told in made:
        told.close()


def _status(told: Told, channel: str = "probe") -> list[Status]:
    return [one.status for one in told.deliveries(channel)]


async def unreachable(_notice: Notice, _progress: Progress) -> str:
    raise ReceiverUnreachable("nobody there")


async def for_ever(_notice: Notice, _progress: Progress) -> str:
    await asyncio.Event().wait()
    return ""


async def test_every_change_is_told_in_the_order_in_which_it_came(make: Make) -> None:
    probe = Probe(well, at_once=1)
    told = make(probe)
    told.finished()
    async with told.running():
        await told.look()
        await told.until(lambda: len(probe.sent) == 3)
    assert [one.state for one in probe.sent] == [RecordingState.ENDED, RecordingState.PROCESSING, RecordingState.READY]
    assert [one.note for one in told.deliveries()] == ["well"] * 3


async def test_no_more_are_under_way_than_the_channel_allows(make: Make) -> None:
    under_way: list[int] = []
    gate, now = asyncio.Event(), 0

    async def counted(_notice: Notice, _progress: Progress) -> str:
        nonlocal now
        now += 1
        under_way.append(now)
        await gate.wait()
        now -= 1
        return ""

    told = make(Probe(counted, at_once=2))
    told.finished()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told).count(Status.RUNNING) == 2)
        gate.set()
        await told.until(lambda: _status(told) == [Status.DONE] * 3)
    assert max(under_way) == 2


async def test_a_receiver_that_is_away_is_asked_again_ever_more_rarely_then_no_more(make: Make) -> None:
    told = make(Probe(unreachable), attempts=3)
    told.ended()
    waits = []
    async with told.running():
        await told.look()
        for attempt in (1, 2):
            await told.until(lambda attempt=attempt: told.deliveries()[0].attempts == attempt  # type: ignore[misc]
                             and _status(told) == [Status.WAITING])
            due = told.deliveries()[0].run_at
            waits.append(due - told.scene.clock.now)
            told.scene.clock.now = due
        await told.until(lambda: _status(told) == [Status.FAILED])
    assert waits == [2.5, 10.0]
    fault = told.deliveries()[0].fault
    assert fault is not None
    assert fault["id"] == "notice.unreachable"


async def test_one_that_was_given_up_is_told_when_somebody_asks_again(make: Make) -> None:
    probe = Probe(unreachable)
    told = make(probe, attempts=1)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told) == [Status.FAILED])
        probe._does = well
        with told.ledger.transaction() as connection:
            deliveries.retry_failed(connection, told.deliveries()[0].id, told.scene.clock.now)
        await told.until(lambda: _status(told) == [Status.DONE])
    assert {one.id for one in probe.sent} == {f"{told.scene.recording}-1"}


async def test_a_receiver_that_says_never_again_is_not_asked_again(make: Make) -> None:
    async def gone(_notice: Notice, _progress: Progress) -> str:
        raise ReceiverDeclined("gone")

    told = make(Probe(gone), attempts=9)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told) == [Status.FAILED])
    assert told.deliveries()[0].attempts == 1


async def test_a_receiver_that_hangs_is_broken_off_and_holds_up_no_other(make: Make) -> None:
    hanging, other = Probe(for_ever, name="hanging", patience=0.3), Probe(well)
    told = make(hanging, other, attempts=1)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told) == [Status.DONE])
        await told.until(lambda: _status(told, "hanging") == [Status.FAILED])
    fault = told.deliveries("hanging")[0].fault
    assert fault is not None
    assert fault["id"] == "notice.unreachable"


async def test_one_that_comes_on_slowly_is_not_broken_off(make: Make) -> None:
    async def slowly(_notice: Notice, progress: Progress) -> str:
        for piece in range(5):
            await asyncio.sleep(0.3)
            await progress.keep({"pieces": piece})
        return "well"

    told = make(Probe(slowly, patience=0.6), attempts=1)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told) == [Status.DONE])
    assert told.deliveries()[0].progress == {"pieces": 4}


async def test_a_channel_that_breaks_is_a_fault_of_its_notice_alone(make: Make) -> None:
    async def broken(_notice: Notice, _progress: Progress) -> str:
        raise ZeroDivisionError

    told = make(Probe(broken), attempts=1)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: _status(told) == [Status.FAILED])
    fault = told.deliveries()[0].fault
    assert fault is not None
    assert fault["id"] == "notice.broken"


async def test_what_is_under_way_when_the_service_stops_is_due_at_once_in_its_next_life(make: Make) -> None:
    probe = Probe(for_ever)
    told = make(probe, attempts=1)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: len(probe.sent) == 1)
    (left,) = told.deliveries()
    assert (left.status, left.attempts) == (Status.WAITING, 0)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_two_services_tell_once(database: str, make: Make, request: pytest.FixtureRequest) -> None:
    first, second = Probe(well), Probe(well)
    url = request.getfixturevalue("postgres").database() if database == "postgresql" else None
    told = make(first, database=url)
    others = told.scene.ledger() if url is None else Ledger.open(url)
    other = told.sender(second, others)
    told.ended()
    for given in (RecordingInput.PROCESS, RecordingInput.SHORT, *[RecordingInput.AGAIN, RecordingInput.SHORT] * 20):
        told.move(given)
    async with told.running():
        task = asyncio.create_task(other.run())
        await told.look()
        other.notify()
        await told.until(lambda: set(_status(told)) == {Status.DONE})
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    others.close()
    ids = [one.id for one in first.sent + second.sent]
    assert len(ids) == len(set(ids)) == 43
    assert first.sent
    assert second.sent


async def test_a_sender_that_died_leaves_what_it_had_to_the_next_under_the_same_id(make: Make) -> None:
    probe = Probe(well)
    told = make(probe)
    told.ended()
    told.teller.look()
    with told.ledger.transaction() as connection:
        deliveries.claim(connection, "probe", "dead", told.scene.clock.now, 30.0, most=1)
    async with told.running():
        told.scene.clock.now += 31
        await told.until(lambda: _status(told) == [Status.DONE])
    assert [one.id for one in probe.sent] == [f"{told.scene.recording}-1"]
    assert told.deliveries()[0].attempts == 2


async def test_a_link_names_the_recording(make: Make) -> None:
    probe = Probe(well)
    told = make(probe)
    told.ended()
    async with told.running():
        await told.look()
        await told.until(lambda: len(probe.sent) == 1)
    assert probe.sent[0].link == f"https://recordings.example/{told.scene.recording}"
