"""Which recording servers are there: each is asked by OPTIONS now and then (RFC 3261 section 11)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

import structlog

from faults import Fault
from siprec_app import answers
from siprec_app.authentication import Digest
from siprec_app.dialogs import Dialog
from siprec_app.endpoint import Endpoint, Final
from siprec_app.message import Response
from siprec_app.server import Server

log = structlog.get_logger("siprec")

EVERY = 30.0
"""Seconds between two questions to one server, on average."""

ANSWERED_WITHIN = 5.0
"""Seconds after which a server without an answer counts as dead, until it answers."""

FOR_EVER = float("inf")
_DEAD = frozenset({408, 503, 504})
"""Responses that say that nobody is there, or that whoever is there takes no sessions; any other one is a sign of
life: not every server likes OPTIONS."""


class Health:
    """Keeps an eye on servers, in their order.

    Args:
        random: draws when each is asked, so that not all of them are at once.
        changed: told when a server has died, or lives again.
    """

    def __init__(self, servers: Sequence[Server], endpoint: Endpoint, *, random: Random, every: float = EVERY,
                 within: float = ANSWERED_WITHIN, changed: Callable[[Server, bool], None]) -> None:
        self._servers = tuple(servers)
        self._endpoint = endpoint
        self._random = random
        self._every, self._within = every, within
        self._changed = changed
        self._dead: set[str] = set()

    @property
    def rests(self) -> Mapping[str, float]:
        """The dead ones by their URI, for ``failover.next_server``: until when they rest nobody knows."""
        return dict.fromkeys(self._dead, FOR_EVER)

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            for server in self._servers:
                group.create_task(self._watch(server))

    async def _watch(self, server: Server) -> None:
        digest = Digest(server.credentials, self._endpoint.tag)
        while True:
            alive = await self._lives(server, digest)
            if alive is (server.uri in self._dead):
                (self._dead.discard if alive else self._dead.add)(server.uri)
                log.info("a recording server lives again" if alive else "a recording server does not answer",
                         server=server.target.host)
                self._changed(server, alive)
            await asyncio.sleep(self._every * self._random.uniform(0.8, 1.2))

    async def _lives(self, server: Server, digest: Digest) -> bool:
        try:
            async with asyncio.timeout(self._within):
                response = await ask(server, self._endpoint, digest)
        except (Fault, TimeoutError):
            return False
        return response is not None and response.status not in _DEAD


async def ask(server: Server, endpoint: Endpoint, digest: Digest) -> Response | None:
    """What a server answers to OPTIONS; a challenge is met, if it can be. None: nothing.

    Raises:
        RecordingServerUnreachable, RecordingServerUntrusted, SettingsInvalid: as ``Transports.way``.
    """
    response = await _ask_once(server, endpoint, digest)
    if response is not None and response.status in (401, 407) and digest.learn(response):
        response = await _ask_once(server, endpoint, digest)
    return response


async def _ask_once(server: Server, endpoint: Endpoint, digest: Digest) -> Response | None:
    final = Final()
    host = endpoint.address[0]
    host = f"[{host}]" if ":" in host else host
    tag = endpoint.tag()
    request = Dialog(endpoint.tag(), f"<sip:{host}>;tag={tag}", f"<{server.uri}>", server.uri).request("OPTIONS")
    for name, value in (("Accept", answers.ACCEPT), ("User-Agent", answers.AGENT),
                        *digest.answers("OPTIONS", request.uri)):
        request.fields.add(name, value)
    await endpoint.request(request, server.target, final.told)
    return await final.response()

