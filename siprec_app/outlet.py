"""One stream to one recording server: RTP of our own making, SRTP if agreed, RTCP around it."""

from __future__ import annotations

import base64
import socket
from dataclasses import dataclass, field

from media import rtcp, rtp
from media.continuity import RATE, Continuity, Place
from media.g711 import alaw_to_mulaw, mulaw_to_alaw
from siprec_app.protocol.negotiation import Flow
from siprec_app.relay import Fed, OutletCounters, Silence
from siprec_app.rtcp import Draw, Moment, Reporter
from siprec_app.srtp import Srtp

__all__ = ["Feed", "Outgoing", "cname"]

_TRANSCODED = {("PCMU", "PCMA"): mulaw_to_alaw, ("PCMA", "PCMU"): alaw_to_mulaw}
_LARGEST = 2048

SockAddr = tuple[str, int]


def cname(draw: Draw) -> str:
    """A name of 96 random bits for one recording session (RFC 7022 section 4.2)."""
    return base64.b64encode(draw.getrandbits(96).to_bytes(12)).decode()


@dataclass(frozen=True, slots=True)
class _Line:
    """What a receiver knows a stream by. Number n of the tap is sent as ``number + n``; likewise the timestamp."""

    reporter: Reporter
    source: int
    timestamp: int


@dataclass(slots=True)
class _Counted:
    sent: int = 0
    octets: int = 0
    unsent: int = 0
    refused: int = 0
    strange: int = 0
    first: Moment | None = None
    last: Moment | None = None
    heard: Moment | None = None
    silences: list[Silence] = field(default_factory=list)


class Feed:
    """What one tap feeds, or has fed, into one outlet, from one silence to the next.

    Args:
        session: whose outlet it is.
        continuity: of the tap.

    Attributes:
        shift: samples between the tap's clock and the outlet's; None until the first packet.
        unheard: packets that the server has missed of it, by its reports.
    """

    def __init__(self, session: str, continuity: Continuity) -> None:
        self.session = session
        self.continuity = continuity
        self.shift: int | None = None
        self.received = self.sent = 0
        self.first: float | None = None
        self.last: float | None = None
        self.unheard: int | None = None
        self._lost = 0
        self._lost_before: int | None = None

    def flows(self, flowing: bool) -> None:
        """Whether it is to be sent now: what is lost meanwhile counts."""
        if self._lost_before is not None:
            self._lost += self.continuity.lost - self._lost_before
        self._lost_before = self.continuity.lost if flowing else None

    def fed(self) -> Fed:
        """What was counted until now."""
        lost = self._lost + (0 if self._lost_before is None else self.continuity.lost - self._lost_before)
        return Fed(self.session, self.received, self.sent, max(lost, 0), self.first, self.last, self.unheard)


class Outgoing:
    """An outlet.

    The SSRC, the beginning of the sequence numbers and that of the timestamps are drawn (RFC 3550 sections 5.1 and 8),
    and stay for as long as the key: after a pause the numbers go on by one and the timestamps by the time that has
    passed. With another key all of it begins anew, so that no receiver has to guess how often the numbers had gone
    around under the key before (RFC 3711 section 3.3.1).

    Args:
        sockets: for RTP and for RTCP, bound and not blocking.
        name: the CNAME of the recording session.
    """

    def __init__(self, id: str, sockets: tuple[socket.socket, socket.socket], name: str, draw: Draw,
                 at: Moment) -> None:
        self.id = id
        self.flowing: Flow | None = None
        self.turns = 0
        self._feed: Feed | None = None
        self._sample, self._sample_at = 0, at.monotonic
        self._missed = 0
        self._rtp, self._rtcp = sockets
        self._name = name
        self._draw = draw
        self._counted = _Counted(silences=[Silence(at.wall, None)])
        self._line = self._new_line()
        self._key: object = None
        self._srtp: Srtp | None = None
        self._payload_type = 0
        self._codec = ""
        self._rtcp_to: SockAddr | None = None
        self._mux = False
        self._resuming = False
        self._shift = self._floor = 0
        self._next = draw.getrandbits(15)  # a first number in the lower half goes around late (RFC 4568 section 6.4)
        self._line_sent = self._line_octets = 0

    def _new_line(self) -> _Line:
        source = self._draw.getrandbits(32)
        return _Line(Reporter(source, self._name), source, self._draw.getrandbits(32))

    @property
    def sockets(self) -> tuple[socket.socket, socket.socket]:
        """For RTP and for RTCP."""
        return self._rtp, self._rtcp

    @property
    def reporting(self) -> bool:
        """Whether there is somewhere to send reports to."""
        return self._rtcp_to is not None

    # ---- Flow and silence

    @property
    def has_sent(self) -> bool:
        """Whether anything was sent of what feeds it now."""
        return self._feed is not None and self._feed.first is not None

    def feed(self, feed: Feed, at: Moment) -> None:
        """What another tap hears is sent from now on: its numbers and its clock follow those before."""
        self._sample, self._sample_at = self._clock(at), at.monotonic
        self._feed = feed
        self._missed = self._lost() or 0
        self._resuming = True
        feed.flows(self.flowing is not None)

    def unfeed(self) -> None:
        """Nothing comes any more."""
        if self._feed is not None:
            self._feed.flows(False)

    def _clock(self, at: Moment) -> int:
        """The sample that belongs to this moment."""
        feed = self._feed
        if feed is not None and feed.shift is not None:
            return feed.continuity.sample_at(at.monotonic) + feed.shift
        return self._sample + round((at.monotonic - self._sample_at) * RATE)

    def silence(self, at: Moment) -> None:
        """From now on nothing is sent, and a ``flow`` that is not through yet does not begin."""
        self.turns += 1
        if self.flowing is not None:
            self.flowing = None
            if self._feed is not None:
                self._feed.flows(False)
            self._counted.silences.append(Silence(at.wall, None))

    def begin(self, flow: Flow, host: str, at: Moment) -> None:
        """What comes from now on is sent.

        Args:
            host: the flow's, as an address.

        Raises:
            OSError: there is no way to that address.
        """
        if self._key != flow.key:
            self._farewell()
            if self._key is not None or self._line_sent:
                self._line, self._next, self._missed = self._new_line(), self._draw.getrandbits(15), 0
                self._line_sent = self._line_octets = 0
            self._srtp = None if flow.key is None else Srtp(flow.key)
            self._key = flow.key
        # Connected: the kernel then drops what others send, tells of refusals, and each packet costs less.
        self._rtp.connect((host, flow.port))
        self._mux = flow.rtcp_port == flow.port
        self._rtcp_to = (host, flow.rtcp_port)
        self._codec, self._payload_type = flow.codec.name, int(flow.codec.word)
        self._resuming = True
        self.flowing = flow
        if self._feed is not None:
            self._feed.flows(True)
        self._counted.silences[-1] = Silence(self._counted.silences[-1].begin, at.wall)

    # ---- Out

    def send(self, place: Place, marker: bool, codec: str, payload: bytes, at: Moment) -> None:
        """Pass on a packet of the tap, if there is a flow, and it is not from before it."""
        feed = self._feed
        if self.flowing is None or feed is None:
            return
        number = place.number
        if feed.shift is None:
            feed.shift = self._clock(at) - place.sample
        if self._resuming:
            # RFC 3551 section 4.1: marked is the first packet after a silence.
            self._resuming, marker = False, True
            self._floor, self._shift = number, self._next - number
        elif number < self._floor:
            return  # it was said in the pause, and was overtaken by what was said after it
        sequence = number + self._shift
        if codec != self._codec:
            payload = _TRANSCODED[codec, self._codec](payload)
        line = self._line
        packet: bytes | None = rtp.build(
            self._payload_type, marker, sequence & 0xFFFF,
            (place.sample + feed.shift + line.timestamp) & 0xFFFFFFFF, line.source, payload)
        if self._srtp is not None and packet is not None:
            packet = self._srtp.protect(packet)
        if sequence >= self._next:
            self._next = sequence + 1
        counted = self._counted
        feed.received += 1
        if packet is None or not self._sent(packet):
            counted.unsent += 1
            return
        feed.sent += 1
        feed.last = at.wall
        if feed.first is None:
            feed.first = at.wall
        counted.sent += 1
        counted.octets += len(payload)
        self._line_sent += 1
        self._line_octets += len(payload)
        counted.last = at
        if counted.first is None:
            counted.first = at

    def _sent(self, packet: bytes) -> bool:
        try:
            self._rtp.send(packet)
        except ConnectionRefusedError:
            # Told of an earlier packet (ICMP); this one has not been sent yet.
            self._counted.refused += 1
            return self._sent_once_more(packet)
        except OSError:
            return False
        return True

    def _sent_once_more(self, packet: bytes) -> bool:
        try:
            self._rtp.send(packet)
        except OSError:
            return False
        return True

    def report(self, at: Moment) -> None:
        """Send a report; in a silence it keeps the way open, too.

        Where RTP has a port of its own, an empty datagram leaves from it in a silence, for the same reason: it can be
        taken for no audio, and needs nothing of the server (RFC 6263 section 4.1).
        """
        timestamp = (self._clock(at) + self._line.timestamp) & 0xFFFFFFFF
        self._send_rtcp(self._line.reporter.compound(at, timestamp=timestamp, packets=self._line_sent,
                                                     octets=self._line_octets))
        if self.flowing is None and not self._mux:
            self._sent(b"")

    def _send_rtcp(self, packet: bytes) -> None:
        if self._rtcp_to is None:
            return
        protected = packet if self._srtp is None else self._srtp.protect_rtcp(packet)
        try:
            if self._mux:
                self._rtp.send(protected)
            else:
                self._rtcp.sendto(protected, self._rtcp_to)
        except ConnectionRefusedError:
            self._counted.refused += 1
        except OSError:
            return  # the next one is due in seconds

    def _farewell(self) -> None:
        self._send_rtcp(self._line.reporter.farewell())

    # ---- In

    def read_rtp(self, at: Moment) -> None:
        """Read what came to the port of RTP: RTCP if that is shared, or a refusal."""
        data = self._read(self._rtp)
        if data:
            self._heard(data if self._mux and rtcp.is_rtcp(data) else b"", at)

    def read_rtcp(self, at: Moment) -> None:
        """Read what came to the port of RTCP."""
        data = self._read(self._rtcp)
        if data:
            self._heard(data, at)

    def _read(self, source: socket.socket) -> bytes:
        try:
            return source.recv(_LARGEST)
        except BlockingIOError:
            return b""
        except OSError:
            self._counted.refused += 1
            return b""

    def _heard(self, data: bytes, at: Moment) -> None:
        clear: bytes | None = data
        if self._srtp is not None and data:
            clear = self._srtp.unprotect_rtcp(data)
        if clear and self._line.reporter.heard(clear, at):
            self._counted.heard = at
            self._note_missed()
        else:
            self._counted.strange += 1

    def _note_missed(self) -> None:
        """What the server has missed of the tap that feeds it now."""
        lost = self._lost()
        if self._feed is not None and lost is not None:
            self._feed.unheard = max(0, lost - self._missed)

    def _lost(self) -> int | None:
        report = self._line.reporter.report
        return None if report is None else report.lost

    # ---- The end

    def counters(self) -> OutletCounters:
        """What was counted until now."""
        counted = self._counted
        return OutletCounters(
            sent=counted.sent, octets=counted.octets, unsent=counted.unsent, refused=counted.refused,
            strange=counted.strange, first=counted.first, last=counted.last, silences=tuple(counted.silences),
            heard=counted.heard, report=self._line.reporter.report)

    def close(self, at: Moment) -> OutletCounters:
        """Say BYE and close the sockets."""
        self.silence(at)
        self._farewell()
        for one in self.sockets:
            one.close()
        return self.counters()
