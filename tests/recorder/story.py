"""Tell the pure engine a call, line by line: a switch that does as it is told and confirms when the test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from policy.types import Decision, Level, Media, RecordingProfile, Subject
from recorder.effects import Adopt, Attach, Decide, Detach, Effect, Finish, Mark, Release, Reply
from recorder.engine import Engine, Limits
from recorder.events import (
    ActorKind,
    Asked,
    BridgeIs,
    CallEvent,
    Decided,
    Held,
    LegGone,
    LegIs,
    LegReplaced,
    SwitchDown,
    SwitchUp,
    TapDown,
    TapFailed,
    TapUp,
    Tick,
    Transferred,
    Verb,
)
from recorder.model import (
    Bridge,
    BridgeKind,
    Call,
    Direction,
    Leg,
    LegKind,
    LegState,
    Party,
    Recording,
    Segment,
    Then,
    TrackFile,
)
from recorder.snapshot import Snapshot, TapFact

SWITCH = "main"
Kind = TypeVar("Kind", Adopt, Attach, Decide, Detach, Finish, Mark, Release, Reply)


def says(record: bool, *, rule: str = "user", profile: RecordingProfile | None = RecordingProfile.ALWAYS) -> Decision:
    """A decision of policy."""
    return Decision(record=record, media=frozenset({Media.AUDIO}) if record else frozenset(), level=Level.USER,
                    rule=rule, profile=profile, subject=Subject.CALLER, reason="the user's permission says so")


def optional(asked: Decide) -> Decision:
    """Policy leaves the choice to the caller."""
    return says(asked.requested is True, profile=RecordingProfile.OPTIONAL)


def unless_unread(asked: Decide) -> Decision:
    """Policy records what the switch reads."""
    if asked.caller.obstacle is None:
        return says(True)
    return replace(says(False, rule="obstacle"), reason=f"the switch does not read it ({asked.caller.obstacle})")


class Story:
    """One engine, one switch, one clock that only ``wait`` moves.

    Args:
        decision: what policy answers to every question, or to each; None leaves questions unanswered.
        trunks: legs that policy calls trunks.
    """

    def __init__(self, decision: Decision | Callable[[Decide], Decision] | None = None, *,
                 trunks: Iterable[str] = (), boot: str = "boot-1", limits: Limits | None = None) -> None:
        self.engine = Engine(SWITCH, limits)
        self.decision = decision
        self.trunks = frozenset(trunks)
        self.boot = boot
        self.clock = 1000.0
        self.sequence = 0
        self.legs: dict[str, Leg] = {}
        self.taps: dict[str, Attach] = {}
        self.effects: list[Effect] = []
        self.started: dict[str, float] = {}
        self.rows: dict[str, Call] = {}

    @property
    def at(self) -> float:
        """The switch's clock."""
        return 1_700_000_000.0 + self.clock

    def receive(self, event: CallEvent) -> list[Effect]:
        """Give the engine one event; policy answers at once."""
        step = self.engine.receive(self._classified(event), self.clock)
        for call in step.changed:
            self.rows[call.id] = call
        self.effects += step.effects
        effects = list(step.effects)
        for effect in step.effects:
            if isinstance(effect, Attach):
                self.taps[effect.segment] = effect
            if isinstance(effect, Decide) and self.decision is not None:
                answer = self.decision(effect) if callable(self.decision) else self.decision
                effects += self.receive(Decided(switch=SWITCH, at=self.at, call=effect.call, decision=answer))
        return effects

    def _classified(self, event: CallEvent) -> CallEvent:
        """What policy says of the legs in an event."""
        match event:
            case LegIs():
                return replace(event, leg=self._leg(event.leg))
            case SwitchUp():
                legs = tuple(map(self._leg, event.snapshot.legs))
                return replace(event, snapshot=replace(event.snapshot, legs=legs))
        return event

    def _leg(self, leg: Leg) -> Leg:
        return replace(leg, trunk=leg.id in self.trunks, controls=leg.id not in self.trunks)

    def next_sequence(self) -> int:
        self.sequence += 1
        return self.sequence

    def connect(self, *, legs: Iterable[str] = (), bridges: Iterable[Bridge] = (), taps: Iterable[str] = (),
                coming: Iterable[str] = (), boot: str | None = None, numbered: bool = False) -> list[Effect]:
        self.boot = boot or self.boot
        snapshot = Snapshot(legs=tuple(self.legs[leg] for leg in legs), bridges=tuple(bridges),
                            taps=tuple(TapFact(segment=tap, files=files(tap)) for tap in taps),
                            coming=tuple(coming), read=dict.fromkeys(legs, self.next_sequence()) if numbered else {})
        return self.receive(SwitchUp(switch=SWITCH, at=self.at, boot=self.boot, snapshot=snapshot))

    def disconnect(self) -> list[Effect]:
        return self.receive(SwitchDown(switch=SWITCH, at=self.at, sequence=self.next_sequence()))

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass; every deadline on the way is kept."""
        end = self.clock + seconds
        effects: list[Effect] = []
        while (due := self.engine.next_deadline()) is not None and due <= end:
            self.clock = max(due, self.clock)
            effects += self.receive(Tick(switch=SWITCH, at=self.at))
        self.clock = end
        return effects

    def rings(self, leg: str, origin: str | None = None, *, kind: LegKind = LegKind.PARTY) -> list[Effect]:
        self.legs[leg] = Leg(id=leg, name=f"PJSIP/{leg}-0001", kind=kind, origin=origin, created=self.at,
                             party=Party(user=leg), endpoint=leg)
        return self.receive(LegIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=self.legs[leg]))

    def answers(self, leg: str) -> list[Effect]:
        self.legs[leg] = replace(self.legs[leg], state=LegState.UP, answered=self.at)
        return self.receive(LegIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=self.legs[leg]))

    def holds(self, leg: str, *, held: bool = True) -> list[Effect]:
        self.legs[leg] = replace(self.legs[leg], held=held)
        return self.receive(LegIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=self.legs[leg]))

    def tells_obstacle(self, leg: str, obstacle: str | None) -> list[Effect]:
        self.legs[leg] = replace(self.legs[leg], obstacle=obstacle)
        return self.receive(LegIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=self.legs[leg]))

    def queues(self, leg: str, *, queued: bool = True) -> list[Effect]:
        self.legs[leg] = replace(self.legs[leg], queued=queued)
        return self.receive(LegIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=self.legs[leg]))

    def waits_for_decision(self, leg: str, choice: bool | None = None, *, inside: bool = True) -> list[Effect]:
        return self.receive(Held(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=leg, choice=choice,
                                 inside=inside))

    def hangs_up(self, leg: str) -> list[Effect]:
        return self.receive(LegGone(switch=SWITCH, at=self.at, sequence=self.next_sequence(), leg=leg))

    def bridge(self, name: str, *members: str, kind: BridgeKind = BridgeKind.MIXING) -> list[Effect]:
        return self.receive(BridgeIs(switch=SWITCH, at=self.at, sequence=self.next_sequence(), bridge=Bridge(
            id=name, kind=kind, name=name, members=frozenset(members))))

    def transferred(self, by: str, *legs: str) -> list[Effect]:
        return self.receive(Transferred(switch=SWITCH, at=self.at, sequence=self.next_sequence(), by=by, legs=legs))

    def replaced(self, old: str, new: str) -> list[Effect]:
        return self.receive(LegReplaced(switch=SWITCH, at=self.at, sequence=self.next_sequence(), old=old, new=new))

    def tap_up(self, segment: str) -> list[Effect]:
        self.started[segment] = self.at
        return self.receive(TapUp(switch=SWITCH, at=self.at, sequence=self.next_sequence(), segment=segment,
                                  started=self.at, files=files(segment)))

    def tap_down(self, segment: str, cause: str = "detached", *, empty: bool = False) -> list[Effect]:
        return self.receive(TapDown(switch=SWITCH, at=self.at, sequence=self.next_sequence(), segment=segment,
                                    cause=cause, started=self.started.get(segment), ended=self.at,
                                    files=files(segment), empty=empty))

    def tap_failed(self, segment: str, cause: str = "no such channel", *, hopeless: bool = False) -> list[Effect]:
        return self.receive(TapFailed(switch=SWITCH, at=self.at, sequence=self.next_sequence(), segment=segment,
                                      cause=cause, hopeless=hopeless))

    def asks(self, verb: Verb, target: str, *, actor: ActorKind = ActorKind.OPERATOR, owner: str = "operator",
             leg: str | None = None, request: str = "request", longest: float | None = None,
             then: Then = Then.RESUME, farewell: str | None = None, server: str = "") -> list[Effect]:
        return self.receive(Asked(switch=SWITCH, at=self.at, request=request, verb=verb, target=target, actor=actor,
                                  owner=owner, actor_leg=leg, longest=longest, then=then, farewell=farewell,
                                  server=server))

    def talk(self, caller: str = "alice", callee: str = "bob") -> str:
        """A call from its first ring to a running tap; gives the segment."""
        self.connect()
        self.rings(caller)
        self.rings(callee, caller)
        self.answers(callee)
        segment = only(Attach, self.answers(caller)).segment
        self.tap_up(segment)
        return segment

    def row(self, first: str = "alice") -> Call:
        """The row of the call that a leg opened."""
        return next(call for call in self.rows.values() if call.first_leg == first)

    def recording(self, first: str = "alice") -> Recording:
        return self.row(first).recordings[-1]

    def segments(self, first: str = "alice") -> tuple[Segment, ...]:
        return tuple(segment for recording in self.row(first).recordings for segment in recording.segments)


def files(segment: str) -> tuple[TrackFile, ...]:
    return (TrackFile(direction=Direction.IN, path=f"phonograph/{segment}-in.wav"),
            TrackFile(direction=Direction.OUT, path=f"phonograph/{segment}-out.wav"))


def every(kind: type[Kind], effects: Iterable[Effect]) -> list[Kind]:
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]


def only(kind: type[Kind], effects: Iterable[Effect]) -> Kind:
    """The one effect of that kind; the test fails when there is none or more than one."""
    (found,) = every(kind, effects)
    return found
