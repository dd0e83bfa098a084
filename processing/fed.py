"""Workers in threads that are told which job to do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import structlog

from faults import LedgerFault
from processing.worker import Worker

log = structlog.get_logger("jobs")

LEDGER_PAUSE_S = 2.0
LOOK_EVERY_S = 5.0


class Fed:
    """Does the jobs that it is told to.

    Args:
        workers: one thread each.
        renew_every: how often leases are renewed, in seconds.
    """

    def __init__(self, workers: Sequence[Worker], *, renew_every: float) -> None:
        self._workers = workers
        self._renew_every = renew_every
        self._threads = ThreadPoolExecutor(2 * len(workers), thread_name_prefix="job")
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        for worker in workers:
            self._free.put_nowait(worker)
        self._stopping = asyncio.Event()

    async def do(self, recording: str) -> bool:
        """Do the job of a recording, as far as it goes now; nothing if it is over, not due, or somebody's.

        While the ledger cannot be used it is tried again and again.

        Returns:
            Whether whoever told us may forget it: not if we stop, or are cancelled.
        """
        while not self._stopping.is_set():
            worker = await self._free.get()
            if self._stopping.is_set():
                self._free.put_nowait(worker)
                break
            working = asyncio.get_running_loop().run_in_executor(self._threads, worker.work_on, recording)
            # Who is cancelled does not wait, but the thread goes on.
            working.add_done_callback(partial(self._done, worker))
            try:
                await asyncio.shield(working)
            except LedgerFault as fault:
                log.error("jobs wait: the ledger cannot be used", cause=fault.message)
                await asyncio.sleep(LEDGER_PAUSE_S)
                continue
            return True
        return False

    async def look(self) -> None:
        """Do what is due although nobody tells of it, until cancelled: a queue may be away, or stuck."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                while not self._free.empty() and not self._stopping.is_set() and await self._any():
                    continue
            except LedgerFault as fault:
                log.error("jobs wait: the ledger cannot be used", cause=fault.message)

    async def _any(self) -> bool:
        worker = self._free.get_nowait()
        working = asyncio.get_running_loop().run_in_executor(self._threads, worker.work_once)
        working.add_done_callback(partial(self._done, worker))
        return await asyncio.shield(working)

    def _done(self, worker: Worker, working: asyncio.Future[bool]) -> None:
        if not working.cancelled():
            working.exception()
        self._free.put_nowait(worker)

    async def renew(self) -> None:
        """Hold on to the jobs that are worked on, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._renew_every)
            for worker in self._workers:
                try:
                    await loop.run_in_executor(self._threads, worker.renew)
                except LedgerFault as fault:
                    log.error("a lease could not be renewed", cause=fault.message)

    async def stop(self) -> None:
        """Begin nothing any more, let each worker finish its step and let go of its job, and wait for that."""
        self._stopping.set()
        for worker in self._workers:
            worker.stop()
        for _ in self._workers:
            await self._free.get()
        for worker in self._workers:
            self._free.put_nowait(worker)
        await asyncio.to_thread(self._threads.shutdown)
