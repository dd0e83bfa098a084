"""The other end of the wire, by hand: for what sipp does not say twice, wrongly, or with a certificate."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from siprec_app import message
from siprec_app.message import Message, Request, Response
from tests.siprec_app.sdp_answers import ANSWER

__all__ = ["Peer", "answer", "ask"]

HOST = "127.0.0.4"


class Peer(asyncio.DatagramProtocol):
    """A UDP port that hands on what comes, and sends what it is told to; an async context manager."""

    def __init__(self, host: str = HOST) -> None:
        self._host = host
        self._transport: asyncio.DatagramTransport | None = None
        self._found: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.client = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._found.put_nowait((data, addr))

    async def __aenter__(self) -> Self:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(self._host, 0))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        assert self._transport is not None
        self._transport.close()

    @property
    def port(self) -> int:
        assert self._transport is not None
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    @property
    def uri(self) -> str:
        return f"sip:srs@{f'[{self._host}]' if ':' in self._host else self._host}:{self.port}"

    async def request(self, method: str) -> Request:
        """The next request of that method; what else comes is passed over."""
        while not isinstance(found := await self._next(), Request) or found.method != method:
            pass
        return found

    async def response(self, status: int) -> Response:
        """The next response of that status."""
        while not isinstance(found := await self._next(), Response) or found.status != status:
            pass
        return found

    async def _next(self) -> Message:
        async with asyncio.timeout(40):
            data, self.client = await self._found.get()
        return message.read(data)

    @property
    def waiting(self) -> int:
        """Messages that came and were not asked for yet."""
        return self._found.qsize()

    def sends(self, data: bytes, to: tuple[str, int] | None = None) -> None:
        assert self._transport is not None
        self._transport.sendto(data, to or self.client)

    def answers(self, request: Request, status: int, *fields: tuple[str, str], body: str = "",
                tag: str = "srs") -> bytes:
        """Send a response; what was sent."""
        data = answer(request, status, self.uri, *fields, body=body, tag=tag)
        self.sends(data)
        return data

    async def accepts(self) -> Request:
        """Take the next INVITE, and its ACK."""
        invite = await self.request("INVITE")
        self.answers(invite, 200, body=ANSWER)
        await self.request("ACK")
        return invite

    def asks(self, invite: Request, method: str, cseq: int, *lines: str, branch: str = "", body: str = "") -> bytes:
        """Send a request within the dialog of that INVITE; what was sent."""
        data = ask(invite, method, cseq, self.uri, f"SIP/2.0/UDP {self._host}:{self.port}", *lines, branch=branch,
                   body=body)
        self.sends(data)
        return data


def answer(request: Request, status: int, uri: str, *fields: tuple[str, str], body: str = "",
           tag: str = "srs") -> bytes:
    made = message.response(request, status, tag)
    for name, value in (("Contact", f"<{uri}>"), *fields, *([("Content-Type", "application/sdp")] if body else [])):
        made.fields.add(name, value)
    made.body = body.encode()
    return message.build(made)


def ask(invite: Request, method: str, cseq: int, uri: str, via: str, *lines: str, branch: str = "",
        body: str = "") -> bytes:
    contact = invite.fields.addresses("Contact")[0].uri
    head = [f"{method} {contact} SIP/2.0", f"Via: {via};branch=z9hG4bK{branch or f'{method}{cseq}'}",
            "Max-Forwards: 70",
            f"From: <{uri}>;tag=srs", f"To: {invite.fields.get('From')}", f"Call-ID: {invite.call_id}",
            f"CSeq: {cseq} {method}", f"Contact: <{uri}>", *lines,
            *(["Content-Type: application/sdp"] if body else []), f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", body]).encode()
