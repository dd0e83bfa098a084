"""A recording server on TCP or TLS, by hand: for what connections do."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from types import TracebackType
from typing import Self

from siprec_app import message
from siprec_app.framing import Framer
from siprec_app.message import Message, Request, Response
from siprec_app.server import Server
from siprec_app.tls import TlsSettings
from siprec_app.transport import Protocol
from tests.siprec_app.peer import answer, ask
from tests.siprec_app.sdp_answers import ANSWER

__all__ = ["StreamPeer", "server_context"]

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def server_context(certificate: tuple[Path, Path], clients: Path) -> ssl.SSLContext:
    """What a server has that asks for a certificate of these authorities."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    made.load_cert_chain(*certificate)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


class StreamPeer:
    """Listens, and keeps the last connection; an async context manager.

    Args:
        host: that the client is told; ``localhost`` for TLS, as certificates have a name.
    """

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "localhost", port: int = 0) -> None:
        self._context = context
        self.host, self.port = host, port
        self.connections: list[Pair] = []
        self._server: asyncio.Server | None = None
        self._found: asyncio.Queue[Message] = asyncio.Queue()
        self.heard = bytearray()

    async def __aenter__(self) -> Self:
        await self.listens()
        return self

    async def listens(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stops(self) -> None:
        """No longer listen, and end what there is."""
        assert self._server is not None
        self._server.close()
        for _, writer in self.connections:
            writer.transport.abort()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.stops()
        await asyncio.sleep(0)

    def server(self, settings: TlsSettings | None = None) -> Server:
        """How the client is to know it."""
        protocol = Protocol.TCP if self._context is None else Protocol.TLS
        return Server(self.uri, protocol, tls=settings)

    @property
    def uri(self) -> str:
        return f"sip:srs@{self.host}:{self.port}"

    @property
    def writer(self) -> asyncio.StreamWriter:
        return self.connections[-1][1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append((reader, writer))
        framer = Framer()
        try:
            while data := await reader.read(65536):
                self.heard += data
                for frame in framer.feed(data):
                    self._found.put_nowait(message.read(frame))
        except OSError:
            return

    async def _next(self) -> Message:
        async with asyncio.timeout(40):
            return await self._found.get()

    async def request(self, method: str) -> Request:
        while not isinstance(found := await self._next(), Request) or found.method != method:
            pass
        return found

    async def response(self, status: int) -> Response:
        while not isinstance(found := await self._next(), Response) or found.status != status:
            pass
        return found

    def sends(self, data: bytes) -> None:
        self.writer.write(data)

    def answers(self, request: Request, status: int, *, body: str = "", contact: str = "") -> bytes:
        data = answer(request, status, contact or self.uri, body=body)
        self.sends(data)
        return data

    async def accepts(self, contact: str = "") -> Request:
        """Take the next INVITE, and its ACK."""
        invite = await self.request("INVITE")
        self.answers(invite, 200, body=ANSWER, contact=contact)
        await self.request("ACK")
        return invite

    def asks(self, invite: Request, method: str, cseq: int, *lines: str) -> bytes:
        protocol = "TCP" if self._context is None else "TLS"
        return ask(invite, method, cseq, self.uri, f"SIP/2.0/{protocol} 127.0.0.1:{self.port}", *lines)
