"""RabbitMQ: one connection, the queues that Phonograph declares, and messages that are written before they count.

Every queue of ours is a quorum queue. A message that is delivered ``DELIVERY_LIMIT`` times without being acknowledged
goes to the failure queue; its queue keeps it until it stands there.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Any

import structlog
from aio_pika import DeliveryMode, Message, connect
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity
from yarl import URL

from faults import QueueUnreachable
from link.backoff import Backoff

log = structlog.get_logger("queue")

DELIVERY_LIMIT = 20
_JOBS = "phonograph.jobs"
_CONNECT_WITHIN = 10.0  # s
_CONFIRM_WITHIN = 30.0  # s
_HEARTBEAT = 15  # s
# A question about a quorum queue that has no leader yet, as after a crash of RabbitMQ 3.10, may never be answered.
_ANSWER_WITHIN = 5.0  # s
_LOOK_EVERY = 3.0  # s
BROKEN = (AMQPError, ChannelInvalidStateError, OSError, TimeoutError)
"""What is raised when the connection, or the server behind it, is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The documented queues: tasks come from ``processing``; results go to ``processed``, errors to ``failure``."""

    processing: str
    processed: str
    failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where RabbitMQ is, and who we are for it.

    Attributes:
        url: with the password.
        ca_file: the authority that has signed its certificate; None: one of those that this machine knows.
    """

    url: URL = field(repr=False)
    ca_file: Path | None = None


def jobs_queue(node: str | None) -> str:
    """The queue with the jobs of a machine; None: with those that any may do."""
    return _JOBS if node is None else f"{_JOBS}.{node}"


class Line:
    """An open connection; its methods raise one of ``BROKEN`` when it is not open any more."""

    def __init__(self, connection: AbstractConnection, names: Names) -> None:
        self._connection = connection
        self._names = names
        self._declared: set[str] = set()
        self._declaring = asyncio.Lock()
        self._publishing = connection.channel(publisher_confirms=True, on_return_raises=True)

    async def begin(self) -> None:
        """Declare the documented queues."""
        await self._publishing.initialize()
        for name in (self._names.failure, self._names.processed, self._names.processing):
            await self.declare(name)

    async def declare(self, name: str) -> None:
        """Make a queue of ours. One of that name that is there already is used as it is."""
        async with self._declaring, asyncio.timeout(_ANSWER_WITHIN):
            if name not in self._declared:
                await self._make(name)
                self._declared.add(name)

    async def _make(self, name: str) -> None:
        try:
            async with self._connection.channel() as looking:
                await looking.declare_queue(name, passive=True)
        except ChannelNotFoundEntity:
            arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
            if name != self._names.failure:
                arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self._names.failure,
                              "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
            async with self._connection.channel() as making:
                await making.declare_queue(name, durable=True, arguments=arguments)

    async def publish(self, queue: str, content: Mapping[str, Any], *, message_id: str,
                      correlation_id: str | None = None) -> None:
        """Write a message into a queue; returns when most of the queue's members have it on their disks."""
        await self.declare(queue)
        message = Message(json.dumps(content, ensure_ascii=False).encode(), content_type="application/json",
                          delivery_mode=DeliveryMode.PERSISTENT, message_id=message_id, correlation_id=correlation_id,
                          app_id="phonograph")
        await self._publishing.default_exchange.publish(message, routing_key=queue, mandatory=True,
                                                         timeout=_CONFIRM_WITHIN)

    async def consume(self, queue: str, take: Callable[[AbstractIncomingMessage], Awaitable[None]], *,
                      at_once: int) -> None:
        """Give each message of a queue to ``take``, which acknowledges it. Returns when the connection is gone.

        Args:
            at_once: how many may be unacknowledged.
        """
        await self.declare(queue)
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(_ANSWER_WITHIN):
                channel = self._connection.channel()
                await channel.initialize()
                stack.push_async_callback(channel.close)
                await channel.set_qos(prefetch_count=at_once)
                source = await channel.declare_queue(queue, passive=True)
                messages = await stack.enter_async_context(source.iterator())
            at_work: set[asyncio.Task[None]] = set()
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(self._watch(queue, at_work))
                async for message in messages:
                    taken = group.create_task(_taken(take, message))
                    at_work.add(taken)
                    taken.add_done_callback(at_work.discard)
                watching.cancel()

    async def _watch(self, queue: str, at_work: Collection[object]) -> None:
        """Who consumes a quorum queue while it has no leader, as RabbitMQ 3.10 starts, may never be given a message.

        Raises:
            TimeoutError: messages wait, and for twice as long as usual we were given none.
        """
        idle = 0
        while idle < 2:
            await asyncio.sleep(_LOOK_EVERY)
            idle = idle + 1 if not at_work and await self.waiting(queue) else 0
        raise TimeoutError(f"{queue} has messages and gives none.")

    async def waiting(self, queue: str) -> int:
        """How many messages a queue has that nobody was given."""
        await self.declare(queue)
        async with asyncio.timeout(_ANSWER_WITHIN), self._connection.channel() as looking:
            found = await looking.declare_queue(queue, passive=True)
            return found.declaration_result.message_count or 0


async def _taken(take: Callable[[AbstractIncomingMessage], Awaitable[None]], message: AbstractIncomingMessage) -> None:
    await take(message)


async def _open(address: Address) -> AbstractConnection:
    url = address.url.with_query({"heartbeat": _HEARTBEAT, "name": "phonograph"})
    try:
        trusted = ssl.create_default_context(cafile=address.ca_file) if url.scheme == "amqps" else None
        return await connect(url, timeout=_CONNECT_WITHIN, ssl_context=trusted)
    except BROKEN as error:
        raise QueueUnreachable(f"RabbitMQ at {url.host} cannot be used: {type(error).__name__}.",
                               host=url.host) from error


async def probe(address: Address) -> None:
    """Connect, and leave again.

    Raises:
        QueueUnreachable: that failed.
    """
    await (await _open(address)).close()


@asynccontextmanager
async def connected(address: Address, names: Names) -> AsyncIterator[Line]:
    """One connection.

    Raises:
        QueueUnreachable: it does not come about.
    """
    opened = await _open(address)
    try:
        line = Line(opened, names)
        await line.begin()
        yield line
    finally:
        with suppress(*BROKEN):
            async with asyncio.timeout(_ANSWER_WITHIN):
                await opened.close()


async def keep_connected(address: Address, names: Names, work: Callable[[Line], Awaitable[None]]) -> None:
    """Connect, work, and connect anew whenever the connection is gone, until cancelled."""
    backoff = Backoff(SystemRandom())
    while True:
        began = time.monotonic()
        try:
            async with connected(address, names) as line:
                log.info("connected to the queue")
                await work(line)
        except* QueueUnreachable as group:
            log.error("the queue cannot be reached; jobs wait", cause=str(group.exceptions[0]))
        except* BROKEN as group:
            log.warning("the connection to the queue is gone; jobs wait", cause=type(group.exceptions[0]).__name__)
        except* Exception:
            # Whatever is wrong with a queue: calls are followed all the same.
            log.exception("what the queue said was not understood; jobs wait")
        await asyncio.sleep(backoff.wait(time.monotonic() - began))
