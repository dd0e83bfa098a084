"""`phonograph worker` on a real RabbitMQ and a real PostgreSQL: each recording is finished once, whoever dies."""

from __future__ import annotations

import asyncio
import random

from ledger import Ledger, jobs
from ledger.jobs import JobState
from tests.postgres import PostgresServer
from tests.processing.scene import assert_whole
from tests.queues.calls import files, record, states, times_ready, until_ready
from tests.rabbitmq import RabbitServer
from tests.workers import Site, WorkerProcess


def _assert_each_is_ready_once(ledger: Ledger, site: Site, made: list[str]) -> None:
    assert states(ledger) == {"ready": len(made)}
    assert times_ready(ledger) == dict.fromkeys(made, (1, 1))
    for recording in made:
        found = files(ledger, site, recording)
        assert set(found) == {"mixed", "stereo", "manifest"}
        for path in found.values():
            assert_whole(path)


async def test_a_worker_finishes_what_the_queue_tells_it_of(site: Site, ledger: Ledger) -> None:
    made = record(site, ledger, 3)
    async with WorkerProcess(site):
        await until_ready(ledger, 3, site)
    _assert_each_is_ready_once(ledger, site, made)
