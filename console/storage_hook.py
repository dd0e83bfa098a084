"""``POST /recordings/storage-hook``: a store tells that an object was made."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from processing.stores import events
from service.storage_desk import Answer, StorageDesk

_LONGEST = 1 << 20  # bytes; Amazon's largest message is a quarter of it


def router(desk: StorageDesk, token: str | None) -> APIRouter:
    """The endpoint.

    Args:
        token: what a store has to send as its bearer token; None: nobody is let in.
    """
    made = APIRouter()

    @made.post("/recordings/storage-hook")
    async def hook(request: Request) -> JSONResponse:
        if not _may(request.headers.get("authorization", ""), token):
            return JSONResponse({"answer": "unauthorized"}, 401, {"WWW-Authenticate": "Bearer"})
        body = await _body(request)
        try:
            told = events.parse(body) if body is not None else None
        except ValueError:
            told = None
        if told is None:
            return JSONResponse({"answer": "malformed"}, 403)
        answers = await desk.told(told)
        if Answer.FOREIGN in answers:
            return JSONResponse({"answer": Answer.FOREIGN.value}, 403)
        count: dict[str, Any] = {one.value: answers.count(one) for one in Answer if one in answers}
        return JSONResponse(count, 404 if Answer.UNKNOWN in answers else 200)

    return made


def _may(header: str, token: str | None) -> bool:
    """Whether the header has the token; how long that takes says nothing of the token."""
    scheme, _, sent = header.partition(" ")
    same = hmac.compare_digest(sent.strip().encode(), (token or "").encode())
    return token is not None and scheme.lower() == "bearer" and same


async def _body(request: Request) -> bytes | None:
    """The body; None if it is too long."""
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > _LONGEST:
            return None
    return bytes(body)
