"""Proof that a relay of another process has read all that was sent to it: a packet of ours that comes back."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress

from faults import RelayFailed
from media import rtp
from siprec_app.protocol.ng import WITHIN
from siprec_app.relay import Address

__all__ = ["OCTETS", "Echo"]

_HEAD, _NONCE, _NUMBER = 12, 16, 2
OCTETS = _HEAD + _NONCE
"""Bytes of RTP in a probe."""
_AGAIN_AFTER = 0.02
"""Seconds after which another probe is sent: the daemon leaves what is behind fifty packets until one more comes."""


class Echo:
    """A socket to which probes come back. Made within a running event loop.

    Args:
        host: an address of this machine that the relay can send to.
    """

    def __init__(self, host: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[bytes, _Probes] = {}
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]
        self._loop.add_reader(self._socket.fileno(), self._heard)

    def close(self) -> None:
        """Close the socket."""
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()

    def nudge(self, to: Address) -> None:
        """A byte, so that the daemon does not forget a call for want of packets."""
        with suppress(OSError):
            self._socket.sendto(b"\0", (to.host, to.port))

    async def back(self, to: Address, kind: int, sent: Callable[[], None]) -> None:
        """Send until the last one is back: what was before it on its way has been read by then, other probes as well.

        Args:
            kind: the payload type.
            sent: called for each.

        Raises:
            RelayFailed: it did not come back within ``ng.WITHIN``.
        """
        probes = _Probes(secrets.token_bytes(_NONCE - _NUMBER), kind, secrets.randbits(32))
        self._waiting[probes.name] = probes
        try:
            async with asyncio.timeout(WITHIN):
                while True:
                    self._socket.sendto(probes.another(), (to.host, to.port))
                    sent()
                    while await _moved(probes.moved):
                        if probes.back == probes.sent:
                            return
        except TimeoutError:
            raise RelayFailed("rtpengine does not pass on what is sent to it.", port=to.port) from None
        except OSError as error:
            raise RelayFailed("There is no way to rtpengine's ports.", host=to.host, error=error.strerror) from error
        finally:
            del self._waiting[probes.name]

    def _heard(self) -> None:
        try:
            data = self._socket.recv(2048)
        except OSError:
            return
        number = data[OCTETS - _NUMBER:]
        if len(data) == OCTETS and (probes := self._waiting.get(data[_HEAD:-_NUMBER])) is not None:
            probes.back = max(probes.back, int.from_bytes(number))
            probes.moved.set()


class _Probes:
    """The probes of one drain: ``sent``, and the last that was ``back``, both counted from 1."""

    def __init__(self, name: bytes, kind: int, source: int) -> None:
        self.name, self._kind, self._source = name, kind, source
        self.sent = self.back = 0
        self.moved = asyncio.Event()

    def another(self) -> bytes:
        self.sent += 1
        return rtp.build(self._kind, False, self.sent, 0, self._source, self.name + self.sent.to_bytes(_NUMBER))


async def _moved(event: asyncio.Event) -> bool:
    """Whether one has come back, before it was time for another one."""
    waiting = asyncio.ensure_future(event.wait())
    await asyncio.wait([waiting], timeout=_AGAIN_AFTER)
    waiting.cancel()
    moved = event.is_set()
    event.clear()
    return moved
