"""Never: a call waits for us.

Calls are followed from events. What the engine asks a switch for concerns our own taps, announcements and variables,
never the course of a call; so a service that is slow, silent or dead changes nothing for those who talk. Only a call
whose dialplan sends it to us to wait for its decision is held, and it is let go with or without one.
"""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from recorder.effects import (
    EFFECTS,
    Adopt,
    Announce,
    Attach,
    Decide,
    Detach,
    Finish,
    Hush,
    Mark,
    Release,
    Reply,
    Resync,
)
from recorder.ports import Switch
from recorder.states import CallState
from tests.recorder.simulation import Simulation
from tests.recorder.story import Story, only
from tests.simulator import Faults

ROOT = Path(__file__).resolve().parent.parent.parent


def test_there_is_no_effect_by_which_a_call_could_be_made_to_wait() -> None:
    assert set(EFFECTS) == {Adopt,
        Decide, Mark, Release, Attach, Detach, Announce, Hush, Reply, Resync, Finish}


def test_a_switch_is_asked_for_taps_announcements_variables_and_news_and_for_nothing_else() -> None:
    asked = {name for name, _ in inspect.getmembers(Switch, inspect.isfunction) if not name.startswith("_")}
    assert asked == {"attach", "detach", "announce", "hush", "mark", "release", "reply", "show",
                     "resync", "packets", "events", "taken"}  # taken: we tell how far we are, and nothing is asked for


def test_a_call_that_waits_for_a_decision_that_never_comes_is_let_go_in_a_tenth_of_a_second() -> None:
    story = Story(None)
    story.connect()
    story.rings("alice")
    story.waits_for_decision("alice")
    released = only(Release, story.wait(0.1))
    assert (released.leg, released.variables["RECORDER_DECISION"]) == ("alice", "unknown")


def test_a_policy_that_never_answers_leaves_the_call_alone_and_a_row_behind() -> None:
    story = Story(None)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    story.wait(60)
    assert {type(effect) for effect in story.effects} == {Decide}
    story.hangs_up("alice")
    story.hangs_up("bob")
    story.wait(5)
    assert (story.row().state, story.row().reason) == (CallState.CLOSED, "the call ended before policy had decided")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), killed=st.booleans())
def test_the_switch_goes_through_a_call_the_same_way_with_a_bad_service_or_none(seed: int, killed: bool) -> None:
    def course(*, served: bool) -> list[object]:
        sim = Simulation(random.Random(seed), faults=Faults(latency=2.0, refused=0.5, deaf=0.5, lost=0.1))
        if not served:
            sim.dies()
        seen: list[object] = []
        acts: tuple[Callable[[], None], ...] = (
            lambda: sim.switch.rings("alice"), lambda: sim.switch.rings("bob", "alice"),
            lambda: sim.switch.answers("bob"), lambda: sim.switch.answers("alice"),
            lambda: sim.switch.joins("talk", ["alice", "bob"]), lambda: sim.switch.hangs_up("bob"))
        for act in acts:
            act()
            sim.runs(0.5)
            seen.append((dict(sim.switch.legs), dict(sim.switch.bridges)))
        return seen

    assert course(served=True) == course(served=not killed)


def test_whoever_waits_for_us_in_the_dialplan_waits_for_a_bounded_time() -> None:
    lines = [line for path in ROOT.glob("*/*.conf") for line in path.read_text().splitlines()
             if not line.lstrip().startswith(";")]
    assert [line for line in lines if re.search(r"\bStasis\(", line)] == []
    waits = [line for line in lines if "WaitForCondition(" in line]
    assert waits
    assert all(len(line.split(",")) >= 4 for line in waits), "a wait without a longest time"


def test_no_call_goes_into_freeswitchs_socket_application_without_a_guard_that_takes_it_out() -> None:
    """It knows no time-out: with an application that is stopped short, a call would wait until it is hung up."""
    files = [*ROOT.glob("dialplan/*.xml"), *ROOT.glob("freeswitch-conf/**/*.xml")]
    assert files
    assert [path.name for path in files if 'application="socket"' in path.read_text()] == []
    script = (ROOT / "dialplan" / "recorder.lua").read_text()
    before, *into = script.split('session:execute("socket"')
    assert len(into) == 1
    assert before.rstrip().endswith('api:execute("luarun", "recorder.lua guard " .. uuid)')
    guard = script.partition("local function guard(uuid)")[2].partition("\nend\n")[0]
    assert re.search(r"until now\(\) > patience\n.*uuid_transfer", guard, re.DOTALL)


def test_every_wait_of_the_lua_script_ends_by_the_clock() -> None:
    script = (ROOT / "dialplan" / "recorder.lua").read_text()
    waits = re.findall(r"^    (?:until|while) (.*)$", script, re.MULTILINE)
    assert [wait for wait in waits if "patience" not in wait and "open" not in wait] == []
    assert len(re.findall(r"now\(\) \+ \w*PATIENCE", script)) == len([wait for wait in waits if "patience" in wait])
