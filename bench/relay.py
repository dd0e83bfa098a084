"""How many two-party calls one core carries to a recording server, without a packet lost: plain, and with SRTP; by the
service's own relay, and by rtpengine.

``python -m bench siprec-relay`` does this alone.
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.figures import Row, Spread
from bench.relay_load import Carried, Carrier, carry

__all__ = ["Ramp", "ramp", "rows"]

VERBA = 193
"""Calls a core that Verba publishes for its own recording of SIPREC."""
BOUNDS = {False: 500, True: 300}
"""Calls a core, plain and with SRTP."""

_STEP, _MOST = 50, 1000
_SECONDS = 5.0
_FILES = {Carrier.OURS: 6, Carrier.RTPENGINE: 36}
"""That are open for a call with SRTP."""
_TRIES = 2
"""The machine may be busy with something else for once."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """``sessions``: the largest number that was carried without loss, 0 if none was. ``load``: what it was then."""

    sessions: int
    load: Carried | None

    @property
    def us_a_packet(self) -> float:
        """Processor time of the relay for each packet, in us; what the sender and the receiver use is theirs."""
        return self.load.cpu / self.load.sent * 1e6 if self.load is not None else float("nan")


def ramp(srtp: bool, progress: Callable[[str], None], carrier: Carrier = Carrier.OURS) -> Ramp:
    """The largest number of calls, in steps of 50, at which no packet is lost or late: searched by halves."""
    best, low, high = Ramp(0, None), 0, most(carrier) // _STEP + 1
    while high - low > 1:
        middle = (low + high) // 2
        load = _carried(middle * _STEP, srtp, progress, carrier)
        if load is None:
            high = middle
        else:
            best, low = Ramp(middle * _STEP, load), middle
    return best


def most(carrier: Carrier) -> int:
    """Calls that are tried at the most: so many as the files that a process may have open here are enough for."""
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(_MOST, files // _FILES[carrier] // _STEP * _STEP)


def _carried(sessions: int, srtp: bool, progress: Callable[[str], None], carrier: Carrier) -> Carried | None:
    """The load, if all of it arrived."""
    for _ in range(_TRIES):
        load = carry(sessions, srtp=srtp, seconds=_SECONDS, carrier=carrier)
        progress(f"{carrier}, {sessions} calls{' with SRTP' if srtp else ''}: {load.sent - load.arrived} of "
                 f"{load.sent} packets missing, {load.cpu / load.sent * 1e6:.1f} us of the relay for each, "
                 f"sender late by {load.late * 1000:.0f} ms")
        if load.arrived == load.sent:
            return load
    return None


def rows(found: Mapping[bool, Mapping[Carrier, Ramp]]) -> list[Row]:
    """All ramps; the first keys say whether SRTP was on."""
    lines = []
    for srtp, by in found.items():
        one, other = by[Carrier.OURS], by.get(Carrier.RTPENGINE)
        what, bound, ratio = "with SRTP" if srtp else "plain", BOUNDS[srtp], one.sessions / VERBA
        # A stream has 50 packets a second, and a call two streams.
        budget, packet = 1e6 / (bound * 100), one.us_a_packet
        lines += [Row(f"SIPREC, two-party calls a core, {what}", str(one.sessions), f"Verba, published: {VERBA}",
                      Spread(ratio, ratio, ratio), f"{bound}", one.sessions >= bound),
                  Row(f"- processor time of a packet, {what}", f"{packet:.1f} us", bound=f"{budget:.0f} us",
                      kept=packet <= budget)]
        if other is not None:
            lines += [_against(f"- rtpengine, {what}", other.sessions, one.sessions, ""),
                      _against(f"- processor time of a packet, rtpengine, {what}", other.us_a_packet, packet, " us")]
    return lines


def _against(what: str, theirs: float, ours: float, unit: str) -> Row:
    figures = 1 if unit else 0
    ratio = theirs / ours if ours else float("nan")
    return Row(what, f"{theirs:.{figures}f}{unit}", f"our relay: {ours:.{figures}f}{unit}", Spread(ratio, ratio, ratio))
