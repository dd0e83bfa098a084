"""The switch's side of one tap: its RTP, read, put into one line, and handed to the outlets."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from media import rtp
from media.continuity import Continuity
from siprec_app.outlet import Feed, Outgoing
from siprec_app.relay import Intake
from siprec_app.rtcp import Moment
from siprec_app.srtp import LARGEST

__all__ = ["Incoming"]

_ROOM = 2048
"""Bytes read of a datagram; more than any that is passed on."""
_LEAST_KEPT = 512
"""Bytes of a receive buffer that the kernel counts for a datagram at the least (it is 768 and more)."""
_LONG = 1.0
"""Seconds without audio after which it matters whether more waits to be read."""


class Incoming:
    """An intake.

    Args:
        codecs: names of G.711's two laws by payload type.
        allowed: the only host that may send, or None.
        owed: as for ``Continuity``.

    Attributes:
        outlets: that it feeds now. feeds: what it has fed, these among it.
    """

    def __init__(self, source: socket.socket, codecs: Mapping[int, str], allowed: str | None, *,
                 owed: bool) -> None:
        self.socket = source
        self.continuity = Continuity(owed=owed)
        self.outlets: list[Outgoing] = []
        self.feeds: list[Feed] = []
        self._codecs = dict(codecs)
        self._allowed = allowed
        self._from: object = None
        self._most = source.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _LEAST_KEPT + 1
        self._octets = self._foreign = self._invalid = self._other = 0
        self._first: Moment | None = None
        self._last = Moment(float("-inf"), 0.0)

    def read(self, at: Moment) -> bool:
        """Read one datagram and pass it on. False when there was none."""
        try:
            data, source = self.socket.recvfrom(_ROOM)
        except BlockingIOError:
            return False
        if source != self._from and (self._from is not None or self._allowed not in (None, source[0])):
            self._foreign += 1
            return True
        packet = rtp.parse(data)
        if packet is None or len(data) > LARGEST:
            self._invalid += 1
            return True
        kind, marker, sequence, timestamp, ssrc, payload = packet
        codec = self._codecs.get(kind)
        if codec is None:
            self._other += 1
            self.continuity.skip(ssrc, sequence)
            return True
        self._from = source
        waiting = at.monotonic - self._last.monotonic > _LONG and self._more()
        place = self.continuity.take(ssrc, sequence, timestamp, len(payload), at.monotonic, waiting=waiting)
        if place is None:
            return True
        self._octets += len(payload)
        self._last = at
        if self._first is None:
            self._first = at
        for outlet in self.outlets:
            outlet.send(place, marker, codec, payload, at)
        return True

    def drain(self, at: Moment) -> None:
        """Read all that has come so far, at most as much as the kernel can have kept: others may go on sending."""
        for _ in range(self._most):
            if not self.read(at):
                break

    def meet_anew(self) -> None:
        """The next address that sends audio is the tap's: a new tap of the switch may send from another port."""
        self._from = None

    def _more(self) -> bool:
        try:
            self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        return True

    def counters(self) -> Intake:
        """What was counted until now."""
        line = self.continuity
        return Intake(
            received=line.received, octets=self._octets, lost=line.lost, late=line.late, duplicates=line.duplicates,
            stale=line.stale, foreign=self._foreign, invalid=self._invalid, other=self._other, restarts=line.restarts,
            first=self._first, last=self._last if self._first else None)
