"""What looks like Asterisk's HTTP server to a client, and misbehaves on request. On loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from aiohttp import WSCloseCode, web
from aiohttp.test_utils import TestServer

from ari_app.client import Address

USER, PASSWORD, APP = "phonograph", "pass: w\u00f6rd", "recorder"
AT = "2026-11-21T08:00:00.500+0000"
CHANNEL: Mapping[str, object] = {
    "id": "1.1", "name": "PJSIP/a-1", "state": "Up", "protocol_id": "x@y", "caller": {"name": "", "number": "101"},
    "connected": {"name": "", "number": ""}, "accountcode": "", "creationtime": AT, "language": "en",
    "dialplan": {"context": "default", "exten": "102", "priority": 1, "app_name": "Dial", "app_data": "PJSIP/b"},
}
APPLICATION: Mapping[str, object] = {
    "name": APP, "channel_ids": [], "bridge_ids": [], "endpoint_ids": [], "device_names": [], "events_allowed": [],
    "events_disallowed": [],
}


def event(kind: str, **more: object) -> str:
    """A frame as Asterisk writes it."""
    return json.dumps({"type": kind, "application": APP, "timestamp": AT, **more}, separators=(",", ":"))


def state_change(number: int) -> str:
    return event("ChannelStateChange", channel={**CHANNEL, "id": str(number)})


class FakeAsterisk:
    """A server that is up as long as the context lasts."""

    def __init__(self) -> None:
        self.version = "22.10.1~dfsg"
        self.requests: list[tuple[str, str]] = []
        """Method and path with its query, as they came over the wire."""
        self.bodies: list[object] = []
        self.answers: dict[tuple[str, str], Callable[[web.Request], web.StreamResponse]] = {}
        """What is answered instead, by method and path."""
        self.silent: set[str] = set()
        """Paths that get no answer."""
        self.variables: dict[str, str] = {}
        """Its global variables."""
        self.deaf = False
        """Whether WebSockets leave pings unanswered."""
        self._over = asyncio.Event()
        self.sockets: list[web.WebSocketResponse] = []
        self.changed = asyncio.Condition()
        self._server: TestServer | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        self._over.set()
        await self.drop()
        assert self._server is not None
        await self._server.close()

    @property
    def url(self) -> str:
        assert self._server is not None
        return str(self._server.make_url("/ari"))

    def address(self, password: str = PASSWORD) -> Address:
        return Address(self.url, USER, password, APP)

    async def ended(self, socket: web.WebSocketResponse) -> None:
        """Wait until the other side has closed a WebSocket."""
        async with self.changed:
            await self.changed.wait_for(lambda: socket.closed)

    async def drop(self) -> None:
        """Close every WebSocket."""
        for socket in self.sockets:
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path))
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return web.json_response({"message": "Authentication required"}, status=401)
        if request.can_read_body:
            self.bodies.append(await request.json())
        if request.path in self.silent:
            await self._over.wait()
        if answer := self.answers.get((request.method, request.path)):
            return answer(request)
        match request.path.removeprefix("/ari").split("/")[1:]:
            case ["asterisk", "info"]:
                return web.json_response({"system": {"version": self.version, "entity_id": "02:00"},
                                          "status": {"startup_time": AT, "last_reload_time": AT}})
            case ["asterisk", "variable"] if request.method == "GET":
                return web.json_response({"value": self.variables.get(request.query["variable"], "")})
            case ["asterisk", "variable"]:
                self.variables[request.query["variable"]] = request.query["value"]
                return web.Response(status=204)
            case ["applications", *_]:
                return web.json_response(APPLICATION)
            case ["events"]:
                return await self._events(request)
        return web.json_response({"message": "Resource not found"}, status=404)

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=not self.deaf)
        await socket.prepare(request)
        async with self.changed:
            self.sockets.append(socket)
            self.changed.notify_all()
        async for _ in socket:
            pass
        async with self.changed:
            self.changed.notify_all()
        return socket
