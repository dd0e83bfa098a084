"""Where we listen for one Asterisk: the address, the certificate, and how many may knock at once."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import structlog

from faults import SettingsInvalid

log = structlog.get_logger("asterisk")

_FAREWELL = 2.0  # s


@dataclass(frozen=True, slots=True)
class Door:
    """Where we listen, and for whom.

    Args:
        host, port: of one Asterisk alone.
        user, password: what that Asterisk has to say; ``username`` and ``password`` of its websocket_client.conf.
        app: the name of our Stasis application; ``apps`` of its ari.conf.
        certificate, key: files in PEM, for TLS; None: the connection is not encrypted.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    app: str
    certificate: Path | None = None
    key: Path | None = None


def encryption(door: Door) -> ssl.SSLContext | None:
    """What a door with a certificate speaks: TLS 1.2 or newer. None without a certificate.

    Raises:
        SettingsInvalid: the files cannot be used.
    """
    if door.certificate is None or door.key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Nobody is there to type a passphrase: a key that wants one is refused.
        context.load_cert_chain(door.certificate, door.key, password=lambda: b"")
    except OSError as wrong:
        why = "they are no certificate and its key, in PEM, without a passphrase" if isinstance(
            wrong, ssl.SSLError) else wrong.strerror
        raise SettingsInvalid(f"The certificate {door.certificate} with the key {door.key} cannot be used: {why}.",
                              file=str(door.certificate)) from wrong
    return context


class Turned(asyncio.Protocol):
    """A connection that is one too many: it is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Vestibule:
    """Where connections are until they have shown that they speak TLS. They count among those that are there: by
    itself asyncio would make a transport of each, however many there are, before anybody could send one away.

    Args:
        context: see ``encryption``.
        patience: seconds that a handshake may take.
    """

    def __init__(self, context: ssl.SSLContext, patience: float) -> None:
        self._context = context
        self._patience = patience
        self._shaking: set[asyncio.Task[None]] = set()
        self._told = False

    def __len__(self) -> int:
        return len(self._shaking)

    def enter(self, inside: Callable[[], asyncio.Protocol]) -> asyncio.Protocol:
        """The protocol of a connection that was just accepted; after its handshake it is ``inside()``'s."""
        return _Knock(self, inside)

    def close(self) -> None:
        """Wait for no handshake any more."""
        for task in self._shaking:
            task.cancel()

    def greet(self, transport: asyncio.Transport, inside: Callable[[], asyncio.Protocol]) -> None:
        """Take an accepted connection away from its transport, and shake hands."""
        transport.pause_reading()
        connection = transport.get_extra_info("socket").dup()
        peer = transport.get_extra_info("peername")
        transport.abort()

        async def shake() -> None:
            try:
                await asyncio.get_running_loop().connect_accepted_socket(
                    inside, connection, ssl=self._context, ssl_handshake_timeout=self._patience,
                    ssl_shutdown_timeout=_FAREWELL)
            except OSError as failed:
                self._failed(failed, str(peer[0]) if peer else "")

        task = asyncio.get_running_loop().create_task(shake())
        self._shaking.add(task)
        task.add_done_callback(self._shaking.discard)

    def _failed(self, failed: OSError, peer: str) -> None:
        """Told once: strangers may not fill the log."""
        if not self._told:
            self._told = True
            reason = failed.reason if isinstance(failed, ssl.SSLError) else type(failed).__name__
            log.warning("a TLS handshake failed; further ones are not told", peer=peer, cause=reason)


class _Knock(asyncio.Protocol):
    """A connection that was just accepted."""

    def __init__(self, vestibule: Vestibule, inside: Callable[[], asyncio.Protocol]) -> None:
        self._vestibule = vestibule
        self._inside = inside

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._vestibule.greet(cast(asyncio.Transport, transport), self._inside)
