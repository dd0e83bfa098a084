"""The engine, a ledger of rows and a faulty switch, on one clock; after every step the nevers are looked at."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sized
from dataclasses import dataclass, field, replace

from policy.types import Announcement, Decision, RecordingTarget
from recorder import announcements
from recorder.effects import Announce, Answer, Attach, Decide, Detach, Effect, Finish, Hush, Reply, Resync
from recorder.engine import Engine, Step
from recorder.events import ActorKind, Asked, CallEvent, Decided, LegIs, SessionIs, SwitchUp, Tick, Verb
from recorder.model import Call, CallKind, LegState, Outcome, Segment, Session, Sink
from recorder.states import CallState, RecordingState, SegmentState, SessionState
from recorder.taps import wanted
from recorder.world import Limits
from tests.recorder.story import says
from tests.simulator import NAME, Agenda, Faults, FaultySwitch

LONG = 200.0
"""Seconds after which everything that the engine waits for has happened, and what is over is forgotten."""


@dataclass
class Simulation:
    """One switch and one service.

    Args:
        dice: decides about faults and delays.
        skipped: users whose calls policy does not record.
        announcement: what the parties of recorded calls are to hear.
        target: where the audio of calls between parties goes.
        limits: the times that the engine works by on this kind of switch.
    """

    dice: random.Random
    faults: Faults = field(default_factory=Faults)
    skipped: frozenset[str] = frozenset()
    announcement: Announcement | None = None
    target: RecordingTarget = RecordingTarget.WAV
    limits: Limits = field(default_factory=Limits)
    agenda: Agenda = field(default_factory=Agenda)
    engine: Engine | None = None
    rows: dict[str, Call] = field(default_factory=dict)
    finished: Counter[str] = field(default_factory=Counter)
    told: set[str] = field(default_factory=set)
    replies: dict[str, Answer] = field(default_factory=dict)
    dying: bool = False
    _life: int = 0
    _requests: int = 0
    _outbox: list[Effect] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.switch = FaultySwitch(self.agenda, self.receive, self.dice, self.faults)
        self.starts()

    # The service.

    def starts(self) -> None:
        """A new life: the engine takes over what the ledger has."""
        self._life += 1
        self.dying = False
        self.engine = Engine(NAME, self.limits)
        self.engine.restore(call for call in self.rows.values() if call.state is not CallState.CLOSED
                            or any(leg.gone is None for leg in call.legs))
        left, self._outbox = self._outbox, []
        for effect in left:
            self._perform(effect)
        self.switch.connect()

    def dies(self) -> None:
        """SIGKILL: what was committed stays, what was on its way to the switch may arrive."""
        self.engine = None
        self._life += 1
        self.switch.disconnect()

    def receive(self, event: CallEvent) -> None:
        """An event arrives: the changed rows and the effects are stored together, then the effects are performed."""
        if self.engine is None:
            return
        if isinstance(event, LegIs):
            self.told.add(event.leg.id)
        elif isinstance(event, SwitchUp):
            self.told |= {leg.id for leg in event.snapshot.legs}
        step = self.engine.receive(event, self.agenda.clock)
        self._check(step)
        for call in step.changed:
            self.rows[call.id] = call
        if self.dying and step.effects:
            self._outbox += step.effects
            self.dies()
            return
        for effect in step.effects:
            self._perform(effect)

    def asks(self, verb: Verb, target: str, *, owner: str, longest: float | None = None) -> str:
        """Somebody asks; gives the request."""
        self._requests += 1
        request = f"request-{self._requests}"
        self.receive(Asked(switch=NAME, at=self.agenda.at, request=request, verb=verb, target=target, owner=owner,
                           actor=ActorKind.OPERATOR, longest=longest))
        return request

    def server_tells(self, number: int, state: SessionState) -> None:
        """A recording server takes a recording that is meant for one, or lets go of it."""
        going = [recording for call in (self.engine.calls() if self.engine is not None else ())
                 for recording in call.recordings if any(one.source.sink is Sink.SERVER for one in recording.segments)]
        if not going:
            return
        recording = going[number % len(going)]
        last = recording.sessions[-1] if recording.sessions else None
        if last is None or last.state is SessionState.OVER:
            last = Session(id=f"{recording.id}/{len(recording.sessions)}", server="main", state=state,
                           asked=self.agenda.at)
        self.receive(SessionIs(switch=NAME, at=self.agenda.at, recording=recording.id,
                               session=replace(last, state=state)))

    def runs(self, seconds: float) -> None:
        """Let time pass."""
        end = self.agenda.clock + seconds
        while True:
            task = self.agenda.next()
            deadline = self.engine.next_deadline() if self.engine is not None else None
            due = min((when for when in (task, deadline) if when is not None), default=None)
            if due is None or due > end:
                break
            if task is not None and (deadline is None or task <= deadline):
                self.agenda.do_next()
            else:
                self.agenda.clock = max(self.agenda.clock, due)
                self.receive(Tick(switch=NAME, at=self.agenda.at))
        self.agenda.clock = end

    def comes_to_rest(self) -> None:
        """No more faults, a living service, a standing connection, and time."""
        self.switch.faults = Faults()
        self.runs(1)
        if self.engine is None or self.dying:
            self.dies()
            self.starts()
        self.switch.connect()
        self.runs(LONG)

    def everybody_leaves(self) -> None:
        """All calls end, and whatever the engine remembers of them may be forgotten."""
        for leg in list(self.switch.legs):
            self.switch.hangs_up(leg)
        self.comes_to_rest()
        self.receive(Tick(switch=NAME, at=self.agenda.at))

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Attach():
                self.switch.attach(effect)
            case Detach():
                self.switch.detach(effect)
            case Announce():
                self.switch.announce(effect)
            case Hush():
                self.switch.hush(effect)
            case Decide():
                self._decide(effect)
            case Reply():
                assert effect.request not in self.replies, "a request is answered twice"
                self.replies[effect.request] = effect.answer
            case Finish():
                self.finished[effect.recording] += 1
            case Resync():
                self.switch.disconnect()
                self.switch.connect()

    def _decide(self, effect: Decide) -> None:
        life = self._life

        def answers() -> None:
            if life == self._life:
                self.receive(Decided(switch=NAME, at=self.agenda.at, call=effect.call, decision=decision))

        unread = any(leg.obstacle for leg in self.rows[effect.call].parties)
        decision: Decision = replace(says(effect.caller.party.user not in self.skipped and not unread),
                                     announcement=self.announcement)
        if self.rows[effect.call].kind is CallKind.CALL:
            decision = replace(decision, target=self.target)
        self.agenda.later(0.002, answers)

    # The nevers.

    def _check(self, step: Step) -> None:
        changed = {call.id: call for call in step.changed}
        for call in step.changed:
            before = self.rows.get(call.id)
            assert before is None or before.state is not CallState.CLOSED, "a closed row is final"
            _check_call(call)
        for effect in step.effects:
            if isinstance(effect, Attach):
                call = changed[effect.call]
                assert not call.paused, "a tap is asked for in a pause"
                assert call.decision is not None
                assert call.decision.record, "a tap is asked for that policy does not want"
                (segment,) = [one for one in segments(call) if one.id == effect.segment]
                assert segment.state in {SegmentState.ATTACHING, SegmentState.UP, SegmentState.DETACHING}
                self._check_time(call, segment)
            elif isinstance(effect, Finish):
                assert self.finished[effect.recording] == 0, "a recording is finished twice"
                assert any(recording.id == effect.recording for recording in changed[effect.call].recordings)

    def _check_time(self, call: Call, segment: Segment) -> None:
        """A tap begins neither in the moment after a pause nor, where that ends a tap, on a leg that holds."""
        since = [self.agenda.at - pause.resumed for pause in call.pauses if pause.resumed is not None]
        assert min(since, default=1.0) >= self.limits.resume_after - 1e-6, "a tap in the moment after a pause"
        leg = call.leg(segment.source.leg)
        assert not (self.limits.ends_at_hold and leg is not None and leg.held
                    and call.kind is CallKind.CALL), "a tap of a leg that holds"

    def check(self) -> None:
        """What must hold at every moment."""
        for call in self.rows.values():
            for segment in segments(call):
                tap = self.switch.taps.get(segment.id)
                if tap is None or segment.state not in {SegmentState.DOWN, SegmentState.FAILED}:
                    continue
                assert not tap.alive, f"{segment.id} counts as ended and is not"
            self._check_pauses(call)

    def _check_pauses(self, call: Call) -> None:
        """No sample of a tap of this call was written in a pause after its confirmation."""
        for pause in call.pauses:
            if pause.confirmed is None:
                continue
            until = pause.resumed or call.ended or self.agenda.at
            for segment in segments(call):
                tap = self.switch.taps.get(segment.id)
                if tap is None or tap.started is None:
                    continue
                ended = tap.ended or self.agenda.at
                assert min(until, ended) - max(pause.confirmed, tap.started) <= 1e-6, "audio of a confirmed pause"

    def _replaced(self, identity: str) -> bool:
        """Whether a tap is being renewed: its successor is on the switch too, and it goes in a moment."""
        assert self.engine is not None
        for call in self.engine.calls():
            running = [segment for segment in segments(call) if segment.state is SegmentState.UP]
            for number, segment in enumerate(running):
                if segment.id == identity:
                    return any(later.source == segment.source and self.switch.taps[later.id].alive
                               for later in running[number + 1:])
        return False

    def check_follows(self) -> None:
        """At rest, what is on the switch is what is wanted: no more and no less."""
        assert self.engine is not None
        alive = Counter((tap.source.leg, tap.source.bridge, tap.source.sink) for tap in self.switch.taps.values()
                        if tap.alive and not self._lost(tap.segment) and not self._replaced(tap.segment))
        asked = Counter((source.leg, source.bridge, source.sink) for call in self.engine.calls()
                        for source in wanted(call, self.limits))
        assert alive == asked
        self._check_announcements(self.engine.calls())
        for call in self.engine.calls():
            for leg in call.legs:
                assert leg.gone is not None or leg.id in self.switch.legs, "a leg that is gone is kept"
        followed = {leg.id for call in self.rows.values() for leg in call.legs}
        assert set(self.switch.legs) <= followed, "a leg belongs to no call"

    def _check_announcements(self, calls: tuple[Call, ...]) -> None:
        """At rest a beep runs where it is wanted and nowhere else, and nobody waits for a sound, unless the switch
        has refused too often."""
        alive = Counter((speaker.effect.call, speaker.effect.leg, speaker.effect.heard)
                        for speaker in self.switch.speakers.values() if speaker.alive)
        assert max(alive.values(), default=0) <= 1, "a party hears two announcements at once"
        wishes = {(call.id, wish.leg, wish.heard): call for call in calls for wish in announcements.wanted(call)}
        assert set(alive) <= set(wishes), "an announcement goes on that nobody wants"
        for wish in set(wishes) - set(alive):
            refused = [one for one in wishes[wish].playbacks if one.leg == wish[1] and one.cause]
            assert len(refused) >= 3, "an announcement is missing"

    def check_ended(self) -> None:
        """When nobody talks any more: every row is final, every recording has one end, nothing is remembered."""
        for call in self.rows.values():
            assert call.state is CallState.CLOSED
            assert call.outcome is not None
            assert call.decision is not None, "a row without a decision"
            assert call.reason or call.outcome is Outcome.RECORDED
            unread = any(leg.obstacle for leg in call.parties)
            assert not (unread and call.outcome is Outcome.MISSED), "what the switch does not read was not missed"
            for recording in call.recordings:
                assert recording.state in {RecordingState.PROCESSING, RecordingState.EMPTY}
                given = recording.state is RecordingState.PROCESSING
                assert self.finished[recording.id] == given, "one Finish for each recording with audio"
        assert self.told <= {leg.id for call in self.rows.values() for leg in call.legs}, "a leg without a row"
        assert remembered(self.engine) == {}

    def _lost(self, segment: str) -> bool:
        return any(one.id == segment and one.state is SegmentState.LOST
                   for call in self.rows.values() for one in segments(call))


def segments(call: Call) -> list[Segment]:
    """All segments of a call."""
    return [segment for recording in call.recordings for segment in recording.segments]


def remembered(engine: Engine | None) -> dict[str, Sized]:
    """What the engine holds in its memory, news of taps that it does not know left aside."""
    assert engine is not None
    world = engine._world
    held: dict[str, Sized] = {
        name: getattr(world, name) for name in
        ("legs", "bridges", "calls", "calls_of", "conferences", "gone", "seen", "recordings", "requests", "forced",
         "asking", "held", "marked", "quieted")}
    held["timers"] = world.timers._due
    return {name: memory for name, memory in held.items() if memory}


def _check_call(call: Call) -> None:
    assert sum(recording.ended is None for recording in call.recordings) <= 1, "two recordings of one call at once"
    live = Counter((segment.source.leg, segment.source.bridge, segment.source.sink) for segment in segments(call)
                   if segment.state in {SegmentState.ATTACHING, SegmentState.UP, SegmentState.DETACHING})
    assert max(live.values(), default=0) <= 2, "more taps of one call on one source than the old and its successor"
    coming = Counter((segment.source.leg, segment.source.bridge, segment.source.sink) for segment in segments(call)
                     if segment.state is SegmentState.ATTACHING)
    assert max(coming.values(), default=0) <= 1, "two successors at once"
    assert len({leg.id for leg in call.legs}) == len(call.legs)
    assert all((leg.gone is not None) == (leg.state is LegState.GONE) for leg in call.legs)
