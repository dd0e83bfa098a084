"""Requests to a running rtpengine, by UDP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType

from faults import RelayFailed
from siprec_app.protocol import ng
from siprec_app.protocol.bencode import Value

__all__ = ["NgClient"]


class NgClient:
    """Speaks with one daemon. Any number of requests may be under way.

    Args:
        host, port: its ng port.
        cookie: draws a name for a request, one that nobody can guess.
    """

    def __init__(self, host: str, port: int, cookie: Callable[[], str]) -> None:
        self._to, self._cookie = (host, port), cookie
        self._waiting: dict[str, asyncio.Future[dict[str, Value]]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> str:
        """Make the socket. Returns the address of this machine that the daemon sees.

        Raises:
            RelayFailed: there is no way to its address.
        """
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: _Replies(self._waiting),
                                                                     remote_addr=self._to)
        except (OSError, UnicodeError) as error:
            raise RelayFailed("There is no way to rtpengine.", host=self._to[0]) from error
        return str(self._transport.get_extra_info("sockname")[0])

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    async def do(self, command: str, fields: Mapping[str, object]) -> dict[str, Value]:
        """One request that has to be granted.

        Raises:
            RelayFailed: as :meth:`ask`, or it was refused.
        """
        said = await self.ask(command, fields)
        if said.get("result") != "ok":
            raise RelayFailed("rtpengine refuses.", command=command, reason=str(said.get("error-reason", ""))[:200])
        return said

    async def ask(self, command: str, fields: Mapping[str, object] = MappingProxyType({})) -> dict[str, Value]:
        """One request, sent again until it is answered; the answer may be a refusal.

        Raises:
            RelayFailed: no answer came within ``ng.WITHIN``.
        """
        assert self._transport is not None
        cookie = self._cookie()
        data = ng.request(cookie, command, fields)
        answer = self._waiting[cookie] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(ng.WITHIN):
                for pause in ng.AGAIN:
                    self._transport.sendto(data)
                    await asyncio.wait([answer], timeout=pause)
                    if answer.done():
                        break
                said: dict[str, Value] = await answer
                return said
        except TimeoutError:
            raise RelayFailed("rtpengine does not answer.", command=command) from None
        finally:
            del self._waiting[cookie]


class _Replies(asyncio.DatagramProtocol):
    def __init__(self, waiting: dict[str, asyncio.Future[dict[str, Value]]]) -> None:
        self._waiting = waiting

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the socket is connected
        found = ng.reply(data)
        if found is not None and (answer := self._waiting.get(found[0])) is not None and not answer.done():
            answer.set_result(found[1])

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: the time-out says so."""
