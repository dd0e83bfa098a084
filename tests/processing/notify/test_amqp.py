"""Messages on a real RabbitMQ: confirmed, kept, one id an event; what reaches no queue and a broker that is away are
faults."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aio_pika
import pytest

from faults import ReceiverRefused, ReceiverUnreachable
from processing.notify.amqp import Amqp
from processing.notify.notice import Notice
from processing.notify.web import trust
from tests.processing.notify.telling import EVERY, nothing, notice_of, silent_server
from tests.processing.scene import Scene
from tests.rabbitmq import RabbitServer


@pytest.fixture(scope="module")
def notice(tmp_path_factory: pytest.TempPathFactory) -> Notice:
    return notice_of(Scene(tmp_path_factory.mktemp("scene"), seconds=0.5))


def channel(url: str, *, exchange: str = "", routing_key: str = "told", seconds: float = 10.0) -> Amqp:
    return Amqp(url, exchange=exchange, routing_key=routing_key, states=EVERY, context=trust(None), seconds=seconds)


async def test_a_notice_lies_in_its_queue_once_it_is_confirmed(rabbitmq: RabbitServer, notice: Notice) -> None:
    url = rabbitmq.virtual_host()
    async with await aio_pika.connect(url) as connection:
        asked = await connection.channel()
        queue = await asked.declare_queue("told", durable=True, arguments={"x-queue-type": "quorum"})
        async with channel(url) as telling:
            assert await telling.send(notice, nothing()) == "confirmed"
        message = await queue.get(timeout=10)
    assert message is not None
    assert json.loads(message.body)["data"]["recording"] == notice.kept.recording.id
    assert (message.message_id, message.type, message.content_type, message.app_id) == (
        notice.id, "recording.ready", "application/json", "phonograph")
    assert message.delivery_mode is aio_pika.DeliveryMode.PERSISTENT


async def test_an_exchange_routes_by_the_key_of_the_settings(rabbitmq: RabbitServer, notice: Notice) -> None:
    url = rabbitmq.virtual_host()
    async with await aio_pika.connect(url) as connection:
        asked = await connection.channel()
        exchange = await asked.declare_exchange("recordings", aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await asked.declare_queue("told", durable=True)
        await queue.bind(exchange, "voice.#")
        async with channel(url, exchange="recordings", routing_key="voice.recordings") as telling:
            await telling.send(notice, nothing())
        assert (await queue.get(timeout=10)).message_id == notice.id


async def test_what_reaches_no_queue_is_refused_and_what_comes_later_is_not(rabbitmq: RabbitServer,
                                                                            notice: Notice) -> None:
    url = rabbitmq.virtual_host()
    async with channel(url) as telling, await aio_pika.connect(url) as connection:
        with pytest.raises(ReceiverRefused):
            await telling.send(notice, nothing())
        await (await connection.channel()).declare_queue("told", durable=True)
        assert await telling.send(notice, nothing()) == "confirmed"


async def test_an_exchange_that_is_not_there_is_a_fault_until_it_is(rabbitmq: RabbitServer, notice: Notice) -> None:
    url = rabbitmq.virtual_host()
    async with channel(url, exchange="recordings") as telling, await aio_pika.connect(url) as connection:
        with pytest.raises(ReceiverUnreachable):
            await telling.send(notice, nothing())
        asked = await connection.channel()
        exchange = await asked.declare_exchange("recordings", aio_pika.ExchangeType.FANOUT, durable=True)
        await (await asked.declare_queue("told", durable=True)).bind(exchange)
        assert await telling.send(notice, nothing()) == "confirmed"


async def test_several_at_once_share_one_connection_and_are_each_confirmed(rabbitmq: RabbitServer,
                                                                           notice: Notice) -> None:
    url = rabbitmq.virtual_host()
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).declare_queue("told", durable=True)
        async with channel(url) as telling:
            assert set(await asyncio.gather(*(telling.send(notice, nothing()) for _ in range(50)))) == {"confirmed"}
        assert (await queue.declare()).message_count == 50


async def test_a_broker_that_was_away_is_told_after_it_is_back(notice: Notice, tmp_path: Path) -> None:
    server = RabbitServer(tmp_path)
    await asyncio.to_thread(server.start)
    try:
        url = server.virtual_host()
        async with await aio_pika.connect(url) as connection:
            await (await connection.channel()).declare_queue("told", durable=True)
        async with channel(url) as telling:
            assert await telling.send(notice, nothing()) == "confirmed"
            # Not killed: a quorum queue of RabbitMQ 3.10 that was made moments before has no leader ever after.
            await asyncio.to_thread(server.stop)
            with pytest.raises(ReceiverUnreachable):
                await telling.send(notice, nothing())
            await asyncio.to_thread(server.start)
            assert await telling.send(notice, nothing()) == "confirmed"
    finally:
        await asyncio.to_thread(server.stop)


async def test_a_wrong_password_is_a_fault_that_does_not_name_it(rabbitmq: RabbitServer, notice: Notice) -> None:
    url = rabbitmq.virtual_host().replace(rabbitmq.password, "hunter2")
    async with channel(url) as telling:
        with pytest.raises(ReceiverUnreachable) as raised:
            await telling.send(notice, nothing())
    assert "hunter2" not in str(raised.value.as_dict())


async def test_a_broker_that_says_nothing_is_left(notice: Notice) -> None:
    async with silent_server() as port, channel(f"amqp://u:p@127.0.0.1:{port}/", seconds=0.5) as telling:
        with pytest.raises(ReceiverUnreachable, match=r"did not confirm within 0\.5 seconds"):
            await telling.send(notice, nothing())
