"""What the engine remembers of one switch, and the limits that it works by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from recorder.effects import Effect
from recorder.events import TapDown, TapFailed, TapUp
from recorder.model import Bridge, Call, CallKind, Leg, Source
from recorder.states import CallState
from recorder.timers import Timers


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds.

    Attributes:
        confirm_within: how long the switch may take to confirm that a tap is gone before it is ended by force.
        attach_within: how long a tap may take to come up, its turn in the queue included, before it is made anew.
        lose_after: how long after the force a tap counts as lost.
        retry_first, retry_longest: waiting time before a tap is tried again; it doubles between the two.
        quiet: how long one party may be alone after the others left before the call has ended.
        decide_within: how long a leg that waits for its decision is held, if none comes.
        settle: how long the row of a call without a recording stays open for late events.
        way_in: a leg's own call that became part of another one within so many seconds is no recording.
        renew_after: how long a tap runs before the next one takes over; infinity: none does. overlap: how long both
            then run.
        stall_after: how long the file of a running tap may stay as it is before the tap counts as dead. Asterisk 22
            writes a file in blocks of 2.05 s. mix_stall_after: the same of a conference's mix.
        unheard_after: how long a track may be nothing but fill while packets come before its tap is made anew.
        adopts: whether the files are taken over that the switch writes of conferences by itself. adopt_within: how
            long that may take.
        renew_for_next_party: whether a tap ends with the party that its leg heard, and another one follows: `talking`.
        resume_after: how long after a resume a tap may be attached, so that nothing said before is still on its way.
            mix_resume_after: the same of a conference's mix, which may run behind its members.
        ends_at_hold: whether a tap ends while its leg holds the call or waits in a queue, as the switch writes nothing
            then.
        servers: the names of the recording servers.
        carried_within: how long no recording server may take what is meant for one before it goes into files.
        mixed_for_servers: whether recording servers get everybody on one stream, and not one stream for each direction.
        remember: how long a leg that has gone is remembered, so that a late event does not bring it back.
    """

    confirm_within: float = 0.25
    attach_within: float = 10.0
    lose_after: float = 5.0
    retry_first: float = 0.2
    retry_longest: float = 10.0
    quiet: float = 2.0
    decide_within: float = 0.1
    settle: float = 1.0
    way_in: float = 2.0
    renew_after: float = 600.0
    overlap: float = 2.0
    stall_after: float = 2.5
    mix_stall_after: float = 2.5
    unheard_after: float = 4.0
    adopts: bool = False
    adopt_within: float = 15.0
    renew_for_next_party: bool = True
    resume_after: float = 0.0
    mix_resume_after: float = 0.0
    ends_at_hold: bool = False
    servers: tuple[str, ...] = ()
    carried_within: float = 1.0
    mixed_for_servers: bool = False
    remember: float = 60.0

    def stalled_after(self, source: Source) -> float:
        """How long the file of that tap may stay as it is."""
        return self.mix_stall_after if source.bridge else self.stall_after


@dataclass(slots=True)
class World:
    """One switch as the engine knows it. Only open calls are kept; a closed one is forgotten.

    Attributes:
        calls_of: leg or bridge -> the open calls that it is or was part of, or has opened.
        looked: whether this life of the service has seen everything that the switch has.
        conferences: bridges that were or are a conference with a row.
        gone: leg or bridge that ended -> when (our clock) and when (the switch's clock), oldest first.
        seen: the last sequence that was applied for a leg or bridge.
        inside: leg -> the bridge that it was last seen in.
        heard: segment -> the parties that its tap heard first, beside its own leg.
        early: tap events that came before their segment.
        recordings: recording -> the open call that it belongs to.
        asking: calls whose question policy has not answered yet.
        held: leg that waits for its decision -> whether it waits inside our application.
        hopeless: call -> the sources that the switch cannot tap; this life of the service does not try again.
        marked: call -> what the dialplan was told of its decision.
        quieted: calls in which a pause is, or was until a moment ago.
        requests: pause request -> the calls that have not confirmed it yet.
        forced: requests of which some call was forced.
        silencing: request for a pause for one recording server -> its name, and the calls that have not confirmed it.
        touched: calls that the event at hand concerns. effects: what it led to.
    """

    switch: str
    limits: Limits
    boot: str = ""
    up: bool = False
    legs: dict[str, Leg] = field(default_factory=dict)
    bridges: dict[str, Bridge] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    calls_of: dict[str, set[str]] = field(default_factory=dict)
    looked: bool = False
    conferences: set[str] = field(default_factory=set)
    gone: dict[str, tuple[float, float]] = field(default_factory=dict)
    seen: dict[str, int] = field(default_factory=dict)
    inside: dict[str, str] = field(default_factory=dict)
    heard: dict[str, frozenset[str]] = field(default_factory=dict)
    early: dict[str, list[TapUp | TapDown | TapFailed]] = field(default_factory=dict)
    recordings: dict[str, str] = field(default_factory=dict)
    asking: set[str] = field(default_factory=set)
    held: dict[str, bool] = field(default_factory=dict)
    hopeless: dict[str, set[Source]] = field(default_factory=dict)
    marked: dict[str, Mapping[str, str]] = field(default_factory=dict)
    quieted: set[str] = field(default_factory=set)
    requests: dict[str, set[str]] = field(default_factory=dict)
    forced: set[str] = field(default_factory=set)
    silencing: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    timers: Timers = field(default_factory=Timers)
    touched: dict[str, None] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)

    def put(self, call: Call) -> None:
        """Keep the new value of a call and note that it was touched."""
        self.calls[call.id] = call
        self.touched[call.id] = None
        self.index(call)

    def index(self, call: Call) -> None:
        """Note which legs and recordings are the call's."""
        for one in call.members:
            self.calls_of.setdefault(one, set()).add(call.id)
        for recording in call.recordings:
            self.recordings[recording.id] = call.id

    def time_pauses(self, call: Call, at: float, now: float) -> None:
        """Have the pauses that end by themselves end in time.

        Args:
            at: the switch's clock. now: ours, at the same moment.
        """
        for pause in call.pauses:
            if pause.resumed is None and pause.until is not None:
                self.timers.start(call.id, f"pause:{pause.owner}", now + pause.until - at)
        for pause in call.silences:
            if pause.resumed is None and pause.until is not None:
                self.timers.start(call.id, f"silence:{pause.owner}:{pause.server}", now + pause.until - at)

    def touch(self, call: str) -> None:
        """Have the call looked at again, although nothing of it has changed yet."""
        if call in self.calls:
            self.touched[call] = None

    def conversations(self, leg: str) -> list[Call]:
        """The open calls that a leg is or was part of, or that it or a bridge has opened; oldest first."""
        found = [self.calls[one] for one in self.calls_of.get(leg, ()) if one in self.calls]
        return sorted(found, key=lambda call: (call.created, call.id))

    def conversation(self, leg: str) -> Call | None:
        """The call between parties that a leg is in, or was the first of unseen; or None. It has not ended, and the leg
        is not away from it."""
        return next((call for call in self.conversations(leg)
                     if call.kind is CallKind.CALL and call.state in (CallState.SETUP, CallState.ANSWERED)
                     and not _left(call, leg)), None)

    def forget(self, call: Call) -> None:
        """A closed call needs no memory."""
        self.calls.pop(call.id, None)
        self.timers.stop_all(call.id)
        self.marked.pop(call.id, None)
        self.hopeless.pop(call.id, None)
        self.asking.discard(call.id)
        self.quieted.discard(call.id)
        for recording in call.recordings:
            self.recordings.pop(recording.id, None)
            for segment in recording.segments:
                self.heard.pop(segment.id, None)
        for one in call.members:
            owners = self.calls_of.get(one)
            if owners is not None:
                owners.discard(call.id)
                if not owners:
                    del self.calls_of[one]

    def prune(self, now: float) -> None:
        """Forget legs and bridges that ended long ago and belong to no open call."""
        old = list(takewhile(lambda one: now - self.gone[one][0] >= self.limits.remember, self.gone))
        for one in old:
            if one not in self.calls_of:
                for memory in (self.gone, self.legs, self.seen, self.inside):
                    memory.pop(one, None)
                self.conferences.discard(one)


def _left(call: Call, leg_id: str) -> bool:
    leg = call.leg(leg_id)
    return leg_id in call.away or (leg is not None and leg.gone is not None)
