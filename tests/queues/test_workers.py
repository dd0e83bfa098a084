"""`phonograph worker` on a real RabbitMQ and a real PostgreSQL: each recording is finished once, whoever dies."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ledger import Ledger, jobs
from ledger.jobs import JobState
from tests.postgres import PostgresServer
from tests.processing.scene import assert_whole
from tests.queues.calls import files, record, states, times_ready, until_ready
from tests.rabbitmq import RabbitServer
from tests.workers import LIVES, Site, WorkerProcess

MANY = 300
SEED = 20260131


def _assert_each_is_ready_once(ledger: Ledger, site: Site, made: list[str]) -> None:
    assert states(ledger) == {"ready": len(made)}
    assert times_ready(ledger) == dict.fromkeys(made, 1)
    for recording in made:
        found = files(ledger, site, recording)
        assert set(found) == {"mixed", "stereo", "manifest"}
        for path in found.values():
            assert_whole(path)


async def _killing(workers: list[WorkerProcess], until: Callable[[], bool]) -> int:
    """Kill a worker at random and start it anew, again and again; how often."""
    drawn = random.Random(SEED)
    killed = 0
    while not until():
        await asyncio.sleep(drawn.uniform(0.8, 2.4))
        worker = drawn.choice(workers)
        await worker.kill()
        killed += 1
        await worker.start()
    return killed


async def test_a_worker_finishes_what_the_queue_tells_it_of(site: Site, ledger: Ledger) -> None:
    made = record(site, ledger, 3)
    async with WorkerProcess(site):
        await until_ready(ledger, 3, site)
    _assert_each_is_ready_once(ledger, site, made)


@pytest.mark.timeout(300)
async def test_whoever_is_killed_each_of_many_recordings_is_ready_once(site: Site, ledger: Ledger) -> None:
    made = record(site, ledger, MANY)
    workers = [WorkerProcess(site, "--at-once", "2") for _ in range(3)]
    for worker in workers:
        await worker.start()
    try:
        killed = await _killing(workers, lambda: states(ledger).get("ready", 0) > MANY * 0.9)
        await until_ready(ledger, MANY, site)
    finally:
        for worker in workers:
            await worker.kill()
    assert killed > 3
    _assert_each_is_ready_once(ledger, site, made)


@pytest.mark.timeout(300)
async def test_both_servers_may_restart_in_the_middle(tmp_path: Path) -> None:
    with PostgresServer() as postgres, RabbitServer(tmp_path / "rabbitmq") as rabbitmq:
        site = Site(tmp_path / "site", postgres.database(), rabbitmq.virtual_host(), more={"jobs": {"lease": 2.0}})
        workers = [WorkerProcess(site) for _ in range(2)]
        try:
            with closing(Ledger.open(site.ledger)) as ledger:
                made = record(site, ledger, 120)
                for worker in workers:
                    await worker.start()
                await until_ready(ledger, 20, site)
                rabbitmq.kill()
                await workers[0].kill()
                await asyncio.to_thread(rabbitmq.start)
                await workers[0].start()
                await until_ready(ledger, 60, site)
            await asyncio.to_thread(postgres.restart)
            with closing(Ledger.open(site.ledger)) as ledger:
                await until_ready(ledger, len(made), site)
                assert [worker.fate for worker in workers] == [LIVES, LIVES]
                _assert_each_is_ready_once(ledger, site, made)
        finally:
            for worker in workers:
                await worker.kill()


async def test_a_worker_that_starts_while_the_database_is_away_waits_for_it(
        tmp_path: Path, rabbitmq: RabbitServer) -> None:
    with PostgresServer() as postgres:
        site = Site(tmp_path / "site", postgres.database(), rabbitmq.virtual_host())
        with closing(Ledger.open(site.ledger)) as ledger:
            made = record(site, ledger, 3)
        await asyncio.to_thread(postgres.end)
        async with WorkerProcess(site) as worker:
            async with asyncio.timeout(30):
                while "the worker waits" not in site.log() and worker.fate == LIVES:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            assert worker.fate == LIVES
            await asyncio.to_thread(postgres.start)
            with closing(Ledger.open(site.ledger)) as ledger:
                await until_ready(ledger, 3, site)
                assert worker.fate == LIVES
                _assert_each_is_ready_once(ledger, site, made)


async def test_what_ends_while_the_queue_is_away_is_finished_when_it_is_back(
        tmp_path: Path, postgres: PostgresServer) -> None:
    with RabbitServer(tmp_path / "rabbitmq") as rabbitmq:
        site = Site(tmp_path / "site", postgres.database(), rabbitmq.virtual_host())
        with closing(Ledger.open(site.ledger)) as ledger:
            rabbitmq.kill()
            async with WorkerProcess(site) as worker:
                made = record(site, ledger, 3)
                await asyncio.to_thread(rabbitmq.start)
                await until_ready(ledger, 3, site)
                assert worker.fate == LIVES
            _assert_each_is_ready_once(ledger, site, made)


async def test_a_worker_that_is_asked_to_end_lets_go_of_its_job_and_another_goes_on(
        site: Site, ledger: Ledger) -> None:
    """The lease is longer than the test: what was not let go of would not be done in time."""
    patient = Site(site.folder, site.ledger, site.queue)
    made = record(patient, ledger, 40)
    async with WorkerProcess(patient) as first:
        await until_ready(ledger, 5, patient)
        assert await first.stop() == 0
    with ledger.reading() as connection:
        assert jobs.listing(connection, JobState.RUNNING) == []
    assert states(ledger)["ready"] < 40
    async with WorkerProcess(patient):
        await until_ready(ledger, 40, patient)
    _assert_each_is_ready_once(ledger, patient, made)


async def test_jobs_stay_with_the_machine_that_has_their_files(site: Site, ledger: Ledger) -> None:
    elsewhere = Site(site.folder.with_name("elsewhere"), site.ledger, site.queue, node="elsewhere")
    (theirs,) = record(elsewhere, ledger, 1)
    with ledger.transaction() as connection:
        assert jobs.get(connection, theirs).node == "elsewhere"
    async with WorkerProcess(site):
        await asyncio.sleep(3)
        assert states(ledger) == {"ended": 1}
        async with WorkerProcess(elsewhere):
            await until_ready(ledger, 1, elsewhere)
    _assert_each_is_ready_once(ledger, elsewhere, [theirs])
