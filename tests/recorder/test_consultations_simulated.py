"""Consultations by keys on a faulty switch: whatever the parties do then, the nevers hold and nobody is forgotten."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.events import Verb
from recorder.model import CallKind, LegState
from recorder.states import CallState
from tests.recorder.simulation import Simulation
from tests.recorder.test_simulation import FAULTS
from tests.simulator import Faults

pytestmark = pytest.mark.timeout(400)

ACTS = st.lists(st.sampled_from([
    "asks", "asks", "answers", "answers", "goes back", "swaps", "swaps", "completes", "joins", "hangs up",
    "asked hangs up", "waiting hangs up", "pauses", "resumes", "waits", "waits longer", "connection breaks",
    "connection is back", "service dies", "service starts", "all is quiet"]), min_size=3, max_size=25)


class Desk:
    """Alice and Bob talk; one of them asks others by keys.

    Args:
        by: who asks.
    """

    def __init__(self, sim: Simulation, by: str) -> None:
        self.sim, self.switch = sim, sim.switch
        self.by, self.waiting = (by, "bob" if by == "alice" else "alice")
        self.asked = ""
        self.count = 0
        sim.runs(0.2)
        self.switch.rings("alice")
        self.switch.rings("bob", "alice")
        sim.runs(0.1)
        for leg in ("bob", "alice"):
            self.switch.answers(leg)
        self.switch.joins("first", ["bob", "alice"])
        sim.runs(1)

    def halves(self) -> tuple[str, str]:
        return f"Local/{self.asked};1", f"Local/{self.asked};2"

    def there(self, *legs: str) -> bool:
        return set(legs) <= set(self.switch.legs)

    def consults(self) -> bool:
        """Whether somebody is being asked."""
        return bool(self.asked) and self.there(self.by, self.halves()[0])

    def asks(self) -> None:
        if self.consults() or not self.there(self.by, self.waiting):
            return
        self.count += 1
        if self.switch.asks_by_keys(self.by, f"carol-{self.count}") is not None:
            self.asked = f"carol-{self.count}"

    def answers(self) -> None:
        if self.asked and self.there(self.asked, *self.halves()) and (
                self.switch.legs[self.asked].state is LegState.SETUP):
            self.switch.answers_by_keys(self.asked)

    def swaps(self) -> None:
        if self.consults() and self.there(self.asked):
            there = self.by in self.switch.bridges[f"asks-{self.asked}"].members
            self.switch.joins("first" if there else f"asks-{self.asked}", [self.by])

    def goes_back(self) -> None:
        if self.consults():
            if self.there(self.waiting):
                self.switch.joins("first", [self.by])
            self.ends(*self.halves(), self.asked)

    def completes(self) -> None:
        if self.consults() and self.there(self.waiting):
            self.switch.joins("first", [self.halves()[0]])
            self.switch.transfers(self.by, [self.waiting, self.halves()[0]])
            self.steps_aside()

    def joins(self) -> None:
        if self.consults() and self.there(self.waiting, self.asked) and (
                self.switch.legs[self.asked].state is LegState.UP):
            self.switch.joins("first", [self.halves()[0]])
            self.switch.joins("first", [self.by])
            self.steps_aside()

    def steps_aside(self) -> None:
        """The Local channel goes once who is asked has answered."""
        if self.there(self.asked) and self.switch.legs[self.asked].state is LegState.UP:
            self.switch.joins("first", [self.asked])
            self.ends(*self.halves())
            self.asked = ""

    def ends(self, *legs: str) -> None:
        for leg in legs:
            if self.there(leg):
                self.switch.hangs_up(leg)

    def acts(self, act: str) -> None:
        sim = self.sim
        match act:
            case "asks" | "answers" | "swaps" | "completes" | "joins":
                getattr(self, act)()
            case "goes back":
                self.goes_back()
            case "hangs up":
                self.ends(self.by)
            case "asked hangs up":
                if self.asked:
                    self.goes_back()
            case "waiting hangs up":
                self.ends(self.waiting)
            case "pauses" | "resumes":
                sim.asks(Verb.PAUSE if act == "pauses" else Verb.RESUME, self.by, owner="agent")
            case "waits" | "waits longer":
                sim.runs(0.3 if act == "waits" else 5)
            case "connection breaks":
                self.switch.disconnect()
            case "connection is back":
                if sim.engine is not None:
                    self.switch.connect()
            case "service dies":
                if sim.engine is not None:
                    sim.dies()
            case "service starts":
                if sim.engine is None:
                    sim.starts()
            case "all is quiet":
                sim.comes_to_rest()
                sim.check_follows()
                nobody_is_forgotten(sim)


def nobody_is_forgotten(sim: Simulation) -> None:
    """Who is away from a call talks in another one, and nobody talks in two."""
    assert sim.engine is not None
    calls = [call for call in sim.engine.calls() if call.kind is CallKind.CALL
             and call.state in (CallState.SETUP, CallState.ANSWERED)]
    for leg in sim.switch.legs:
        mine = [call for call in calls if (known := call.leg(leg)) is not None and known.gone is None]
        talks = [call for call in mine if leg not in call.away]
        assert len(talks) <= 1, f"{leg} talks in two calls"
        assert talks or not mine, f"{leg} is away from everything"


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(faults=st.just(Faults(latency=0.0, delay=0.0, late=0.0)) | FAULTS, seed=st.integers(0, 2**16), acts=ACTS,
       by=st.sampled_from(["alice", "bob"]), skipping=st.booleans())
def test_a_consultation_ends_however_it_may(faults: Faults, seed: int, acts: list[str], by: str,
                                            skipping: bool) -> None:
    sim = Simulation(random.Random(seed), faults=faults, skipped=frozenset({"bob"} if skipping else ()))
    desk = Desk(sim, by)
    for act in acts:
        desk.acts(act)
        sim.check()
    sim.comes_to_rest()
    sim.check_follows()
    nobody_is_forgotten(sim)
    sim.everybody_leaves()
    sim.check()
    sim.check_ended()
