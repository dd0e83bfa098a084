"""UDP sockets from a range of ports that a firewall knows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

from faults import RelayPortsExhausted

__all__ = ["Ports"]


class Ports:
    """The ports of one address, an even one for RTP and the odd one above it for RTCP (RFC 3550 section 11).

    They are given out in turns, so that a port rests for as long as can be: late packets of one call must not reach
    the next one.

    Args:
        host: an address of this machine, IPv4 or IPv6.
        first, last: of the range, both included.
        begin: any number; where in the range the first one is taken. A service that was restarted would otherwise begin
            with the ports of the calls that it has just lost.

    Raises:
        ValueError: there is no pair in the range.
    """

    def __init__(self, host: str, first: int, last: int, begin: int) -> None:
        self.host = host
        self._first = first + first % 2
        self._pairs = (last + 1 - self._first) // 2
        if not (0 < first <= last <= 65535 and self._pairs > 0):
            raise ValueError(f"no pair of ports in {first}-{last}")
        self._next = begin % self._pairs

    def single(self) -> socket.socket:
        """A socket on an even port.

        Raises:
            RelayPortsExhausted: all are taken.
        """
        return self._bound(1)[0]

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Sockets on an even port and on the one above it.

        Raises:
            RelayPortsExhausted: all are taken.
        """
        first, second = self._bound(2)
        return first, second

    def _bound(self, count: int) -> list[socket.socket]:
        for port in self._in_turns():
            with ExitStack() as undo:
                try:
                    sockets = [undo.enter_context(self._socket(port + above)) for above in range(count)]
                except OSError:
                    continue
                undo.pop_all()
                return sockets
        raise RelayPortsExhausted("All ports of the relay are taken.", host=self.host, first=self._first,
                                  last=self._first + 2 * self._pairs - 1)

    def _in_turns(self) -> Iterator[int]:
        for _ in range(self._pairs):
            port = self._first + 2 * self._next
            self._next = (self._next + 1) % self._pairs
            yield port

    def _socket(self, port: int) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            made.setblocking(False)
            made.bind((self.host, port))
        except OSError:
            made.close()
            raise
        return made
