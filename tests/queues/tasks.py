"""Who sends tasks, and reads what is told of them: a program that knows the documented queues and nothing of ours."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from jsonschema import Draft202012Validator

from tests.processing.scene import noise, wav_bytes
from tests.workers import Site

PROCESSING, PROCESSED, FAILURE = "phonograph.processing", "phonograph.processed", "phonograph.failure"
SCHEMAS = Path(__file__).parents[2] / "processing" / "schemas"
_SCHEMAS = {PROCESSED: "task-result-1.json", FAILURE: "task-error-1.json"}
Json = dict[str, Any]


class Sender:
    """A connection of its own to the broker of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._connection: AbstractConnection
        self._channel: AbstractChannel

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._site.queue)
        self._channel = await self._connection.channel()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self._connection.close()

    async def send(self, content: object, *, message_id: str = "order-1") -> None:
        """Send a task, or bytes that are none."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        queue = await self._queue(PROCESSING)
        await self._channel.default_exchange.publish(aio_pika.Message(body, message_id=message_id),
                                                     routing_key=queue.name)

    async def told(self, name: str, *, within: float = 20.0) -> tuple[Json, aio_pika.abc.AbstractIncomingMessage]:
        """The next message of a queue, taken off it."""
        queue = await self._queue(name)
        async with asyncio.timeout(within):
            while (message := await queue.get(fail=False)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await message.ack()
        told: Json = json.loads(message.body)
        if name in _SCHEMAS:
            Draft202012Validator(json.loads((SCHEMAS / _SCHEMAS[name]).read_text())).validate(told)
        return told, message

    async def waiting(self, name: str) -> int:
        """How many messages a queue has that nobody holds."""
        queue = await self._queue(name)
        return queue.declaration_result.message_count or 0

    async def _queue(self, name: str) -> aio_pika.abc.AbstractQueue:
        """The queue, once the worker has declared it."""
        async with asyncio.timeout(20):
            while True:
                try:
                    async with self._connection.channel() as looking:
                        await looking.declare_queue(name, passive=True)
                    return await self._channel.declare_queue(name, passive=True)
                except aio_pika.exceptions.ChannelNotFoundEntity:
                    await asyncio.sleep(0.1)


def task(site: Site, *, seconds: float = 1.0, **changes: object) -> Json:
    """A task for a call between alice and bob, whose two files are there."""
    for name, seed in (("alice", 1), ("bob", 2)):
        path = site.folder / "from-elsewhere" / "one" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav_bytes(noise(seconds, seed)))
    start = "2026-01-31T10:15:00Z"
    return {"version": 1, "uuid": str(uuid.uuid4()),
            "parties": [{"user": "alice", "domain": "voice.example"}, {"number": "1002", "name": "Bob"}],
            "files": [{"path": "one/alice.wav", "startTime": start, "parties": [0]},
                      {"path": "one/bob.wav", "startTime": start, "parties": [1]}], **changes}
