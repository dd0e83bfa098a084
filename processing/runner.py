"""The job runner: workers in threads, woken when a recording ends or a retry is due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from faults import LedgerFault
from ledger import Ledger, jobs
from processing.worker import Worker

log = structlog.get_logger("jobs")

# After the ledger refused; and the longest sleep, should nobody have woken us.
LEDGER_PAUSE_S = 5.0
LONGEST_SLEEP_S = 60.0


class Runner:
    """Runs jobs until it is cancelled.

    Args:
        workers: one thread each.
        clock: seconds since the Unix epoch (UTC), the one of the workers.
        renew_every: how often leases are renewed, in seconds.
        node: the workers' machine.
    """

    def __init__(self, ledger: Ledger, workers: Sequence[Worker], *, clock: Callable[[], float],
                 renew_every: float, node: str | None = None) -> None:
        self._ledger = ledger
        self._workers = workers
        self._clock = clock
        self._renew_every = renew_every
        self._node = node
        self._wake = [asyncio.Event() for _ in workers]
        self._idle: list[asyncio.Event] = []

    def notify(self) -> None:
        """There may be a job: one idle worker looks, or, if all are busy, each once more. Called in the loop's thread,
        once for each job, so that no two workers look for the same one."""
        for wake in [self._idle.pop()] if self._idle else self._wake:
            wake.set()

    async def run(self) -> None:
        """Work on whatever is due. Cancelled, it waits for the steps that run, and lets go of their jobs."""
        threads = ThreadPoolExecutor(max(1, 2 * len(self._workers)), thread_name_prefix="job")
        try:
            async with asyncio.TaskGroup() as group:
                for worker, wake in zip(self._workers, self._wake, strict=True):
                    group.create_task(self._work(threads, worker, wake))
                    group.create_task(self._renew(threads, worker))
        finally:
            for worker in self._workers:
                worker.stop()
            await asyncio.to_thread(threads.shutdown)

    async def _work(self, threads: ThreadPoolExecutor, worker: Worker, wake: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        while True:
            wake.clear()
            try:
                pause = await loop.run_in_executor(threads, self._turn, worker)
            except LedgerFault as fault:
                log.error("jobs wait: the ledger cannot be used", cause=fault.message)
                pause = LEDGER_PAUSE_S
            self._idle.append(wake)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(wake.wait(), pause)
            if wake in self._idle:
                self._idle.remove(wake)

    async def _renew(self, threads: ThreadPoolExecutor, worker: Worker) -> None:
        while True:
            await asyncio.sleep(self._renew_every)
            try:
                await asyncio.get_running_loop().run_in_executor(threads, worker.renew)
            except LedgerFault as fault:
                log.error("a lease could not be renewed", cause=fault.message)

    def _turn(self, worker: Worker) -> float:
        """Let a worker do one job, if there is one; seconds until there may be another."""
        worker.work_once()
        return self._until_next()

    def _until_next(self) -> float:
        """Seconds until a job can be claimed."""
        with self._ledger.reading() as connection:
            due = jobs.next_due(connection, self._node)
        # A lease that ends exactly now is not yet free: a millisecond later it is.
        return LONGEST_SLEEP_S if due is None else min(LONGEST_SLEEP_S, max(0.001, due - self._clock() + 0.001))
