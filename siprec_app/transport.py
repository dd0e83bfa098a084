"""What carries SIP messages: one UDP port, TCP and TLS connections to servers, and TCP connections that they make.

A response goes back the way that its request came (RFC 3261 section 18.2.2). A connection is used for whatever goes to
the same server, in both directions, for as long as it lasts.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from ipaddress import ip_address
from typing import Protocol as Interface
from typing import cast

from faults import RecordingServerFault, RecordingServerProtocolBroken, RecordingServerUnreachable
from siprec_app import framing, tls
from siprec_app.tls import TlsSettings

CONNECTED_WITHIN = 3.0
"""Seconds for a connection, TLS included; a session has 4 s to come about."""

TRIED_FOR = 1.0
"""Seconds for a TCP connection to a server that is configured for UDP."""

LARGEST_DATAGRAM = 1300
"""Bytes of a request that goes by UDP where TCP is possible (RFC 3261 section 18.1.1)."""

UDP_ALONE_FOR = 600.0
"""Seconds for which a server that takes no TCP is not asked again whether it does."""

MOST_KNOWN = 1000
"""Servers of which we remember that; a server's Contact can name any host."""

MOST_UNSENT = 1 << 20
"""Bytes that wait for a server that does not read; with more the connection is given up."""

UNREAD = 1 << 20
"""Bytes of datagrams that may wait for us."""

MOST_ACCEPTED = 64
"""Connections that others have made to us."""

_PORT_TRIES = 20


class Protocol(StrEnum):
    """As Via names it (RFC 3261 section 20.42)."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes.

    Attributes:
        host: a name or an address; with TLS the certificate has to be its.
    """

    protocol: Protocol
    host: str
    port: int
    tls: TlsSettings | None = None


class Way(Interface):
    """A way to send to one peer, and to be reached by it."""

    protocol: Protocol
    local: tuple[str, int]
    """What Via and Contact name."""

    peer: tuple[str, int]

    @property
    def open(self) -> bool:
        """Whether something can be sent."""

    def send(self, data: bytes) -> None:
        """Send a message; where the way is closed, it is lost."""


class Receiver(Interface):
    """Who gets what comes in."""

    def received(self, data: bytes, way: Way) -> None:
        """A message, as bytes, and the way back."""

    def lost(self, way: Way, fault: RecordingServerFault) -> None:
        """A connection has ended."""


class Datagrams(asyncio.DatagramProtocol):
    """Our UDP port."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Python 3.11's is not derived from DatagramTransport, so that no isinstance can tell.
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.strip(b"\r\n\0"):  # keepalives (RFC 5626 section 3.5.2 has STUN; line ends and zeros are met)
            self._receiver.received(data, DatagramWay(self, (addr[0], addr[1])))

    def error_received(self, exc: Exception) -> None:
        """One datagram did not arrive; the transaction sends it again."""


class DatagramWay:
    """To one address, from our port."""

    protocol = Protocol.UDP

    def __init__(self, port: Datagrams, peer: tuple[str, int]) -> None:
        self._port = port
        self.peer = peer
        assert port.transport is not None
        host, number = port.transport.get_extra_info("sockname")[:2]
        self.local: tuple[str, int] = (host, number)

    @property
    def open(self) -> bool:
        return self._port.transport is not None and not self._port.transport.is_closing()

    def send(self, data: bytes) -> None:
        if self.open and self._port.transport is not None:
            self._port.transport.sendto(data, self.peer)


class Connection(asyncio.Protocol):
    """One TCP or TLS connection, whoever made it.

    Args:
        listening: our port, which Via names: the peer can come back to it (RFC 3261 section 18.1.1).
        ended: told when it is no more.
    """

    def __init__(self, receiver: Receiver, protocol: Protocol, listening: int,
                 ended: Callable[[Connection], object]) -> None:
        self.protocol = protocol
        self.local = ("", listening)
        self.peer = ("", 0)
        self._receiver = receiver
        self._listening = listening
        self._ended = ended
        self._framer = framing.Framer()
        self._transport: asyncio.Transport | None = None
        self._broken: RecordingServerFault | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.peer = (peer[0], peer[1]) if peer else self.peer
        self.local = (local[0] if local else "", self._listening)

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            self._give_up(RecordingServerUnreachable("The recording server does not read.", server=self.peer[0]))

    def data_received(self, data: bytes) -> None:
        try:
            found = self._framer.feed(data)
        except RecordingServerProtocolBroken as fault:
            self._give_up(fault)
            return
        if self._framer.pings:
            self.send(framing.PONG)
            self._framer.pings = 0
        for frame in found:
            self._receiver.received(frame, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(self)
        self._receiver.lost(self, self._broken or tls.fault(exc, *self.peer))

    def _give_up(self, fault: RecordingServerFault) -> None:
        self._broken = fault
        self.close()

    def close(self) -> None:
        """End it without waiting for the peer."""
        if self._transport is not None:
            self._transport.abort()


class Transports:
    """Our port, and the connections.

    Args:
        host: an address of this machine, by which servers can reach us.
        port: for UDP and TCP; 0: any that is free.
        clock: seconds of a monotonic clock.
    """

    def __init__(self, host: str, port: int, receiver: Receiver, clock: Callable[[], float]) -> None:
        self._host, self._port = host, port
        self._receiver = receiver
        self._clock = clock
        self._datagrams: Datagrams | None = None
        self._server: asyncio.Server | None = None
        self._connections: dict[Target, asyncio.Task[Connection]] = {}
        self._accepted: dict[Connection, None] = {}
        self._udp_alone: dict[tuple[str, int], float] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Where we listen."""
        return self._host, self._port

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken, or the address is not this machine's.
        """
        tries = 1 if self._port else _PORT_TRIES
        for attempt in range(1, tries + 1):
            transport, datagrams = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: Datagrams(self._receiver), local_addr=(self._host, self._port))
            port: int = transport.get_extra_info("sockname")[1]
            # All sessions share it: the kernel gives as much of this as the machine's settings allow.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
            try:
                self._server = await asyncio.get_running_loop().create_server(
                    partial(self._accept, port), self._host, port)
            except OSError as error:
                transport.close()
                if error.errno != errno.EADDRINUSE or attempt == tries:
                    raise
                continue
            self._datagrams, self._port = datagrams, port
            return

    def _accept(self, port: int) -> Connection:
        connection = Connection(self._receiver, Protocol.TCP, port, lambda ended: self._accepted.pop(ended, None))
        if len(self._accepted) >= MOST_ACCEPTED:
            oldest = next(iter(self._accepted))
            del self._accepted[oldest]
            oldest.close()
        self._accepted[connection] = None
        return connection

    async def close(self) -> None:
        """End everything."""
        tasks = list(self._connections.values())
        for task in tasks:
            task.cancel()
        for made in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(made, Connection):
                made.close()
        for connection in list(self._accepted):
            connection.close()
        if self._server is not None:
            self._server.close()
        if self._datagrams is not None and self._datagrams.transport is not None:
            self._datagrams.transport.close()

    async def way(self, target: Target, size: int = 0) -> Way:
        """A way to a server, connected where it needs to be.

        Args:
            size: bytes of the request. One that is too large for UDP goes by TCP where the server takes it.

        Raises:
            RecordingServerUnreachable: there is no connection, or the name has no address.
            RecordingServerUntrusted: TLS failed.
            SettingsInvalid: the files for TLS cannot be used.
        """
        if target.protocol is not Protocol.UDP:
            return await self._connected(target, CONNECTED_WITHIN)
        if size > LARGEST_DATAGRAM and self._udp_alone.get((target.host, target.port), 0.0) <= self._clock():
            try:
                return await self._connected(Target(Protocol.TCP, target.host, target.port), TRIED_FOR)
            except RecordingServerFault:
                if len(self._udp_alone) >= MOST_KNOWN:
                    self._udp_alone.clear()
                self._udp_alone[target.host, target.port] = self._clock() + UDP_ALONE_FOR
        return self.datagrams_to(await self._resolved(target))

    def datagrams_to(self, peer: tuple[str, int]) -> Way:
        """A way by UDP to an address.

        Raises:
            RecordingServerUnreachable: our port is closed.
        """
        return DatagramWay(self._bound(), peer)

    def _bound(self) -> Datagrams:
        if self._datagrams is None or self._datagrams.transport is None or self._datagrams.transport.is_closing():
            raise RecordingServerUnreachable("Our own port for SIP is closed.")
        return self._datagrams

    async def _resolved(self, target: Target) -> tuple[str, int]:
        with suppress(ValueError):
            return str(ip_address(target.host)), target.port
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        try:
            found = await asyncio.get_running_loop().getaddrinfo(
                target.host, target.port, family=family, type=socket.SOCK_DGRAM)
        except (OSError, UnicodeError) as error:
            raise tls.fault(error, target.host, target.port) from error
        return str(found[0][4][0]), target.port

    async def _connected(self, target: Target, within: float) -> Connection:
        """The connection to a server; whoever asks while it is being made gets the same."""
        task = self._connections.get(target)
        if task is not None and (made := _outcome(task)) is not None and not made.open:
            task = None
        if task is None:
            task = asyncio.create_task(self._connect(target, within))
            task.add_done_callback(partial(self._made, target))
            self._connections[target] = task
        return await asyncio.shield(task)

    def _made(self, target: Target, task: asyncio.Task[Connection]) -> None:
        # A failure is everybody's who waits; where nobody does any more, it is nobody's.
        if _outcome(task) is None and self._connections.get(target) is task:
            del self._connections[target]

    async def _connect(self, target: Target, within: float) -> Connection:
        context = None if target.protocol is Protocol.TCP else tls.context(target.tls or TlsSettings())

        def ended(connection: Connection) -> None:
            task = self._connections.get(target)
            if task is not None and _outcome(task) is connection:
                del self._connections[target]

        self._bound()
        try:
            async with asyncio.timeout(within):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self._receiver, target.protocol, self._port, ended), target.host, target.port,
                    ssl=context, local_addr=(self._host, 0), server_hostname=target.host if context else None,
                    ssl_handshake_timeout=within if context else None)
        except (OSError, UnicodeError) as error:  # TimeoutError and ssl.SSLError are such
            raise tls.fault(error, target.host, target.port) from error
        return connection


def _outcome(task: asyncio.Task[Connection]) -> Connection | None:
    """The connection that was made; None while it is being made, and where it could not be."""
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else None
