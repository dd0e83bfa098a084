"""Channel ``amqp``: each change as a message that the broker has confirmed."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import aio_pika
from aio_pika.abc import AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPError, DeliveryError

from faults import ReceiverRefused, ReceiverUnreachable
from ledger.changes import What
from processing.notify import web
from processing.notify.channel import Progress
from processing.notify.notice import Notice
from processing.notify.payload import document, encoded


class Amqp:
    """One exchange, or one queue, of a broker.

    Args:
        url: ``amqp://`` or ``amqps://``, with user, password and virtual host.
        exchange: an exchange that exists; empty for the default one.
        routing_key: the queue, where the exchange is the default one; else what the exchange routes by.
        seconds: for a confirmation.
    """

    name = "amqp"
    at_once = 4

    def __init__(self, url: str, *, exchange: str, routing_key: str, states: frozenset[What],
                 context: ssl.SSLContext, seconds: float) -> None:
        self.states = states
        self.patience = 2 * seconds + 5
        self._url = url
        self._exchange_name = exchange
        self._routing_key = routing_key
        self._context = context
        self._seconds = seconds
        self._connection: AbstractConnection | None = None
        self._exchange: AbstractExchange | None = None
        self._connecting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """As every channel."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        """As every channel."""
        await self._disconnect()

    async def send(self, notice: Notice, progress: Progress) -> str:  # noqa: ARG002 - one message is taken or not
        """Publish, and wait for the broker's word. A message that reaches no queue is refused."""
        told = aio_pika.Message(
            encoded(notice), content_type="application/json", message_id=notice.id,
            type=str(document(notice)["type"]), app_id="phonograph", timestamp=datetime.fromtimestamp(notice.at, UTC),
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        host = web.host_of(self._url)
        try:
            async with asyncio.timeout(self._seconds):
                exchange = await self._connected()
                await exchange.publish(told, self._routing_key, mandatory=True)
        except DeliveryError as error:
            raise ReceiverRefused(f"{host} has no queue for it, or refuses it.") from error
        except TimeoutError as error:
            await self._disconnect()
            raise ReceiverUnreachable(f"{host} did not confirm within {self._seconds:g} seconds.") from error
        except (AMQPError, OSError, RuntimeError) as error:
            await self._disconnect()
            raise ReceiverUnreachable(f"{host} cannot be reached: {type(error).__name__}.") from error
        return "confirmed"

    async def _connected(self) -> AbstractExchange:
        """The exchange, over a connection that lives; made anew where there is none."""
        async with self._connecting:
            if self._exchange is None or self._connection is None or self._connection.is_closed:
                await self._disconnect()
                self._connection = await aio_pika.connect(self._url, ssl_context=self._context)
                channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
                self._exchange = (await channel.get_exchange(self._exchange_name, ensure=True) if self._exchange_name
                                  else channel.default_exchange)
            return self._exchange

    async def _disconnect(self) -> None:
        connection, self._connection, self._exchange = self._connection, None, None
        if connection is not None:
            try:
                async with asyncio.timeout(self._seconds):
                    await connection.close()
            except (TimeoutError, AMQPError, OSError, RuntimeError):
                return  # it is gone, as it should be
