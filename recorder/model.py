"""What the recorder knows: legs, bridges, calls, recordings, segments, pauses.

Everything here is a frozen value. Times are seconds since the Unix epoch (UTC) on the switch's clock, as ``float``;
``None`` means "not yet" or "not known". Ids of legs and bridges are the switch's own; ids of calls, recordings and
segments are derived from the switch, its boot and the first leg, so that two looks at the same call give one id.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from policy.types import Decision
from recorder.orders import NamedServer, Order
from recorder.playback import Playback
from recorder.states import CallState, PauseState, RecordingState, SegmentState, SessionState


class LegKind(StrEnum):
    """What a leg is to us: a party's device, a Local (loopback) half, or a channel that we made ourselves."""

    PARTY = "party"
    LOCAL = "local"
    OWN = "own"


class LegState(StrEnum):
    """Where a leg stands."""

    SETUP = "setup"
    UP = "up"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who is on a leg. ``user`` and ``domain`` are what the switch authenticated; ``number`` and ``name`` are only
    what the caller says."""

    number: str = ""
    name: str = ""
    user: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RtpCounters:
    """RTP packets as the switch counted them at a leg's end."""

    received: int
    lost: int
    sent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A channel.

    Attributes:
        origin: the leg that caused this one (it dialled it), or None for the first leg of a call.
        dialled_by: the leg whose dialplan dialled this one, where the switch tells; empty where it does not.
        name: the switch's display name of the channel; commands that take a name use it.
        twin: of one half of a Local channel: the name of the other half.
        endpoint, context, gateway, profile: where it came in or went out; the policy names trunks by them.
        dialled: what was dialled on this leg.
        answered: when it came up. gone: when it ended.
        held: it holds the call. queued: it waits in a queue that keeps recordings from who waits there.
        trunk: whether the policy calls it a trunk. controls: whether the policy lets its party control the recording
            by phone. Both are the policy's word on what the switch has told.
        obstacle: why its media cannot be tapped (``bypass_media``), or None.
        choice: what its dialplan says of the wish to be recorded (a header of the INVITE, say); None: nothing.
        pausing: the owners whose pause the dialplan has marked on this leg, joined by ``&``; or empty.
        counters: RTP packets at its end, where the switch tells them.
    """

    id: str
    name: str
    kind: LegKind = LegKind.PARTY
    state: LegState = LegState.SETUP
    party: Party = Party()
    dialled: str = ""
    twin: str = ""
    endpoint: str = ""
    context: str = ""
    gateway: str = ""
    profile: str = ""
    origin: str | None = None
    dialled_by: str = ""
    sip_call_id: str | None = None
    created: float | None = None
    answered: float | None = None
    gone: float | None = None
    held: bool = False
    queued: bool = False
    trunk: bool = False
    controls: bool = False
    obstacle: str | None = None
    choice: bool | None = None
    pausing: str = ""
    counters: RtpCounters | None = None

    @property
    def silent(self) -> bool:
        """Whether a switch that reads only what it passes on has nothing of this leg now."""
        return self.held or self.queued


class BridgeKind(StrEnum):
    """What a bridge is for."""

    MIXING = "mixing"
    CONFERENCE = "conference"
    HOLDING = "holding"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A bridge with all its members, never a delta.

    Attributes:
        name: of a conference: what it is called, which may be what a caller chose.
        profile: the conference's profile in the switch's configuration; empty where the switch does not tell.
    """

    id: str
    kind: BridgeKind
    name: str = ""
    profile: str = ""
    members: frozenset[str] = frozenset()


class Direction(StrEnum):
    """Which audio a track holds: from the tapped leg, to it, or the mix of a conference or of both directions."""

    IN = "in"
    OUT = "out"
    MIX = "mix"


class Sink(StrEnum):
    """Where a tap's audio goes: into files of the switch, or to a recording server."""

    FILE = "file"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a tap listens to: a leg in some directions or their mix, or a conference bridge's mix (``leg`` is then
    empty). One leg may be tapped twice, for one sink each."""

    leg: str
    directions: tuple[Direction, ...]
    bridge: str = ""
    sink: Sink = Sink.FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFile:
    """One direction's audio of a segment: a file below the spool and the channel in it (0 = left or only one)."""

    direction: Direction
    path: str
    channel: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What a recording server was sent of one direction of a segment without a break, as our relay has counted it.

    Attributes:
        session: its session. direction: of the tap.
        first, last: when the first and the last packet went out; None where none did.
        received: packets that came from the switch while it was to be sent. sent: packets that went out.
        lost: packets that never came from the switch, by their sequence numbers.
        unheard: packets that the server says it has not got, by its last RTCP report; None where it sent none.
    """

    session: str
    direction: Direction
    first: float | None = None
    last: float | None = None
    received: int = 0
    sent: int = 0
    lost: int = 0
    unheard: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """An unbroken stretch of the tracks of one tap: they start together, in one file or one file a direction.

    Attributes:
        side: the track that the source's ``in`` direction feeds (``caller``, ``callee``, or a member's leg id).
        asked: when the tap was asked for. started, ended: by the switch's own events.
        cause: why it ended, in the switch's or our words.
        forced: it was ended by force, because the switch did not confirm in time.
        carried: what recording servers were sent of it, where that is its sink.
    """

    id: str
    source: Source
    side: str
    state: SegmentState
    asked: float
    started: float | None = None
    ended: float | None = None
    cause: str = ""
    forced: bool = False
    files: tuple[TrackFile, ...] = ()
    carried: tuple[Carried, ...] = ()


class Then(StrEnum):
    """What follows the longest time of a pause: the recording goes on, or it is stopped for good."""

    RESUME = "resume"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One owner's pause. Owners are independent: audio flows again only when no pause is open.

    Attributes:
        owner: who holds it (``ivr``, ``agent`` ...). asked: when; the gap starts here.
        confirmed: when the last tap was gone. resumed: when the owner gave it back.
        until: when it ends by itself, or None. then: what follows that.
    """

    owner: str
    actor: str
    reason: str
    state: PauseState
    asked: float
    confirmed: float | None = None
    resumed: float | None = None
    until: float | None = None
    then: Then = Then.RESUME


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPause(Pause):
    """One owner's pause that keeps the call from one recording server alone."""

    server: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A recording session with a server (RFC 7866), for one recording.

    Attributes:
        id: its Call-ID. server: its name in the settings.
        asked: when it was asked for. up: when the server took it. ended: when it was over.
        cause: why it is over, where nobody here asked for that.
        named: it is with a server that somebody named, not with one that policy's order led to.
    """

    id: str
    server: str
    state: SessionState
    asked: float
    up: float | None = None
    ended: float | None = None
    cause: str = ""
    named: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """All tracks of a call, from one start to one stop.

    Attributes:
        reason: why it ended, or why there is nothing in it.
        sessions: with recording servers: those of policy one after the other, those that were named beside them.
        uncarried: no server takes it now, and has not for a while: it goes into files.
    """

    id: str
    call: str
    state: RecordingState
    created: float
    started: float | None = None
    ended: float | None = None
    reason: str = ""
    segments: tuple[Segment, ...] = ()
    sessions: tuple[Session, ...] = ()
    uncarried: bool = False

    @property
    def carried(self) -> bool:
        """Whether a recording server takes it now that policy wants; one that somebody named does not count."""
        return any(session.state is SessionState.UP and not session.named for session in self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A leg was in a conference, or in a bridge with another party, from ``joined`` to ``left`` (None: it still is, or
    was when the conference ended)."""

    leg: str
    joined: float
    left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """No tap listened from ``begun`` to ``ended``, as the leg to be tapped held the call, or waited in a queue:
    `recorder.holding`."""

    leg: str
    begun: float
    ended: float | None = None


class CallKind(StrEnum):
    """A call between parties, or a conference."""

    CALL = "call"
    CONFERENCE = "conference"


class Outcome(StrEnum):
    """What became of the wish to record, once a call is over."""

    RECORDED = "recorded"
    NOT_WANTED = "not_wanted"
    UNANSWERED = "unanswered"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One conversation, whatever its legs do.

    Attributes:
        first_leg: the leg (or conference bridge) that opened it.
        legs: every leg that is or was part of it, in order of arrival.
        bridge: the conference's bridge. conference, profile: its name and profile, as ``Bridge`` has them.
        visits: who was in the conference, or talked to another party of the call, and when; in order of arrival.
        holds: when its recording had nothing to listen to, as the leg to be tapped held the call or waited.
        decided_for: what the decision was made for: the caller's leg, the callee's, and whatever else policy looks at.
        answered: when it was first answered. connected: when two parties were first up at once.
        transferred_by: the leg that handed the call on, while the next party is awaited; until then one party alone
            does not end the call.
        consults: of a consultation by keys: the call whose party asks there, and then goes back or hands on.
        away: the parties that are in a consultation, or back from it; they are in both calls and talk in the other one.
        requested: what the caller chose last, whichever way; it counts under profile optional. stopped: the recording
            was ended by request.
        merged_into: the call that this one became part of.
        adopted: whether a file that the switch wrote of this conference by itself was looked for.
        silences: the pauses for one recording server alone. named: the servers that were named, each time that one was.
        orders: the last hundred starts and stops that were carried out because somebody asked.
        marks: (leg, owner) of the pauses that the dialplan marked. playbacks: the announcements of all its recordings.
    """

    id: str
    switch: str
    boot: str
    kind: CallKind = CallKind.CALL
    first_leg: str
    state: CallState
    legs: tuple[Leg, ...] = ()
    bridge: str = ""
    conference: str = ""
    profile: str = ""
    visits: tuple[Visit, ...] = ()
    holds: tuple[Hold, ...] = ()
    decision: Decision | None = None
    decided_for: tuple[str | None, ...] = ()
    created: float
    answered: float | None = None
    connected: float | None = None
    ended: float | None = None
    transferred_by: str | None = None
    consults: str | None = None
    away: frozenset[str] = frozenset()
    requested: bool | None = None
    stopped: bool = False
    outcome: Outcome | None = None
    reason: str = ""
    merged_into: str | None = None
    adopted: bool = False
    pauses: tuple[Pause, ...] = ()
    silences: tuple[ServerPause, ...] = ()
    named: tuple[NamedServer, ...] = ()
    orders: tuple[Order, ...] = ()
    marks: tuple[tuple[str, str], ...] = ()
    recordings: tuple[Recording, ...] = ()
    playbacks: tuple[Playback, ...] = ()

    def leg(self, leg_id: str) -> Leg | None:
        """The leg of that id, or None."""
        return next((leg for leg in self.legs if leg.id == leg_id), None)

    @property
    def members(self) -> frozenset[str]:
        """Every leg that is or was part of it, and the leg or bridge that opened it."""
        return frozenset((self.first_leg, *(leg.id for leg in self.legs)))

    @property
    def parties(self) -> tuple[Leg, ...]:
        """The legs that are people's or trunks' devices, gone ones included."""
        return tuple(leg for leg in self.legs if leg.kind is LegKind.PARTY)

    @property
    def live(self) -> tuple[Leg, ...]:
        """The parties that have not hung up, and are not away."""
        return tuple(leg for leg in self.parties if leg.state is not LegState.GONE and leg.id not in self.away)

    @property
    def up(self) -> tuple[Leg, ...]:
        """The parties that are answered, have not hung up, and are not away."""
        return tuple(leg for leg in self.parties if leg.state is LegState.UP and leg.id not in self.away)

    @property
    def recording(self) -> Recording | None:
        """The recording that is being made, or None."""
        last = self.recordings[-1] if self.recordings else None
        return last if last is not None and last.ended is None else None

    @property
    def untouched(self) -> bool:
        """Whether nothing was recorded of it, and no tap that was asked for can bring anything any more."""
        return all(segment.started is None and segment.state in (SegmentState.FAILED, SegmentState.LOST)
                   for recording in self.recordings for segment in recording.segments)

    def held_by(self, owner: str) -> bool:
        """Whether that owner holds a pause."""
        return any(pause.owner == owner and pause.resumed is None for pause in self.pauses)

    @property
    def paused(self) -> bool:
        """Whether any owner holds a pause of everything."""
        return any(pause.resumed is None for pause in self.pauses)

    def kept_from(self, server: str) -> bool:
        """Whether a pause keeps it from that recording server."""
        return self.paused or any(pause.server == server and pause.resumed is None for pause in self.silences)

    @property
    def names(self) -> frozenset[str]:
        """The recording servers that it goes to because somebody named them."""
        return frozenset(one.server for one in self.named if one.ended is None)

    @property
    def to_server(self) -> bool:
        """Whether policy sends it to a recording server."""
        return self.decision is not None and self.decision.target.on_server
