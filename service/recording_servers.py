"""Recording servers, made from the settings: one end for SIP and one relay for all switches."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from faults import SettingsInvalid
from recorder.events import SessionIs, Silenced
from service.clock import Clock
from service.secret_files import first_line
from service.siprec_settings import RecordingServerSettings, SiprecSettings
from siprec_app.authentication import Credentials
from siprec_app.client import RecordingClient
from siprec_app.endpoint import Endpoint
from siprec_app.health import Health
from siprec_app.ng_calls import NgCalls
from siprec_app.ng_client import NgClient
from siprec_app.order import Named, Order
from siprec_app.ports import Ports
from siprec_app.protocol.crypto import KEY_LENGTH, Crypto, Suite
from siprec_app.protocol.effects import Over
from siprec_app.protocol.negotiation import Agreement
from siprec_app.protocol.session import Manner
from siprec_app.relay import Relay
from siprec_app.rtp_relay import RtpRelay
from siprec_app.rtpengine import RtpEngine
from siprec_app.server import Server
from siprec_app.server_session import Client, Connecting
from siprec_app.sink import ServerSink
from siprec_app.tls import TlsSettings
from siprec_app.transport import Protocol

__all__ = ["Servers", "named", "opened"]

log = structlog.get_logger("siprec")

_SUITES = (Suite.AES_80, Suite.AES_32)


@dataclass(slots=True)
class Servers:
    """What the switches' calls reach recording servers through."""

    order: Order
    connecting: Connecting
    health: Health
    sinks: list[ServerSink]

    def sink(self, switch: str, tell: Callable[[SessionIs | Silenced], None], *, owed: bool) -> ServerSink:
        """For the calls of one switch.

        Args:
            owed: as for ``ServerSink``.
            tell: takes what becomes of their sessions.
        """
        made = ServerSink(switch, self.order, self.connecting, owed=owed, tell=tell)
        self.sinks.append(made)
        return made


def named(settings: SiprecSettings) -> tuple[Named, ...]:
    """The servers of the settings, in their order.

    Raises:
        SettingsInvalid: a file with a password cannot be read, or a URI is none.
    """
    return tuple(_named(name, one) for name, one in settings.servers.items())


@asynccontextmanager
async def opened(settings: SiprecSettings, clock: Clock) -> AsyncIterator[Servers]:
    """Listen for the servers' requests, and end all sessions at the end.

    Raises:
        SettingsInvalid: as :func:`named`, or an address or a port is not this machine's, or is taken.
        RelayFailed: there is no way to rtpengine.
    """
    order = Order(named(settings), settings.rest, clock.now)
    dice = random.SystemRandom()
    endpoint = Endpoint(settings.address.strip("[]"), settings.sip_port, token=lambda: secrets.token_hex(12),
                        clock=clock.now)
    try:
        await endpoint.open()
    except OSError as error:
        raise SettingsInvalid(f"Nothing can be received at {settings.address}, port {settings.sip_port}: "
                              f"{error.strerror}.", key="siprec.address") from error
    sinks: list[ServerSink] = []

    def connect(server: Named, flows: Callable[[Agreement], Awaitable[None]], over: Callable[[Over], None]) -> Client:
        return RecordingClient(server.server, server.manner, endpoint, host=settings.address.strip("[]"),
                               ids=lambda: dice.getrandbits(62), random=dice, clock=clock.now, on_flow=flows,
                               on_over=over)

    def changed(server: Server, alive: bool) -> None:
        for name in order.lives(server.uri, alive):
            for sink in [] if alive else sinks:
                sink.dead(name)

    try:
        async with _relay(settings, clock, dice) as relay:
            connecting = Connecting(relay, connect, _keys, settings.address.strip("[]"), clock.at)
            health = Health([one.server for one in order.servers], endpoint, random=dice, changed=changed)
            watching = asyncio.create_task(_watched(relay, order, sinks)) if isinstance(relay, RtpEngine) else None
            try:
                yield Servers(order, connecting, health, sinks)
            finally:
                if isinstance(relay, RtpEngine):
                    relay.hurry()
                for sink in sinks:
                    await sink.close()
                if watching is not None:
                    watching.cancel()
    finally:
        await endpoint.close()


@asynccontextmanager
async def _relay(settings: SiprecSettings, clock: Clock, dice: random.SystemRandom) -> AsyncIterator[Relay]:
    """The relay of the settings."""
    if settings.ng is not None:
        client = NgClient(*settings.ng, cookie=lambda: secrets.token_hex(8))
        here = await client.open()
        engine = RtpEngine(NgCalls(client, here), here, wall=clock.at)
        try:
            yield engine
        finally:
            await engine.close()
            client.close()
        return
    first, last = settings.port_range
    outlets = Ports(settings.address.strip("[]"), first, last, dice.getrandbits(16))
    intakes = (outlets if settings.taps_address == settings.address
               else Ports(settings.taps_address.strip("[]"), first, last, dice.getrandbits(16)))
    relay = RtpRelay(intakes, outlets, draw=dice, monotonic=clock.now, wall=clock.at)
    try:
        yield relay
    finally:
        relay.close()


async def _watched(relay: RtpEngine, order: Order, sinks: list[ServerSink]) -> None:
    """When rtpengine has failed, so has every session: none goes on, and the calls go where the policy says."""
    while True:
        await relay.watch()
        log.error("rtpengine has failed", sessions="all of them end")
        for one in order.servers:
            for sink in sinks:
                sink.dead(one.name)


def _named(name: str, settings: RecordingServerSettings) -> Named:
    credentials = None
    if settings.user is not None and settings.password_file is not None:
        credentials = Credentials(settings.user, first_line(settings.password_file,
                                                            f"siprec.servers.{name}.password_file"))
    tls = TlsSettings(settings.ca_file, settings.certificate, settings.key) if settings.tls else None
    uri = settings.uri.lower()
    transport = (Protocol.TLS if settings.tls else Protocol.TCP if ";transport=tcp" in uri else Protocol.UDP)
    try:
        server = Server(settings.uri, transport, credentials, tls)
    except ValueError as error:
        raise SettingsInvalid(f"siprec.servers.{name}.uri: {error}", key=f"siprec.servers.{name}.uri") from error
    manner = Manner(within=settings.accept_within, expires=settings.session_expires,
                    partial=settings.partial_metadata, update=settings.metadata_in_update)
    return Named(name, server, manner, settings.srtp)


def _keys() -> tuple[Crypto, ...]:
    """Offered for one stream (RFC 4568 section 6.1): master key and salt from the machine's source of secrets."""
    return tuple(Crypto(tag, suite, secrets.token_bytes(KEY_LENGTH)) for tag, suite in enumerate(_SUITES, 1))
