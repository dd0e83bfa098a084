"""Is what recording servers were sent of a track all that they should have? Counts of packets against the clock.

The relay that sends a track to a server has counted its packets. What was in them nobody has looked at: this proves
that the server was sent something all the time, and what the server itself says of its arrival.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from media.gaps import SHORT_LIMIT_MS, Finding, FindingId
from media.spans import merged, subtracted

__all__ = ["BORDER_LIMIT_S", "MOMENT_S", "PACKET_S", "Sent", "ServerEvidence", "Span", "Stretch", "judge", "spans"]

Span = tuple[float, float]

PACKET_S = 0.020
"""What a packet holds: a tap sends G.711 in packets of 20 ms (RFC 3551, section 4.2)."""
MOMENT_S = 0.040
"""What lacks between two packets that are as near to one another as taps and sessions can be."""
BORDER_LIMIT_S = 0.5
"""What may lack where taps come and go, in all: as much as of files, where a tap needs some 50 ms to come up."""
_STEPS = 2  # packets that the clock may see more than there are: it reads the first and the last one up to 20 ms off


@dataclass(frozen=True, slots=True)
class Sent:
    """What one server was sent of one tap.

    Attributes:
        first, last: when its first and its last packet went out, on the switch's clock (s); None where none did.
        received: packets that came from the switch while they were to be sent. sent: those that went out.
        lost: packets that never came from the switch.
        unheard: packets that the server says it has not got; None where it says nothing.
    """

    server: str
    first: float | None = None
    last: float | None = None
    received: int = 0
    sent: int = 0
    lost: int = 0
    unheard: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A tap for a server, from its beginning to its end on the switch's clock (s)."""

    begun: float
    ended: float
    sent: Sequence[Sent] = ()


@dataclass(frozen=True, slots=True)
class ServerEvidence:
    """All that is known of a track that goes to a recording server.

    Attributes:
        wanted: from when to when it should; None: while there was a tap for it, as something else proves the rest.
        excused: pauses, and holds in which nothing can be tapped, in order and apart.
        files: what files have in a server's place, in order and apart; none where they excuse nothing.
        within: how long the first session may take to come about (s).
        why: what stood in the way, as far as anybody said.
        server: the one that all of it is about, or empty.
    """

    track: str
    stretches: Sequence[Stretch]
    wanted: Span | None = None
    excused: Sequence[Span] = ()
    files: Sequence[Span] = ()
    within: float = 1.0
    why: str = ""
    server: str = ""


def spans(stretches: Sequence[Stretch]) -> list[Span]:
    """The times in which servers were sent something, in order and apart."""
    return merged((one.first, one.last + PACKET_S) for stretch in stretches for one in stretch.sent
                  if one.first is not None and one.last is not None)


def judge(evidence: ServerEvidence) -> tuple[Finding, ...]:
    """Say what lacks at the servers, the gravest first.

    * ``not-carried``: no server was sent anything, and no file has it. Incomplete.
    * ``uncarried``: for a while no server was sent anything while it should, and no file has that time: more than
      100 ms in the midst of taps, what is below 40 ms left aside, or more than 0.5 s where taps begin and end. The
      first session has ``within`` seconds of its own. Incomplete.
    * ``not-sent``: more than 100 ms of packets never came from the switch, or did not go out. Incomplete; what is less
      is noted.
    * ``unheard``: the server says that it has not got more than 100 ms of packets. Incomplete; what is less is noted.
    * ``in-files``: what files have in a server's place. Noted.
    * ``unconfirmed``: no server said what it has got. Noted.
    """
    name, every = evidence.track, [one for stretch in evidence.stretches for one in stretch.sent]
    findings: list[Finding] = []
    why = f": {evidence.why.rstrip('.')}" if evidence.why else ""

    def find(kind: FindingId, incomplete: bool, sentence: str) -> None:
        findings.append(Finding(kind, incomplete, sentence))

    sent = sum(one.sent for one in every)
    if not sent and not evidence.files:
        nobody = f"Recording server {evidence.server} was sent nothing" if evidence.server else (
            "No recording server was sent anything")
        find("not-carried", True, f"{nobody} of track {name}{why}.")
        return tuple(findings)
    where = f"did not go to recording server {evidence.server}" if evidence.server else "went to no recording server"
    lacking = _uncarried(evidence)
    if lacking:
        beside = " and into no file" if evidence.files else ""
        find("uncarried", True, f"Track {name} {where}{beside} for {lacking:.1f} s{why}.")
    unsent = sum(_unsent(one) for one in every)
    if unsent:
        lost = sum(one.lost for one in every)
        find("not-sent", _too_many(unsent), f"{unsent} packets of track {name} {where}, though they should: {lost} of "
                                            "them never came from the switch.")
    told = [one.unheard for one in every if one.unheard is not None]
    unheard = sum(max(0, number) for number in told)
    if unheard:
        servers = " and ".join(dict.fromkeys(one.server for one in every if one.unheard))
        find("unheard", _too_many(unheard), f"{servers} says that {unheard} of {sent} packets of track {name} never "
                                            "arrived.")
    if evidence.files:
        seconds = sum(high - low for low, high in evidence.files)
        find("in-files", False, f"Files have {seconds:.1f} s of track {name}, while no recording server took it{why}.")
    if sent and not told:
        who = f"Recording server {evidence.server} did not say" if evidence.server else "No recording server said"
        find("unconfirmed", False, f"{who} how much of track {name} it has got.")
    return tuple(findings)


def _too_many(packets: int) -> bool:
    return packets * PACKET_S * 1000 > SHORT_LIMIT_MS


def _unsent(one: Sent) -> int:
    """Packets of the time between the first and the last one that did not go out."""
    counted = one.lost + max(0, one.received - one.sent)
    if one.first is None or one.last is None:
        return counted
    due = round((one.last - one.first) / PACKET_S) + 1
    return max(counted, due - one.sent - _STEPS)


def _uncarried(evidence: ServerEvidence) -> float:
    """Seconds that no server was sent, and no file has; 0 where they are too few to count."""
    tapped = merged((one.begun, one.ended) for one in evidence.stretches)
    known = merged([*spans(evidence.stretches), *evidence.files])
    wanted = [piece for whole in tapped for piece in subtracted(whole, evidence.excused)]
    midst = border = 0.0
    for number, (low, high) in enumerate(wanted):
        for begin, end in subtracted((low, high), known):
            setting_up = min(evidence.within, end - begin) if number == 0 and begin == low else 0.0
            lacking = end - begin - setting_up
            if lacking > MOMENT_S and (begin == low) != (end == high):
                border += lacking
            elif lacking > MOMENT_S:
                midst += lacking
    if evidence.wanted is not None:
        untapped = subtracted(evidence.wanted, merged([*tapped, *evidence.excused]))
        border += sum(end - begin for begin, end in untapped)
    return (midst if midst * 1000 > SHORT_LIMIT_MS else 0.0) + (border if border > BORDER_LIMIT_S else 0.0)
