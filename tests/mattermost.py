"""A double of a Mattermost server: the four calls that a post with files takes, as its public API documents them.

Beyond the documentation it does what the server's own source does: the first piece of a file that is not all of it has
to have 5 MiB, a session is gone once its file is whole, and of two posts with one `pending_post_id` the second is the
first. It is no Mattermost: what it proves is that our side keeps to what is documented.
"""

import asyncio
import json
import secrets
import string
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

__all__ = ["CHANNEL", "Mattermost", "mattermost"]

CHANNEL = "c" * 26
_FIRST_PIECE = 5 << 20
_ALPHABET = string.ascii_lowercase + string.digits


@dataclass
class _Session:
    id: str
    filename: str
    size: int
    content: bytearray = field(default_factory=bytearray)
    busy: bool = False


@dataclass
class Mattermost:
    """The server; tests look into it.

    Attributes:
        breaks: called before each request with its method and path; what it returns is done instead: a status to
            answer, ``"break"`` to end the connection after half of the body, ``"deaf"`` to do it and not answer.
    """

    token: str = field(default_factory=lambda: _id())
    largest: int = 100 << 20
    breaks: Callable[[str, str], int | str | None] = lambda _method, _path: None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    posts: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    _sessions: dict[str, _Session] = field(default_factory=dict)

    def app(self) -> web.Application:
        """The server's four calls."""
        app = web.Application(client_max_size=1 << 30, middlewares=[self._first])
        app.router.add_post("/api/v4/uploads", self._create)
        app.router.add_get("/api/v4/uploads/{id}", self._session)
        app.router.add_post("/api/v4/uploads/{id}", self._data)
        app.router.add_get("/api/v4/files/{id}/info", self._info)
        app.router.add_post("/api/v4/posts", self._post)
        return app

    @property
    def sessions(self) -> int:
        """Uploads that are not whole."""
        return len(self._sessions)

    @web.middleware
    async def _first(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"id": "api.context.session_expired.app_error"}, status=401)
        deed = self.breaks(request.method, request.path)
        if isinstance(deed, int):
            return web.json_response({"id": "told.by.the.test"}, status=deed)
        if deed == "break":
            session = self._sessions[request.match_info["id"]]
            half = (await request.read())[:request.content_length // 2 if request.content_length else 0]
            if session.content or len(half) >= _FIRST_PIECE:
                session.content += half
            self._end(request)
        if deed == "deaf":
            await handler(request)
            self._end(request)
        answer: web.StreamResponse = await handler(request)
        return answer

    def _end(self, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.close()
        raise asyncio.CancelledError

    async def _create(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given["channel_id"] != CHANNEL:
            return web.json_response({"id": "api.context.permissions.app_error"}, status=403)
        if given["file_size"] > self.largest:
            return web.json_response({"id": "api.upload.create.upload_too_large.app_error"}, status=413)
        if given["file_size"] <= 0 or not given["filename"]:
            return web.json_response({"id": "model.upload_session.is_valid"}, status=400)
        made = _Session(_id(), given["filename"], given["file_size"])
        self._sessions[made.id] = made
        return web.json_response(self._shown(made), status=201)

    async def _session(self, request: web.Request) -> web.Response:
        found = self._sessions.get(request.match_info["id"])
        if found is None:
            return web.json_response({"id": "app.upload.get.app_error"}, status=404)
        return web.json_response(self._shown(found))

    async def _data(self, request: web.Request) -> web.Response:
        found = self._sessions.get(request.match_info["id"])
        if found is None:
            return web.json_response({"id": "app.upload.get.app_error"}, status=404)
        piece = await request.read()
        if len(piece) > found.size - len(found.content):
            return web.json_response({"id": "api.upload.upload_data.invalid_content_length"}, status=400)
        if not found.content and len(piece) < _FIRST_PIECE and len(piece) != found.size:
            return web.json_response({"id": "app.upload.upload_data.first_part_too_small.app_error"}, status=400)
        found.content += piece
        if len(found.content) < found.size:
            return web.Response(status=204)
        del self._sessions[found.id]
        identity = _id()
        self.files[identity] = (found.filename, bytes(found.content))
        return web.json_response({"id": identity, "name": found.filename, "size": found.size}, status=201)

    async def _info(self, request: web.Request) -> web.Response:
        identity = request.match_info["id"]
        if identity not in self.files:
            return web.json_response({"id": "app.file_info.get.app_error"}, status=404)
        post = next((post["id"] for post in self.posts if identity in post["file_ids"]), "")
        return web.json_response({"id": identity, **({"post_id": post} if post else {})})

    async def _post(self, request: web.Request) -> web.Response:
        given = json.loads(await request.read())
        known = next((post for post in self.posts if post["pending_post_id"] == given["pending_post_id"]), None)
        if known is not None:
            return web.json_response(known, status=201)
        if len(given["file_ids"]) > 10 or not set(given["file_ids"]) <= set(self.files):
            return web.json_response({"id": "model.post.is_valid.file_ids.app_error"}, status=400)
        made = {"id": _id(), **given}
        self.posts.append(made)
        return web.json_response(made, status=201)

    def _shown(self, session: _Session) -> dict[str, Any]:
        return {"id": session.id, "type": "attachment", "channel_id": CHANNEL, "filename": session.filename,
                "file_size": session.size, "file_offset": len(session.content)}

    def forget_pending(self) -> None:
        """What the server does 30 seconds after a post."""
        for post in self.posts:
            post["pending_post_id"] = ""


def _id() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(26))


@asynccontextmanager
async def mattermost() -> AsyncIterator[Mattermost]:
    """The double, on a free port of loopback."""
    server = Mattermost()
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()
