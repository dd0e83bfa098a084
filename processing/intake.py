"""The documented queues: takes tasks, waits for what becomes of them, tells it, and only then acknowledges them.

A task may be delivered again at any time: it is known by its uuid, and what was told is told again under the same
message id. A file is never changed or deleted because a task was wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import structlog
from aio_pika.abc import AbstractIncomingMessage
from sqlalchemy import Connection

from faults import LedgerFault, QueueFault, TaskConflict
from ledger import Ledger, calls, jobs, recordings
from ledger.jobs import JobState
from ledger.recordings import Kept
from processing import tasks
from processing.amqp import Line, Names
from processing.step import Places
from recorder.model import Call
from recorder.states import RecordingState

T = TypeVar("T")

log = structlog.get_logger("queue")

_AT_ONCE = 64
_LOOK_EVERY_S = 0.5
_LEDGER_PAUSE_S = 2.0
_FINAL = (RecordingState.READY, RecordingState.INCOMPLETE, RecordingState.FAILED)


class Intake:
    """Takes tasks from ``processing_queue``.

    Args:
        clock: seconds since the Unix epoch (UTC).
        begun: called for each job that was begun, in the loop's thread.
    """

    def __init__(self, ledger: Ledger, places: Places, names: Names, *, clock: Callable[[], float],
                 begun: Callable[[], None]) -> None:
        self._ledger = ledger
        self._places = places
        self._names = names
        self._clock = clock
        self._begun = begun
        self._awaited: dict[str, asyncio.Event] = {}

    async def run(self, line: Line) -> None:
        """Take tasks until cancelled or the connection is gone."""
        async with asyncio.TaskGroup() as group:
            group.create_task(line.consume(self._names.processing, lambda message: self._take(line, message),
                                           at_once=_AT_ONCE))
            group.create_task(self._watch())

    async def _take(self, line: Line, message: AbstractIncomingMessage) -> None:
        """One task, from its message to its acknowledgement."""
        uuid: str | None = None
        log.info("task received", message=message.message_id)
        try:
            task = tasks.parse(message.body)
            uuid = str(task.uuid)
            call = await asyncio.to_thread(tasks.call_of, task, self._places.spools)
            kept = await self._finished(call, again=not message.redelivered)
        except QueueFault as fault:
            await self._fail(line, message, uuid, fault.as_dict())
            return
        if kept.recording.state is RecordingState.FAILED:
            job = await self._in_ledger(lambda connection: jobs.get(connection, kept.recording.id))
            await self._fail(line, message, uuid, job.fault or {})
            return
        await line.publish(self._names.processed, _result(kept), message_id=f"{uuid}.{kept.recording.state}",
                           correlation_id=message.message_id)
        await message.ack()
        log.info("task done", recording=uuid, state=kept.recording.state)

    async def _fail(self, line: Line, message: AbstractIncomingMessage, uuid: str | None,
                    fault: dict[str, Any]) -> None:
        told = {"version": 1, "uuid": uuid, "fault": fault}
        await line.publish(self._names.failure, told, message_id=f"{uuid or message.message_id or 'none'}.failed",
                           correlation_id=message.message_id)
        await message.ack()
        log.warning("task failed", recording=uuid, fault=fault.get("id"), message=fault.get("message"))

    async def _finished(self, call: Call, *, again: bool) -> Kept:
        """Begin the job of a task unless that was done; return when its recording has its final state.

        Args:
            again: whether a job on the failed list is taken off it.

        Raises:
            TaskConflict: that id is another recording's.
        """
        recording = call.recordings[0].id
        known = await self._in_ledger(lambda connection: self._begin(connection, call, again=again), write=True)
        if known is not None:
            return known
        self._begun()
        reached = self._awaited.setdefault(recording, asyncio.Event())
        await reached.wait()
        return await self._in_ledger(lambda connection: recordings.get(connection, recording))

    def _begin(self, connection: Connection, call: Call, *, again: bool) -> Kept | None:
        """The recording, if it has its final state already."""
        recording = call.recordings[0].id
        now = self._clock()
        kept = recordings.find(connection, recording)
        if kept is None:
            calls.save(connection, [call], now)
            jobs.enqueue(connection, recording, now, self._places.node)
            return None
        if not tasks.same(kept.call, call):
            raise TaskConflict("Another recording has that uuid.", recording=recording)
        if kept.recording.state is RecordingState.FAILED and again:
            if jobs.get(connection, recording).state is JobState.FAILED:
                jobs.retry_failed(connection, recording, now)
            return None
        return kept if kept.recording.state in _FINAL else None

    async def _watch(self) -> None:
        """Other processes may finish what was begun here: look again and again."""
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            waiting = [recording for recording, event in self._awaited.items() if not event.is_set()]
            if not waiting:
                continue
            over = await self._in_ledger(partial(jobs.settled, recording_ids=waiting))
            for recording in over:
                self._awaited.pop(recording).set()

    async def _in_ledger(self, work: Callable[[Connection], T], *, write: bool = False) -> T:
        """What ``work`` returns; while the ledger cannot be used, tried again and again."""
        def whole() -> T:
            with self._ledger.transaction() if write else self._ledger.reading() as connection:
                return work(connection)

        while True:
            try:
                return await asyncio.to_thread(whole)
            except LedgerFault as fault:
                log.error("tasks wait: the ledger cannot be used", cause=fault.message)
                await asyncio.sleep(_LEDGER_PAUSE_S)


def _result(kept: Kept) -> dict[str, Any]:
    """What is told of a finished recording."""
    made: dict[str, Any] = dict(kept.result or {})
    return {"version": 1, "uuid": kept.recording.id, "state": kept.recording.state.value,
            "reasons": made.get("reasons", []), "seconds": made.get("seconds"), "bytes": made.get("bytes"),
            "store": made.get("store"), "files": kept.files}
