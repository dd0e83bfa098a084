"""What ``phonograph check`` says of recording servers."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator

from faults import Fault, RecordingServerUnreachable, RelayFailed
from service.clock import Clock
from service.findings import Finding, Verdict, bad, well
from service.recording_servers import named
from service.siprec_settings import SiprecSettings
from siprec_app.authentication import Digest
from siprec_app.endpoint import Endpoint
from siprec_app.health import ANSWERED_WITHIN, ask
from siprec_app.ng_client import NgClient
from siprec_app.order import Named


async def examine(settings: SiprecSettings, clock: Clock) -> AsyncIterator[Finding]:
    """Ask each server by OPTIONS what it can do (RFC 3261 section 11). No session begins, and no port of the settings
    is used, as a service may run."""
    if not settings.servers:
        return
    if settings.ng is not None:
        yield await _relay(*settings.ng)
    try:
        servers = named(settings)
    except Fault as fault:
        yield bad("siprec", fault)
        return
    endpoint = Endpoint(settings.address.strip("[]"), 0, token=lambda: secrets.token_hex(12), clock=clock.now)
    try:
        await endpoint.open()
    except OSError as error:
        yield Finding(subject="siprec.address", verdict=Verdict.FAIL,
                      said=f"Nothing can be received at {settings.address}: {error.strerror}.",
                      remedy="Set siprec.address to an address of this machine.")
        return
    try:
        for server in servers:
            yield await _asked(server, endpoint)
    finally:
        await endpoint.close()


async def _relay(host: str, port: int) -> Finding:
    client = NgClient(host, port, cookie=lambda: secrets.token_hex(8))
    try:
        here = await client.open()
        said = await client.ask("ping")
    except RelayFailed as fault:
        return bad("siprec.rtpengine", fault)
    finally:
        client.close()
    if said.get("result") != "pong":
        return bad("siprec.rtpengine", RelayFailed("What answers there is no rtpengine."))
    return well("siprec.rtpengine", f"It answers; it has to be able to send to {here}.")


async def _asked(one: Named, endpoint: Endpoint) -> Finding:
    subject = f"siprec: {one.name}"
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            response = await ask(one.server, endpoint, Digest(one.server.credentials, endpoint.tag))
    except TimeoutError:
        response = None
    except Fault as fault:
        return bad(subject, fault)
    if response is None:
        return bad(subject, RecordingServerUnreachable("The recording server does not answer."))
    if response.status in (401, 407):
        return Finding(subject=subject, verdict=Verdict.FAIL, said="It asks for a password, and ours is not the one.",
                       remedy=f"Look at user and password_file of siprec.servers.{one.name}.")
    if response.status // 100 != 2:
        return Finding(subject=subject, verdict=Verdict.NOTE,
                       said=f"It answers OPTIONS with {response.status}; the first call shows what it takes.")
    if "siprec" not in response.fields.tokens("Supported"):
        return Finding(subject=subject, verdict=Verdict.NOTE,
                       said="It answers, and does not say that it supports siprec. Some recording servers do not.")
    return well(subject, "It answers, and supports siprec.")
