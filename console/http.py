"""The HTTP server that other machines reach, where the settings say so: health, figures, and what stores tell."""

from __future__ import annotations

import socket

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from console import metrics, serving, storage_hook
from faults import Fault, ServiceFault
from service.desk import Desk
from service.secret_files import first_line
from service.setting_types import host_and_port
from service.settings import Settings


def application(desk: Desk, settings: Settings) -> FastAPI:
    """Everything that is served there; each subject has a router of its own.

    Raises:
        SettingsInvalid: the file with the stores' token cannot be read, or is empty.
    """
    file = settings.http.storage_token_file
    token = first_line(file, "http.storage_token_file") if file is not None else None
    app = FastAPI(title="Phonograph", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(Fault, serving.refused)
    app.include_router(_health(desk))
    app.include_router(metrics.router(desk))
    app.include_router(storage_hook.router(desk.storage, token))
    return app


async def serve(desk: Desk, settings: Settings) -> None:
    """Serve where the settings say, until cancelled; at once over if they say nothing.

    Raises:
        SettingsInvalid: as :func:`application`.
        ServiceFault: nobody can listen there.
    """
    if settings.http.listen is not None:
        app = application(desk, settings)
        await serving.serve(app, bound(settings.http.listen))


def bound(address: str) -> socket.socket:
    """A listening socket at ``host:port``.

    Raises:
        ServiceFault: the name is unknown, or the port is taken.
    """
    host, port = host_and_port(address)
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(where)
            listening.listen(128)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ServiceFault(f"Nobody can listen on {address}: {why}.", listen=address) from error
    return listening


def _health(desk: Desk) -> APIRouter:
    made = APIRouter()

    @made.get("/health")
    async def health() -> JSONResponse:
        found = desk.health()
        return JSONResponse(found, 200 if found["well"] else 503)

    return made
