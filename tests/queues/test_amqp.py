"""What Phonograph declares on a real RabbitMQ, and what becomes of messages that nobody can work on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest
import pytest_asyncio
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from yarl import URL

from faults import QueueUnreachable
from processing.amqp import DELIVERY_LIMIT, Address, Line, Names, connected
from tests.rabbitmq import RabbitServer

NAMES = Names(processing="work", processed="done", failure="broken")


@pytest.fixture
def broker(rabbitmq: RabbitServer) -> str:
    return rabbitmq.virtual_host()


@pytest_asyncio.fixture
async def line(broker: str) -> AsyncIterator[Line]:
    async with connected(Address(url=URL(broker)), NAMES) as opened:
        yield opened


@pytest_asyncio.fixture
async def other(broker: str) -> AsyncIterator[AbstractChannel]:
    """A channel of somebody else's."""
    async with await aio_pika.connect(broker) as connection:
        yield await connection.channel()


async def _next(queue: AbstractQueue) -> AbstractIncomingMessage:
    async with asyncio.timeout(10):
        while (message := await queue.get(fail=False)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return message


async def test_a_message_that_was_published_is_in_its_queue_for_good(line: Line, other: AbstractChannel) -> None:
    await line.publish("phonograph.jobs.berlin", {"version": 1}, message_id="one")
    message = await _next(await other.declare_queue("phonograph.jobs.berlin", passive=True))
    assert (message.body, message.message_id, message.delivery_mode) == (
        b'{"version": 1}', "one", aio_pika.DeliveryMode.PERSISTENT)


async def test_what_is_delivered_again_and_again_goes_to_the_failure_queue(
        line: Line, other: AbstractChannel) -> None:
    await line.publish("work", {"version": 1}, message_id="poison")
    work = await other.declare_queue("work", passive=True)
    for _ in range(DELIVERY_LIMIT + 1):
        await (await _next(work)).reject(requeue=True)
    message = await _next(await other.declare_queue("broken", passive=True))
    assert message.message_id == "poison"
    assert message.headers["x-death"]


async def test_a_queue_that_is_there_already_is_used_as_it_is(broker: str, other: AbstractChannel) -> None:
    await other.declare_queue("work", durable=True, arguments={"x-max-length": 7})
    async with connected(Address(url=URL(broker)), NAMES) as line:
        await line.publish("work", {"version": 1}, message_id="one")
    assert (await _next(await other.declare_queue("work", passive=True))).message_id == "one"


async def test_what_the_broker_does_not_take_is_not_taken_for_written(line: Line, other: AbstractChannel) -> None:
    await other.queue_delete("done")
    with pytest.raises(aio_pika.exceptions.DeliveryError):
        await line.publish("done", {"version": 1}, message_id="one")


async def test_a_broker_that_is_not_there_is_said_without_the_password() -> None:
    with pytest.raises(QueueUnreachable) as caught:
        async with connected(Address(url=URL("amqp://user:secret@127.0.0.1:1/")), NAMES):
            pass
    assert "secret" not in f"{caught.value.as_dict()} {Address(url=URL('amqp://user:secret@127.0.0.1:1/'))!r}"
