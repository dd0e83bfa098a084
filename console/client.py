"""Asking the running service over its local socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from faults import Fault, NotFound, ServiceFault, ServiceNotRunning

Parameters = Mapping[str, str | int | float]


def ask(socket: Path, method: str, path: str, parameters: Parameters | None = None) -> Any:
    """The JSON that the service answers.

    Raises:
        ServiceNotRunning: nobody listens.
        Fault: the service's own fault, as it raised it.
    """
    return asyncio.run(_ask(socket, method, path, parameters or {}))


async def _ask(socket: Path, method: str, path: str, parameters: Parameters) -> Any:
    import aiohttp  # late: the command line starts quickly

    try:
        async with (aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket))) as session,
                    session.request(method, f"http://phonograph{path}", params=dict(parameters)) as response):
            status, answer = response.status, await response.json(content_type=None)
    except (aiohttp.ClientConnectionError, OSError) as error:
        raise ServiceNotRunning(f"No service answers on {socket}.", socket=socket) from error
    if status < 400:
        return answer
    raise refusal(status, answer)


def refusal(status: int, answer: Any) -> Fault:
    """The fault that an answer tells of."""
    if isinstance(answer, dict) and "fault" in answer:
        return _fault(answer["fault"])
    if status == 404:
        return NotFound("Nothing has that id.")
    return ServiceFault(f"The service refused the question ({status}): {_detail(answer)}", status=status)


def _fault(told: Mapping[str, Any]) -> Fault:
    """The fault that the service told of; one that this version does not know becomes a ServiceFault."""
    kind = next((kind for kind in _kinds(Fault) if kind.id == told["id"]), ServiceFault)
    return kind(told["message"], **told.get("details", {}))


def _kinds(kind: type[Fault]) -> Iterator[type[Fault]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _detail(answer: object) -> str:
    """What FastAPI says of a wrong parameter."""
    found = answer.get("detail") if isinstance(answer, dict) else None
    if isinstance(found, list):
        return "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in found)
    return str(found or answer)
