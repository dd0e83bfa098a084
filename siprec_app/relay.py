"""The relay between the switch's taps and the recording servers, as the rest of the house sees it.

A tap is one direction of a call. The switch sends its RTP to the tap's intake; each recording server that gets it has
an outlet, which is fed by one tap at a time: after a pause or a transfer by another one. What does this is behind
``Relay``: ``rtp_relay.RtpRelay`` in our own process, or ``rtpengine.RtpEngine``, which has rtpengine do it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from siprec_app.protocol.negotiation import Flow
from siprec_app.rtcp import Moment, ServerReport

__all__ = ["G711", "Address", "Fed", "Intake", "Outlet", "OutletCounters", "Relay", "Silence", "TapCounters"]

G711: Mapping[int, str] = {0: "PCMU", 8: "PCMA"}
"""Payload types of RFC 3551 section 6."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is sent to."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Outlet:
    """Ours, on the side of the recording servers: RTP leaves from one port, RTCP comes to and leaves from the other."""

    id: str
    rtp_port: int
    rtcp_port: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A time without flow, in seconds since 1970; ``end`` is None while it lasts."""

    begin: float
    end: float | None


@dataclass(frozen=True, slots=True)
class Intake:
    """What came from the switch.

    Attributes:
        received: packets of audio that had a place, and ``octets`` of audio in them.
        lost: packets missing by their numbers. late: that were overtaken on their way, and are among the received.
        duplicates: that came again. stale: too late for any use.
        foreign: from another address than the tap's. invalid: not RTP. other: RTP that is no audio, such as keys.
        restarts: times that the source began anew.
        first, last: when audio came; None before.
    """

    received: int
    octets: int
    lost: int
    late: int
    duplicates: int
    stale: int
    foreign: int
    invalid: int
    other: int
    restarts: int
    first: Moment | None
    last: Moment | None


@dataclass(frozen=True, slots=True)
class OutletCounters:
    """What went to one recording server. ``sent + unsent`` never exceeds the intake's ``received``.

    Attributes:
        sent: packets, and ``octets`` of audio in them. unsent: that could not be sent, such as for want of buffers.
        refused: times that the server's machine said that nothing listens there (ICMP).
        strange: packets to our ports that were no RTCP of this session.
        first, last: when audio was sent; None before.
        silences: all of them, from the opening on.
        heard: when the server's RTCP came last. report: what it said.
    """

    sent: int
    octets: int
    unsent: int
    refused: int
    strange: int
    first: Moment | None
    last: Moment | None
    silences: tuple[Silence, ...]
    heard: Moment | None
    report: ServerReport | None


@dataclass(frozen=True, slots=True)
class Fed:
    """What one recording session was sent of one tap without a break.

    Attributes:
        session: its name. received: packets that came while it was to be sent, and sent: those that went out.
        lost: packets that were missing by their numbers meanwhile.
        first, last: when it was sent, in seconds since 1970; None when nothing was.
        unheard: packets that the server says it has not got since then; None when it has said nothing.
    """

    session: str
    received: int
    sent: int
    lost: int
    first: float | None
    last: float | None
    unheard: int | None


@dataclass(frozen=True, slots=True)
class TapCounters:
    """One tap, and the outlets that it feeds, by their ids."""

    intake: Intake
    outlets: Mapping[str, OutletCounters]


class Relay(Protocol):
    """What carries RTP from the switch to the recording servers.

    All raise ``KeyError`` for a tap or an outlet that is not open.
    """

    @property
    def takes(self) -> tuple[str, ...]:
        """The codecs of taps that reach the servers, by their names."""

    async def open_intake(self, tap: str, codecs: Mapping[int, str] = G711, source: str | None = None, *,
                          owed: bool = False) -> Address:
        """Where the switch is to send the RTP of a tap.

        The first address that sends a packet of audio there is the tap's; what others send is dropped. After a silence
        of all its outlets the next one is chosen in the same way.

        Args:
            codecs: payload types, and what they are: PCMU or PCMA. Others, telephone events above all, are dropped.
            source: the only address from which it may come, or None.
            owed: the switch sends a packet for every stretch of time, late rather than never; its timestamps are not
                to be believed then (``media.continuity``).

        Raises:
            ValueError: the tap is open, or a codec is another.
            RelayPortsExhausted: no port is left.
            RelayFailed: what carries the packets does not answer, or refuses.
        """

    async def open_outlet(self, tap: str | None, session: str) -> Outlet:
        """Ports for sending to one recording server. It is silent until it has a flow.

        Args:
            tap: what feeds it, or None: nothing does so far.
            session: outlets of one recording session are named as from one sender (CNAME), to be played in step.

        Raises:
            RelayPortsExhausted: no pair of ports is left.
            RelayFailed: as for :meth:`open_intake`.
        """

    async def feed(self, outlet: str, tap: str) -> None:
        """From now on another tap feeds this outlet: what came of it before this returns is not sent. The stream goes
        on as if nothing had changed.

        Raises:
            RelayFailed: as for :meth:`flow`.
        """

    async def flow(self, outlet: str, flow: Flow | None) -> None:
        """Send to this server, or, with None, be silent.

        When it returns, nothing goes out any more that had come before, whatever still waited to be read. Where one
        call overtakes another, the later call holds.

        Raises:
            RecordingServerAddressUnusable: the server cannot be sent to; then the outlet is silent.
            RelayFailed: what carries the packets has not said so in time, silences among it: then it is not known to be
                silent before another call returns.
        """

    async def fed(self, tap: str) -> tuple[Fed, ...]:
        """What each recording session was sent of a tap, sessions that are over among them; one for each time between
        two silences."""

    async def counters(self, tap: str) -> TapCounters:
        """What has been counted so far."""

    async def close_outlet(self, outlet: str) -> OutletCounters:
        """Say BYE, give the ports back. When it returns, nothing goes out any more. Returns the last counters."""

    async def close_intake(self, tap: str) -> TapCounters:
        """Close a tap. The outlets that it feeds stay open, with nothing to send. Returns the last counters."""
