"""The other direction: Asterisk calls us, and operations travel over the same WebSocket as events.

An Asterisk of which ``websocket_client.conf`` and ``ari.conf`` say so (22.5 and newer) connects by itself, again and
again, and keeps the events of the time in which it could not. Answers come back as frames of type RESTResponse, told
apart by the number that we gave the request.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
import structlog
from aiohttp import http_exceptions, web

from ari_app.client import answer
from ari_app.door import Door, Turned, Vestibule, encryption
from ari_app.fields import integer, mapping, text
from ari_app.generated.operations import Operations
from faults import SettingsInvalid, SwitchOperationFailed, SwitchProtocolBroken, SwitchRefused, SwitchUnreachable

T = TypeVar("T")

log = structlog.get_logger("asterisk")

PROTOCOL = "ari"
_ANSWER = '{"type":"RESTResponse"'
"""How Asterisk writes the first bytes of an answer; no value inside an event can forge them."""
_REGISTERED = '{"type":"ApplicationRegistered"'
"""What Asterisk says by itself once it has told what it had kept. A request that reaches it before, together with the
end of our handshake, stays unread in its buffer until something else comes (seen on 22.10.1)."""
_MOST_WAITING = 10_000
"""Frames that wait while nobody listens. One more and all are dropped: whoever listens later reads a snapshot."""
_FAREWELL = 2.0
_GREETING = 5.0
"""Seconds after which a connection that is not Asterisk's WebSocket is closed, whatever it is doing."""
_MOST_CONNECTIONS = 50
"""One more is closed at once: strangers may not use up the files that this process may have open."""


def _of_ours(record: logging.LogRecord) -> bool:
    """Whether a line of the log is about something else than what a stranger wrote that is no HTTP."""
    return not (record.exc_info and isinstance(record.exc_info[1], http_exceptions.HttpProcessingError))


_requests = logging.getLogger("asterisk.listening")
_requests.addFilter(_of_ours)


class _Line:
    """One WebSocket that an Asterisk opened: answers go to who asked, everything else waits for its reader."""

    def __init__(self, socket: web.WebSocketResponse, ready: Callable[[], None]) -> None:
        self.stands = False
        self._ready = ready
        self.rival = False
        self._socket = socket
        self._frames: deque[aiohttp.WSMessage] = deque()
        self._changed = asyncio.Event()
        self._asked: dict[int, asyncio.Future[Mapping[str, object]]] = {}
        self._number = 0

    async def pump(self) -> None:
        """Take frames in until the connection ends."""
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.TEXT and message.data.startswith(_ANSWER):
                    self._answered(message.data)
                    continue
                if message.type is aiohttp.WSMsgType.TEXT and message.data.startswith(_REGISTERED):
                    self.stands = True
                    self._ready()
                    continue
                if len(self._frames) >= _MOST_WAITING:
                    self._frames.clear()
                self._frames.append(message)
                self._changed.set()
        finally:
            self.stands = False
            self._changed.set()
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(SwitchUnreachable("The connection with Asterisk was lost."))

    async def ask(self, request: Mapping[str, object]) -> Mapping[str, object]:
        """Send a request and wait for its answer."""
        if not self.stands:
            raise SwitchUnreachable("The connection with Asterisk was lost.")
        self._number += 1
        number = self._number
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_str(json.dumps({"type": "RESTRequest", "request_id": str(number), **request}))
            return await self._asked[number]
        except (aiohttp.ClientError, OSError) as broken:
            raise SwitchUnreachable("The connection with Asterisk was lost.") from broken
        finally:
            del self._asked[number]

    def kept(self) -> tuple[str | bytes, ...]:
        """The data of the frames that wait, once."""
        frames = tuple(message.data for message in self._frames if message.type in (
            aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY))
        self._frames.clear()
        return frames

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        while True:
            while self._frames:
                yield self._frames.popleft()
            if not self.stands:
                return
            self._changed.clear()
            await self._changed.wait()

    async def close(self) -> object:
        """See ``Socket``."""
        return await self._socket.close(code=aiohttp.WSCloseCode.GOING_AWAY)

    def _answered(self, frame: str) -> None:
        try:
            told = mapping(json.loads(frame))
            waiting = self._asked.get(int(text(told.get("request_id"))))
        except (ValueError, TypeError, RecursionError):
            return  # nobody can be found who waits for that
        if waiting is not None and not waiting.done():
            waiting.set_result(told)


class Listening:
    """Where one Asterisk connects to; an async context manager. See ``ari_app.connection.Way``.

    Args:
        door: where, and for whom.
        timeout: of an operation, in seconds.
        patience: seconds after which an Asterisk that does not come is told of.
        heartbeat: seconds between pings; without its answer the connection counts as lost.
        greeting: seconds that whoever connects has to show that it is Asterisk.
    """

    def __init__(self, door: Door, *, timeout: float = 5.0, patience: float = 5.0, heartbeat: float = 10.0,
                 greeting: float = _GREETING) -> None:
        self.door = door
        self.app = door.app
        self.operations = Operations(self)
        credentials = base64.b64encode(f"{door.user}:{door.password}".encode()).decode("ascii")
        self._expected = f"Basic {credentials}".encode()
        self._timeout = timeout
        self._patience = patience
        self._heartbeat = heartbeat
        self._greeting = greeting
        self._inside: object = None
        self._line: _Line | None = None
        self._refused = False
        self._changed = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._listens: asyncio.Server | None = None
        self._vestibule: Vestibule | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; another port than asked for where that was 0."""
        assert self._listens is not None
        host, port, *_ = self._listens.sockets[0].getsockname()
        return host, port

    async def __aenter__(self) -> Self:
        context = encryption(self.door)
        self._vestibule = Vestibule(context, self._greeting) if context is not None else None
        app = web.Application()
        app.router.add_get("/", self._called)
        self._runner = web.AppRunner(app, access_log=None, logger=_requests, shutdown_timeout=_FAREWELL)
        await self._runner.setup()
        try:
            self._listens = await asyncio.get_running_loop().create_server(
                self._greeted, self.door.host, self.door.port)
        except OSError as taken:
            await self._runner.cleanup()
            where = f"{self.door.host}:{self.door.port}"
            raise SettingsInvalid(f"Nothing can listen on {where}: {taken.strerror}.") from taken
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._listens is not None:
            self._listens.close()
        if self._vestibule is not None:
            self._vestibule.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @asynccontextmanager
    async def meet(self) -> AsyncIterator[None]:
        """See ``Way``: wait for Asterisk's connection, and close it in the end. Asterisk then opens another one.

        Raises:
            SwitchUnreachable: it does not come.
            SwitchRefused: it came with another user name or password.
        """
        self._refused = False
        try:
            async with asyncio.timeout(self._patience):
                while not (self._refused or (self._line is not None and self._line.stands)):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            if self._line is not None:
                await self._line.close()
                raise SwitchUnreachable("Asterisk connected and registered no application: look at `apps` in its "
                                        "ari.conf.") from None
            raise SwitchUnreachable(
                f"No Asterisk connects to {self.door.host}:{self.door.port}: look at its websocket_client.conf, and at "
                "`type = outbound_websocket` in its ari.conf.") from None
        line = self._line
        if line is None or not line.stands:
            raise SwitchRefused("Who connects to us as Asterisk has another user name or password than the settings.")
        try:
            yield
        finally:
            await line.close()

    async def listen(self) -> _Line:
        """See ``Way``."""
        return self._open()

    def kept(self) -> tuple[str | bytes, ...]:
        """See ``Way``."""
        return self._open().kept()

    async def regain(self, stand_by: Callable[[], Awaitable[object]]) -> None:
        """See ``Way``: Asterisk itself takes the application back when it connects again."""

    async def call(self, method: str, path: str, query: Mapping[str, str], body: Mapping[str, object] | None,
                   model: Callable[[object], T]) -> T:
        """Perform an operation; as ``Client.call``."""
        request: dict[str, object] = {"method": method, "uri": path.removeprefix("/")}
        if query:
            request["query_strings"] = [{"name": name, "value": value} for name, value in query.items()]
        if body is not None:
            request |= {"content_type": "application/json", "message_body": json.dumps(body)}
        try:
            async with asyncio.timeout(self._timeout):
                told = await self._open().ask(request)
        except TimeoutError:
            raise SwitchUnreachable("Asterisk did not answer in time.") from None
        try:
            status, content = integer(told.get("status_code")), text(told.get("message_body", ""))
        except TypeError as wrong:
            raise SwitchProtocolBroken(f"Asterisk's answer is not {wrong}.", path=path) from None
        return answer(status, path, content, model)

    def download(self, path: str) -> AsyncIterator[bytes]:
        """Files do not come over a WebSocket.

        Raises:
            SwitchOperationFailed: always.
        """
        raise SwitchOperationFailed("Asterisk sends no files over a WebSocket.", path=path)

    def _open(self) -> _Line:
        if self._line is None:
            raise SwitchUnreachable("Asterisk is not connected.")
        return self._line

    def _greeted(self) -> asyncio.Protocol:
        """Somebody connects; nobody knows yet who."""
        assert self._runner is not None
        server, vestibule = self._runner.server, self._vestibule
        if server is None or len(server.connections) + len(vestibule or ()) >= _MOST_CONNECTIONS:
            return Turned()
        if vestibule is None:
            return self._stranger()
        return vestibule.enter(self._stranger)

    def _stranger(self) -> asyncio.Protocol:
        assert self._runner is not None
        assert self._runner.server is not None
        stranger = self._runner.server()
        asyncio.get_running_loop().call_later(
            self._greeting, lambda: None if stranger is self._inside else stranger.force_close())
        return stranger

    async def _called(self, request: web.Request) -> web.StreamResponse:
        """Whoever connects: one Asterisk at a time, with the right password."""
        given = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._expected):
            self._refused = True
            self._changed.set()
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="Phonograph"'})
        if self._line is not None:
            # It would be deaf, or the other one would: two Asterisks need two addresses.
            if not self._line.rival:
                self._line.rival = True
                log.warning("a second Asterisk connects to the same address: it needs one of its own",
                            listen=f"{self.door.host}:{self.door.port}", peer=request.remote)
            return web.Response(status=409, text="An Asterisk is connected here already.")
        socket = web.WebSocketResponse(protocols=(PROTOCOL,), heartbeat=self._heartbeat, timeout=_FAREWELL)
        line = self._line = _Line(socket, self._changed.set)
        self._inside = request.protocol
        try:
            await socket.prepare(request)
            await line.pump()
        finally:
            self._line = self._inside = None
        return socket
