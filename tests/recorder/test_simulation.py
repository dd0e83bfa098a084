"""Whatever telephones, networks, machines and people do: the nevers hold, and in the end every row is right."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from policy.types import Announcement, Beep, RecordingTarget
from recorder.events import Verb
from recorder.model import BridgeKind, LegKind, LegState
from recorder.states import SessionState
from recorder.world import Limits
from service.switch_settings import FreeSwitchSettings
from service.wire import limits
from tests.recorder.simulation import Simulation
from tests.simulator import Faults

pytestmark = pytest.mark.timeout(400)
"""A failure is made small before it is shown, which takes minutes."""

PICK = st.integers(0, 6)
LITTLE = st.sampled_from([0.0, 0.0, 0.1, 0.3])
FAULTS = st.builds(
    Faults, latency=st.sampled_from([0.0, 0.01, 0.5]), delay=st.sampled_from([0.0, 0.005, 0.05, 1.0]), doubled=LITTLE,
    lost=st.sampled_from([0.0, 0.0, 0.02, 0.1]), refused=LITTLE, stalled=LITTLE, breaks=LITTLE, deaf=LITTLE,
    deafer=st.sampled_from([0.0, 0.0, 0.5]), late=st.sampled_from([0.0, 0.02, 1.0]))

ANNOUNCEMENTS = st.none() | st.builds(Announcement, beep=st.just(Beep()), recorded=st.booleans()) | st.builds(
    Announcement, sound=st.just("consent"), recorded=st.booleans())


class Machine(RuleBasedStateMachine):
    """Telephones, networks, machines and people in any order, on an Asterisk."""

    limits = Limits()

    def __init__(self) -> None:
        super().__init__()
        self.sim = Simulation(random.Random(0), limits=self.limits)
        self.count = 0
        self.rooms: dict[str, str] = {}

    @initialize(faults=FAULTS, seed=st.integers(0, 2**16), skipping=st.booleans(), announcement=ANNOUNCEMENTS,
                where=st.sampled_from(RecordingTarget))
    def begins(self, faults: Faults, seed: int, skipping: bool, announcement: Announcement | None,
               where: RecordingTarget) -> None:
        self.sim = Simulation(random.Random(seed), faults=faults, announcement=announcement, limits=self.limits,
                              target=where, skipped=frozenset({"leg-2", "leg-4"} if skipping else ()))
        self.sim.runs(0.2)

    def new(self) -> str:
        self.count += 1
        return f"leg-{self.count}"

    def pick(self, number: int, state: LegState | None = None) -> str | None:
        legs = sorted(leg.id for leg in self.sim.switch.legs.values() if state in (None, leg.state))
        return legs[number % len(legs)] if legs else None

    def bridge_of(self, leg: str) -> str | None:
        return next((bridge.id for bridge in self.sim.switch.bridges.values() if leg in bridge.members), None)

    @precondition(lambda self: len(self.sim.switch.legs) < 8)
    @rule(quick=st.booleans(), first=st.booleans())
    def a_call(self, quick: bool, first: bool) -> None:
        """Alice calls Bob; perhaps he answers at once."""
        self.places(quick=quick, first=first)

    def places(self, *, quick: bool, first: bool) -> str:
        """Gives the leg that calls."""
        caller, callee = self.new(), self.new()
        self.sim.switch.rings(caller)
        self.sim.switch.rings(callee, caller)
        if quick:
            for leg in (callee, caller) if first else (caller, callee):
                self.sim.switch.answers(leg)
                self.sim.runs(0.002)
            self.sim.switch.joins(f"bridge-{caller}", [caller, callee])
        return caller

    @rule(number=PICK)
    def answers(self, number: int) -> None:
        leg = self.pick(number, LegState.SETUP)
        if leg is not None:
            self.sim.switch.answers(leg)

    @rule(number=PICK, held=st.booleans())
    def holds(self, number: int, held: bool) -> None:
        leg = self.pick(number, LegState.UP)
        if leg is not None:
            self.sim.switch.holds(leg, held=held)

    @rule(number=PICK)
    def hangs_up(self, number: int) -> None:
        leg = self.pick(number)
        if leg is not None:
            self.sim.switch.hangs_up(leg)

    @rule(number=PICK, other=PICK)
    def talks(self, number: int, other: int) -> None:
        """Two legs, of one call or of two, are put together."""
        one, two = self.pick(number, LegState.UP), self.pick(other, LegState.UP)
        if one is not None and two is not None and one != two:
            self.sim.switch.joins(f"talk-{self.new()}", [one, two])

    @rule(number=PICK, answered=st.booleans())
    def hands_on(self, number: int, answered: bool) -> None:
        """A blind transfer to a new party."""
        leg = self.pick(number, LegState.UP)
        bridge = self.bridge_of(leg) if leg is not None else None
        if leg is None or bridge is None or "room" in bridge:
            return
        others = sorted(self.sim.switch.bridges[bridge].members - {leg})
        self.sim.switch.transfers(leg, others)
        if others:
            new = self.new()
            self.sim.switch.rings(new, others[0])
            if answered:
                self.sim.runs(0.1)
                if {new, others[0]} <= set(self.sim.switch.legs):
                    self.sim.switch.answers(new)
                    self.sim.switch.joins(f"talk-{new}", [new, others[0]])

    @precondition(lambda self: len(self.sim.switch.legs) < 8)
    @rule(number=PICK, answered=st.booleans(), then=st.sampled_from(["stays", "comes back", "hands on", "joins"]))
    def asks_somebody_by_keys(self, number: int, answered: bool, then: str) -> None:
        """A consultation on the same channel, and how it ends."""
        leg = self.pick(number, LegState.UP)
        if leg is None or self.sim.switch.legs[leg].kind is not LegKind.PARTY:
            return
        asked = self.new()
        bridge = self.sim.switch.asks_by_keys(leg, asked)
        half = f"Local/{asked};1"
        if bridge is None:
            return
        if answered:
            self.sim.runs(0.1)
            if asked in self.sim.switch.legs:
                self.sim.switch.answers_by_keys(asked)
                self.sim.runs(0.5)
        if then == "stays" or not {leg, half} <= set(self.sim.switch.legs):
            return
        if then == "comes back":
            self.sim.switch.joins(bridge, [leg])
            for gone in (half, f"Local/{asked};2", asked):
                self.sim.switch.hangs_up(gone)
        else:
            self.sim.switch.joins(bridge, [half])
            if then == "joins":
                self.sim.switch.joins(bridge, [leg])
            else:
                self.sim.switch.transfers(leg, [*self.sim.switch.bridges[bridge].members - {leg}])

    @rule(number=PICK)
    def is_replaced(self, number: int) -> None:
        old = self.pick(number, LegState.UP)
        if old is not None:
            new = self.new()
            self.sim.switch.rings(new)
            self.sim.switch.answers(new)
            self.sim.switch.replaces(old, new)

    @rule(number=PICK, room=st.sampled_from(["room-1", "room-2"]))
    def joins_a_conference(self, number: int, room: str) -> None:
        leg = self.pick(number, LegState.UP)
        if leg is not None:
            if self.rooms.get(room) not in self.sim.switch.bridges:
                self.rooms[room] = f"{room}-{self.new()}"
            self.sim.switch.joins(self.rooms[room], [leg], BridgeKind.CONFERENCE)

    @rule(number=PICK)
    def leaves_its_bridge(self, number: int) -> None:
        leg = self.pick(number)
        if leg is not None:
            self.sim.switch.leaves(leg)

    @rule(number=PICK, verb=st.sampled_from([Verb.PAUSE, Verb.PAUSE, Verb.RESUME, Verb.STOP, Verb.START]),
          owner=st.sampled_from(["ivr", "agent"]), longest=st.sampled_from([None, None, 3.0]))
    def asks(self, number: int, verb: Verb, owner: str, longest: float | None) -> None:
        leg = self.pick(number)
        if leg is not None:
            self.sim.asks(verb, leg, owner=owner, longest=longest)

    @rule(number=PICK, state=st.sampled_from(SessionState))
    def a_recording_server_tells(self, number: int, state: SessionState) -> None:
        self.sim.server_tells(number, state)

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.3, 1.1, 2.5, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.sim.runs(seconds)

    @rule()
    def a_tap_breaks(self) -> None:
        self.sim.switch.breaks_a_tap()

    @rule()
    def the_connection_breaks(self) -> None:
        self.sim.switch.disconnect()

    @precondition(lambda self: not self.sim.switch.connected and self.sim.engine is not None)
    @rule()
    def the_connection_is_back(self) -> None:
        self.sim.switch.connect()

    @rule()
    def the_switch_crashes(self) -> None:
        self.sim.switch.crashes()

    @precondition(lambda self: self.sim.engine is not None)
    @rule(at_once=st.booleans())
    def the_service_is_killed(self, at_once: bool) -> None:
        """At once, or right after it has stored the next effects and before it has performed them."""
        if at_once:
            self.sim.dies()
        else:
            self.sim.dying = True

    @precondition(lambda self: self.sim.engine is None)
    @rule()
    def the_service_starts_again(self) -> None:
        self.sim.starts()

    @rule()
    def all_is_quiet_for_a_while(self) -> None:
        """Without faults, the taps on the switch become those that are wanted."""
        self.sim.comes_to_rest()
        self.sim.check_follows()

    @invariant()
    def nothing_that_must_never_happen_has_happened(self) -> None:
        self.sim.check()

    def teardown(self) -> None:
        self.sim.everybody_leaves()
        self.sim.check()
        self.sim.check_ended()


TestNevers = Machine.TestCase
TestNevers.settings = settings(max_examples=80, stateful_step_count=40, deadline=None,
                               suppress_health_check=[HealthCheck.too_slow])


class OnFreeSwitch(Machine):
    """The same on a FreeSWITCH, where a tap ends at a hold, begins a moment after a pause, and is never renewed; and
    which may not read the media."""

    limits = limits(FreeSwitchSettings.model_validate({"kind": "freeswitch", "password": "p"}), Limits().confirm_within)

    @precondition(lambda self: len(self.sim.switch.legs) < 8)
    @rule(first=st.booleans(), after=st.sampled_from([0.0, 0.005, 0.02, 0.3]))
    def a_call_past_the_switch(self, first: bool, after: float) -> None:
        """The switch tells a moment after the answer that it does not read the media."""
        caller = self.places(quick=True, first=first)
        self.sim.runs(after)
        if caller in self.sim.switch.legs:
            self.sim.switch.passes_by(caller, "bypass_media")

    @rule(number=PICK, past=st.booleans())
    def passes_by(self, number: int, past: bool) -> None:
        """The media of a leg go past the switch, or come back."""
        leg = self.pick(number)
        if leg is not None:
            self.sim.switch.passes_by(leg, "bypass_media" if past else None)


TestNeversOnFreeSwitch = OnFreeSwitch.TestCase
TestNeversOnFreeSwitch.settings = TestNevers.settings
