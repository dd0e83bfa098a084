"""Serving an application on a socket that is bound already, until that is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from faults import (
    ConfigurationFault,
    Fault,
    LedgerFault,
    NotFound,
    PauseUnconfirmed,
    RequestRefused,
    StorageRefused,
    StorageUnreachable,
)

_STATUS: tuple[tuple[type[Fault], int], ...] = (
    (NotFound, 404), (RequestRefused, 409), (ConfigurationFault, 422), (PauseUnconfirmed, 504), (LedgerFault, 503),
    (StorageRefused, 502), (StorageUnreachable, 502))
_GRACE = 2  # s for requests that are being answered when the service stops


async def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serve until cancelled; then the socket is closed."""
    server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False,
                                    timeout_graceful_shutdown=_GRACE))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)
        listening.close()


async def refused(_request: Request, error: Exception) -> JSONResponse:
    """What a fault is answered with."""
    assert isinstance(error, Fault)
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return JSONResponse({"fault": error.as_dict()}, status_code=status)


class _Server(uvicorn.Server):
    """Signals are the service's: uvicorn would take them away from it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
