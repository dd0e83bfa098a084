"""The relay: tells the queue of each job that can be claimed. Its outbox is the job's own row."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from faults import LedgerFault
from ledger import Ledger, publishing
from ledger.publishing import Due
from processing.amqp import Line, jobs_queue

log = structlog.get_logger("queue")

_MOST = 200
# Unless the queue has confirmed by then, another relay, or the next life of this one, takes the same jobs.
_WITHIN_S = 10.0
# A queue may lose what it confirmed (it was deleted, say): told again, should nobody have claimed the job by then.
_AGAIN_S = 900.0
# Nobody tells us of what other processes let go of.
_LOOK_EVERY_S = 1.0
_LEDGER_PAUSE_S = 5.0
# A queue that was deleted, or made anew, holds nothing of what it was told: waiting jobs beside an empty one say so.
_COMPARE_EVERY_S = 5.0


class Relay:
    """Tells of the jobs of all machines. Several relays at one ledger share the work.

    Args:
        clock: seconds since the Unix epoch (UTC), as that of the workers.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._wake = asyncio.Event()
        self._compared = 0.0

    def notify(self) -> None:
        """There may be a job. Called in the loop's thread."""
        self._wake.set()

    async def run(self, line: Line) -> None:
        """Tell of whatever is due, until cancelled or the connection is gone."""
        while True:
            self._wake.clear()
            try:
                pause = await self._look(line)
            except LedgerFault as fault:
                log.error("the queue is told of nothing: the ledger cannot be used", cause=fault.message)
                pause = _LEDGER_PAUSE_S
            if pause:
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def _look(self, line: Line) -> float:
        """Tell of what is due now; seconds until the next look."""
        now = self._clock()
        if now - self._compared >= _COMPARE_EVERY_S:
            self._compared = now
            await self._compare(line, now)
        due = await asyncio.to_thread(self._take, now)
        if not due:
            return _LOOK_EVERY_S
        async with asyncio.TaskGroup() as group:
            for one in due:
                group.create_task(line.publish(jobs_queue(one.node), {"version": 1, "recording": one.recording},
                                               message_id=one.recording))
        await asyncio.to_thread(self._told, due, now)
        return 0.0

    async def _compare(self, line: Line, now: float) -> None:
        """Jobs that could be claimed and are not, with nothing in their queue, are told of again: it has lost them."""
        since = now - _COMPARE_EVERY_S
        for node in await asyncio.to_thread(self._waiting, since, now):
            if not await line.waiting(jobs_queue(node)):
                await asyncio.to_thread(self._lost, node, since, now)

    def _waiting(self, since: float, now: float) -> list[str | None]:
        with self._ledger.reading() as connection:
            return publishing.waiting(connection, since, now)

    def _lost(self, node: str | None, since: float, now: float) -> None:
        with self._ledger.transaction() as connection:
            publishing.lost(connection, node, since, now)

    def _take(self, now: float) -> list[Due]:
        # Most looks find nothing: they do not write.
        with self._ledger.reading() as connection:
            first = publishing.next_at(connection)
        if first is None or first > now:
            return []
        with self._ledger.transaction() as connection:
            return publishing.take(connection, now, within=_WITHIN_S, most=_MOST)

    def _told(self, due: list[Due], taken: float) -> None:
        with self._ledger.transaction() as connection:
            publishing.told(connection, (one.recording for one in due), taken=taken, within=_WITHIN_S,
                            again=taken + _AGAIN_S)
