"""The runner wakes when it is told, tries again when it is time, and stops between steps."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from faults import LedgerUnavailable, StepFailed
from ledger import Ledger, calls, jobs, recordings
from ledger.jobs import JobState
from processing.runner import Runner
from processing.worker import Worker
from recorder.states import RecordingInput, RecordingState
from tests.processing.scene import BEGAN, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path, seconds=0.5)
    made.record()
    return made


@pytest.fixture
def ledger(scene: Scene) -> Iterator[Ledger]:
    opened = scene.ledger()
    yield opened
    opened.close()


class Told:
    """A checkpoint that tells the loop when the job came to a point."""

    def __init__(self, point: str) -> None:
        self._point = point
        self._reached = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, point: str) -> None:
        if point == self._point:
            self._loop.call_soon_threadsafe(self._reached.set)

    async def wait(self) -> None:
        async with asyncio.timeout(20):
            await self._reached.wait()


@asynccontextmanager
async def _running(scene: Scene, ledger: Ledger, *workers: Worker, renew_every: float = 20.0) -> AsyncIterator[Runner]:
    runner = Runner(ledger, workers, clock=scene.clock, renew_every=renew_every)
    task = asyncio.create_task(runner.run())
    yield runner
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _enqueue(scene: Scene, ledger: Ledger) -> None:
    with ledger.transaction() as connection:
        calls.save(connection, [scene.call], BEGAN)
        jobs.enqueue(connection, scene.recording, BEGAN)


def _state(ledger: Ledger, scene: Scene) -> RecordingState:
    with ledger.reading() as connection:
        return recordings.get(connection, scene.recording).recording.state


async def test_a_job_that_waited_is_finished(scene: Scene, ledger: Ledger) -> None:
    _enqueue(scene, ledger)
    finished = Told("finished")
    async with _running(scene, ledger, *(scene.worker(ledger, checkpoint=finished) for _ in range(2))):
        await finished.wait()
    assert _state(ledger, scene) is RecordingState.READY


async def test_a_new_job_wakes_it(scene: Scene, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    finished, looked = Told("finished"), Told("looked")
    worker = scene.worker(ledger, checkpoint=finished)
    look = worker.work_once

    def work_once() -> bool:
        worked = look()
        looked("looked")
        return worked

    monkeypatch.setattr(worker, "work_once", work_once)
    async with _running(scene, ledger, worker) as runner:
        await looked.wait()
        _enqueue(scene, ledger)
        runner.notify()
        await finished.wait()
    assert _state(ledger, scene) is RecordingState.READY


async def test_a_retry_that_is_due_needs_no_waking(scene: Scene, ledger: Ledger) -> None:
    _enqueue(scene, ledger)
    with ledger.transaction() as connection:
        job = jobs.claim(connection, "earlier", scene.clock.now, 60.0)
        assert job is not None
        recordings.move(connection, scene.recording, RecordingInput.PROCESS, scene.clock.now)
        jobs.retry(connection, job, StepFailed("No."), scene.clock.now + 0.05)
    finished = Told("finished")
    scene.clock.tick = 0.04
    async with _running(scene, ledger, scene.worker(ledger, checkpoint=finished)):
        await finished.wait()


async def test_cancelled_it_lets_go_of_its_job_after_the_step(
        scene: Scene, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    _enqueue(scene, ledger)
    loop = asyncio.get_running_loop()
    told = threading.Event()

    def checkpoint(point: str) -> None:
        if point == "verify: ran":
            loop.call_soon_threadsafe(task.cancel)
            assert told.wait(20)

    worker = scene.worker(ledger, checkpoint=checkpoint)
    stop = worker.stop

    def stopped() -> None:
        stop()
        told.set()

    monkeypatch.setattr(worker, "stop", stopped)
    task = asyncio.create_task(Runner(ledger, [worker], clock=scene.clock, renew_every=20.0).run())
    await asyncio.gather(task, return_exceptions=True)
    with ledger.reading() as connection:
        job = jobs.get(connection, scene.recording)
    assert (job.state, job.step, job.attempts) == (JobState.WAITING, "compose", 0)


async def test_a_lease_is_renewed_while_a_step_runs(
        scene: Scene, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    _enqueue(scene, ledger)
    finished = Told("finished")
    running, renewed = threading.Event(), threading.Event()
    leases: list[float | None] = []

    def checkpoint(point: str) -> None:
        if point == "verify: ran":
            scene.clock.now += 50
            running.set()
            assert renewed.wait(20)
        finished(point)

    worker = scene.worker(ledger, checkpoint=checkpoint)
    renew = worker.renew

    def renewing() -> None:
        if running.is_set() and not renewed.is_set():
            renew()
            with ledger.reading() as connection:
                leases.append(jobs.get(connection, scene.recording).lease_until)
            renewed.set()

    monkeypatch.setattr(worker, "renew", renewing)
    async with _running(scene, ledger, worker, renew_every=0.01):
        await finished.wait()
    assert leases == [scene.clock.now + 60]


async def test_a_ledger_that_refuses_is_asked_again(
        scene: Scene, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    _enqueue(scene, ledger)
    finished = Told("finished")
    worker = scene.worker(ledger, checkpoint=finished)
    work = worker.work_once
    refusals = iter([LedgerUnavailable("The ledger refused: disk I/O error")])

    def refused_once() -> bool:
        for refusal in refusals:
            raise refusal
        return work()

    monkeypatch.setattr(worker, "work_once", refused_once)
    monkeypatch.setattr("processing.runner.LEDGER_PAUSE_S", 0.0)
    async with _running(scene, ledger, worker):
        await finished.wait()
    assert _state(ledger, scene) is RecordingState.READY
