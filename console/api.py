"""The HTTP API on the local socket (mode 0600): whoever may open it may do everything here."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

from fastapi import FastAPI, Query
from fastapi.responses import StreamingResponse

from console import serving
from faults import Fault, RequestRefused, ServiceFault
from ledger.calls import CallFilter
from ledger.deliveries import Status
from ledger.jobs import JobState
from ledger.recordings import RecordingFilter
from policy.types import Direction
from recorder.effects import Answer
from recorder.events import Verb
from recorder.model import Outcome, Then
from recorder.states import CallState, RecordingState
from service.desk import Desk

_BLOCK = 1 << 18

Limit = Annotated[int, Query(ge=1, le=1000)]
Longest = Annotated[float | None, Query(gt=0, le=86_400)]


def application(desk: Desk) -> FastAPI:
    """The API of one running service."""
    app = FastAPI(title="Phonograph", docs_url=None, redoc_url=None)
    app.add_exception_handler(Fault, serving.refused)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return desk.health()

    @app.get("/calls")
    async def calls(limit: Limit = 100, after: str | None = None, switch: str | None = None,
                    state: CallState | None = None, direction: Direction | None = None, party: str | None = None,
                    recorded: bool | None = None, rule: str | None = None, outcome: Outcome | None = None,
                    since: float | None = None, until: float | None = None) -> dict[str, Any]:
        wanted = CallFilter(switch=switch, state=state, direction=direction, party=party, recorded=recorded, rule=rule,
                            outcome=outcome, since=since, until=until)
        return {"calls": await desk.calls(wanted, limit=limit, after=after)}

    @app.get("/calls/{call}")
    async def call(call: str) -> dict[str, Any]:
        return await desk.call(call)

    @app.get("/calls/{call}/journal")
    async def journal(call: str) -> dict[str, Any]:
        return {"call": call, "entries": await desk.journal(call)}

    @app.post("/calls/{target:path}/{verb}")
    async def ask(target: str, verb: Verb, owner: str = "operator", reason: str = "", longest: Longest = None,
                  then: Then = Then.RESUME, server: str = "") -> dict[str, Any]:
        reply = await desk.ask(target, verb, owner=owner, reason=reason, longest=longest, then=then, server=server)
        if reply.answer is Answer.REFUSED:
            raise RequestRefused(f"Refused: {reply.message}.", call=target)
        return {"answer": reply.answer.value, "message": reply.message}

    @app.get("/running")
    async def running() -> dict[str, Any]:
        return {"recordings": desk.running()}

    @app.get("/recordings")
    async def recordings(limit: Limit = 100, after: str | None = None, switch: str | None = None,
                         state: RecordingState | None = None, since: float | None = None,
                         until: float | None = None) -> dict[str, Any]:
        wanted = RecordingFilter(switch=switch, state=state, since=since, until=until)
        return {"recordings": await desk.recordings(wanted, limit=limit, after=after)}

    @app.get("/recordings/{recording}")
    async def recording(recording: str) -> dict[str, Any]:
        return await desk.recording(recording)

    @app.get("/recordings/{recording}/files/{kind}")
    async def file(recording: str, kind: str) -> StreamingResponse:
        found, opened = await desk.storage.open(recording, kind)
        return StreamingResponse(_blocks(opened), media_type="application/octet-stream", headers={
            "Content-Length": str(found.bytes), "X-Phonograph-Sha256": found.sha256})

    @app.post("/recordings/{recording}/retry")
    async def retry(recording: str) -> dict[str, Any]:
        await desk.retry(recording)
        return {"waiting": True}

    @app.get("/jobs")
    async def jobs(limit: Limit = 100, state: JobState | None = None, fault: str | None = None) -> dict[str, Any]:
        return await desk.jobs(state, fault=fault, limit=limit)

    @app.get("/jobs/{recording}")
    async def job(recording: str) -> dict[str, Any]:
        return await desk.job(recording)

    @app.get("/notices")
    async def notices(limit: Limit = 100, status: Status | None = None, channel: str | None = None,
                      recording: str | None = None) -> dict[str, Any]:
        return {"notices": await desk.notices.listing(status=status, channel=channel, recording=recording,
                                                      limit=limit)}

    @app.get("/notices/{notice}")
    async def notice(notice: int) -> dict[str, Any]:
        return await desk.notices.show(notice)

    @app.post("/notices/{notice}/retry")
    async def tell_again(notice: int) -> dict[str, Any]:
        await desk.notices.retry(notice)
        return {"waiting": True}

    @app.post("/reconcile")
    async def reconcile(since: float, until: float, mend: bool = False) -> dict[str, Any]:
        return await desk.reconcile(since=since, until=until, mend=mend)

    @app.post("/policy/reload")
    async def reload() -> dict[str, Any]:
        await desk.reload_policy()
        return {"loaded": True}

    return app


async def serve(desk: Desk, path: Path) -> None:
    """Serve the API on a local socket until cancelled.

    Raises:
        ServiceFault: the socket cannot be made.
    """
    try:
        await serving.serve(application(desk), _bound(path))
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """What is in a file; it is closed at the end, or when nobody wants the rest."""
    with file:
        while block := file.read(_BLOCK):
            yield block


def _bound(path: Path) -> socket.socket:
    """A listening socket at ``path`` that only our user may open. An old one, of a life that was killed, goes first:
    the service's lock is held, so nobody listens on it."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            listening.bind(str(path))
        finally:
            os.umask(mask)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise ServiceFault(f"The socket {path} cannot be made: {error.strerror or error}.", socket=path) from error
    listening.setblocking(False)
    return listening
