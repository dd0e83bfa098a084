"""FreeSWITCH's application ``socket``: a connection that says, when it is asked, which channel waits, as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.esl_app import captures, wire

__all__ = ["CHANNEL", "DATA", "OutboundCall", "calling"]

DATA = next(wire.frames(captures.read("outbound_socket_session"))).raw
"""What a FreeSWITCH has answered to ``connect``."""
CHANNEL = "097fb92a-3f08-4c30-84ed-65b6ca8cf52d"
"""The channel in it."""


class OutboundCall:
    """A call that is in ``socket``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def greeted(self) -> bytes:
        """Wait for the first command; what it is."""
        return await self._reader.readuntil(b"\n\n")

    async def says(self, data: bytes, *, piece: int = 0) -> None:
        """Answer, in pieces of so many bytes."""
        for at in range(0, len(data), piece or len(data)):
            self._writer.write(data[at:at + (piece or len(data))])
            await self._writer.drain()
            await asyncio.sleep(0)

    async def goes_on(self) -> bytes:
        """Wait for the connection's end, which lets the call go on; what was said before it."""
        try:
            return await self._reader.read()
        except ConnectionError:  # it ended with something of ours unread
            return b""

    def hangs_up(self) -> None:
        """The caller is gone."""
        self._writer.transport.abort()


@asynccontextmanager
async def calling(port: int, data: bytes = b"", *, source: str | None = None) -> AsyncIterator[OutboundCall]:
    """A call, which has already said `data` once it was greeted.

    Args:
        source: the address that it comes from.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port,
                                                   local_addr=(source, 0) if source is not None else None)
    call = OutboundCall(reader, writer)
    try:
        if data:
            assert await call.greeted() == b"connect\n\n"
            await call.says(data)
        yield call
    finally:
        writer.transport.abort()
