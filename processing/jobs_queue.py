"""The queues with the ids of jobs, from the side of who does them. The row of a job is the truth: an id that comes
twice, too late, or of a job that somebody has, means nothing."""

from __future__ import annotations

import json

import structlog
from aio_pika.abc import AbstractIncomingMessage

from processing.amqp import Line
from processing.fed import Fed

log = structlog.get_logger("queue")


async def take_jobs(line: Line, queue: str, fed: Fed, at_once: int) -> None:
    """Do the jobs of a queue until the connection is gone. A message is acknowledged when its job came as far as it
    could, or is none of ours."""
    async def take(message: AbstractIncomingMessage) -> None:
        recording = _recording(message)
        if recording is None:
            log.error("a message in the queue of jobs is none of ours; it is dropped", queue=queue)
            await message.ack()
        elif await fed.do(recording):
            await message.ack()

    await line.consume(queue, take, at_once=at_once)


def _recording(message: AbstractIncomingMessage) -> str | None:
    try:
        told = json.loads(message.body)
    except ValueError:
        return None
    recording = told.get("recording") if isinstance(told, dict) and told.get("version") == 1 else None
    return recording if isinstance(recording, str) else None
