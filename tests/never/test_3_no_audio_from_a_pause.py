"""Never: audio from a pause is kept.

A simulated switch notes from when to when each tap wrote. From the moment at which a pause counts as confirmed until it
is given back, no tap of the call may have written a sample, whatever the switch, the network and we do. Where the
switch does not confirm, nobody is told that it has; what it went on writing is erased (tests/processing/test_erase.py).
"""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from esl_app.lines import Word
from esl_app.taps import Taps
from esl_app.translate import Translator
from faults import SwitchOperationFailed
from recorder.effects import Answer, Detach, Reply
from recorder.events import DETACHED, TapDown, TapFailed, Verb
from recorder.model import Call
from recorder.states import PauseState, SegmentState
from recorder.world import Limits
from service.switch_settings import FreeSwitchSettings
from service.wire import limits
from siprec_app.protocol.effects import Flow, Send
from tests.recorder.simulation import Simulation, segments
from tests.recorder.story import Story, every, only, says
from tests.simulator import Faults
from tests.siprec_app.talk import Talk

FREESWITCH = limits(FreeSwitchSettings.model_validate({"kind": "freeswitch", "password": "p"}), Limits().confirm_within)
SEED = st.integers(0, 2**16)
MOMENT = st.sampled_from([0.0, 0.001, 0.01, 0.03, 0.3, 4.0])
FAULTS = st.builds(
    Faults, latency=st.sampled_from([0.0, 0.02, 0.5]), delay=st.sampled_from([0.0, 0.02, 0.5]),
    doubled=st.sampled_from([0.0, 0.5]), lost=st.sampled_from([0.0, 0.1]), stalled=st.sampled_from([0.0, 0.5]),
    breaks=st.sampled_from([0.0, 0.5]), deaf=st.sampled_from([0.0, 0.5]), deafer=st.sampled_from([0.0, 0.5]),
    late=st.sampled_from([0.0, 0.02, 1.0]))


def talking(seed: int, faults: Faults | None = None, kind: Limits | None = None) -> Simulation:
    """Alice and Bob talk; what goes wrong goes wrong from now on."""
    sim = Simulation(random.Random(seed), limits=kind or Limits())
    sim.runs(1)
    sim.switch.faults = faults or Faults()
    sim.switch.rings("alice")
    sim.switch.rings("bob", "alice")
    sim.switch.answers("bob")
    sim.switch.answers("alice")
    return sim


def call(sim: Simulation) -> Call:
    (found,) = [one for one in sim.rows.values() if one.first_leg == "alice"]
    return found


def written(sim: Simulation, since: float, until: float) -> float:
    """Seconds that taps wrote between two moments of the switch's clock."""
    taps = [sim.switch.taps[one.id] for one in segments(call(sim)) if one.id in sim.switch.taps]
    return sum(max(0.0, min(until, tap.ended or until) - max(since, tap.started))
               for tap in taps if tap.started is not None)


@settings(max_examples=100, deadline=None)
@given(seed=SEED, faults=FAULTS, before=MOMENT, held=MOMENT, killed=st.sampled_from([None, "before", "in", "both"]),
       kind=st.sampled_from([Limits(), FREESWITCH]))
def test_nothing_is_written_between_the_confirmation_and_the_resume(
    seed: int, faults: Faults, before: float, held: float, killed: str | None, kind: Limits
) -> None:
    sim = talking(seed, faults, kind)
    sim.runs(before + 0.2)
    if killed in {"before", "both"}:
        sim.dying = True
    sim.asks(Verb.PAUSE, "alice", owner="agent")
    sim.runs(held)
    if killed in {"in", "both"} and sim.engine is not None:
        sim.dies()
    sim.comes_to_rest()
    sim.check()
    rested = sim.agenda.at
    for pause in call(sim).pauses:
        lost = [one for one in segments(call(sim)) if one.cause == "the switch never confirmed the end of the tap"]
        if pause.confirmed is not None:
            assert written(sim, pause.confirmed, rested) == 0
        elif not lost:
            assert written(sim, rested, rested + 1) == 0
    sim.asks(Verb.RESUME, "alice", owner="agent")
    sim.comes_to_rest()
    sim.check()


def test_killed_while_paused_the_next_life_taps_nothing_until_it_is_told_to() -> None:
    sim = talking(1)
    sim.runs(5)
    sim.asks(Verb.PAUSE, "alice", owner="ivr")
    sim.runs(1)
    paused = sim.agenda.at
    sim.dies()
    sim.runs(5)
    sim.starts()
    sim.runs(60)
    assert written(sim, paused, sim.agenda.at) == 0
    sim.asks(Verb.RESUME, "alice", owner="ivr")
    sim.runs(10)
    assert 9 < written(sim, paused, sim.agenda.at) < 10


def test_a_switch_that_accepts_the_end_of_a_tap_and_does_nothing_is_not_believed() -> None:
    sim = talking(1)
    sim.runs(5)
    sim.switch.faults = Faults(deaf=1.0)
    request = sim.asks(Verb.PAUSE, "alice", owner="agent")
    sim.runs(0.2)
    assert request not in sim.replies
    sim.runs(1)
    assert sim.replies[request] is Answer.FORCED
    assert call(sim).pauses[0].state is PauseState.FORCED
    assert segments(call(sim))[0].forced
    assert written(sim, sim.agenda.at, sim.agenda.at + 1) == 0


def test_a_tap_that_was_still_on_its_way_when_the_pause_came_writes_nothing() -> None:
    sim = talking(1, Faults(stalled=1.0))
    sim.runs(0.1)
    request = sim.asks(Verb.PAUSE, "alice", owner="agent")
    sim.runs(30)
    assert sim.replies[request] is Answer.CONFIRMED
    assert written(sim, 0, sim.agenda.at) == 0


def test_a_break_of_the_connection_does_not_end_a_pause() -> None:
    sim = talking(1)
    sim.runs(5)
    sim.asks(Verb.PAUSE, "alice", owner="agent")
    sim.runs(1)
    paused = sim.agenda.at
    for _ in range(3):
        sim.switch.disconnect()
        sim.runs(1)
        sim.switch.connect()
        sim.runs(30)
    assert written(sim, paused, sim.agenda.at) == 0


async def test_on_freeswitch_the_pause_of_a_tap_that_cannot_be_stopped_by_its_path_is_forced() -> None:
    """A recording that has moved to another leg: ``stop`` by its path says that there is none, and it goes on."""
    story = Story(says(True), limits=FREESWITCH)
    segment = story.talk()
    asked: list[str] = []
    told: list[TapDown | TapFailed] = []

    class Moved:
        async def api(self, name: str, *words: Word) -> str:
            if words[1] == "stop":
                asked.append(str(words[2]))
            if words[2] != "all":
                raise SwitchOperationFailed("FreeSWITCH did not carry out a command.",
                                            answer="-ERR Cannot stop record session!")
            return "+OK Success"

        async def job(self, name: str, *words: Word) -> str:
            raise AssertionError(name, words)

    taps = Taps("main", "/rec", Moved(), Translator("main", "/rec"), leg_of=lambda _: None, tell=told.append,
                sequence=story.next_sequence, clock=lambda: story.at)
    taps.started(segment)
    for effects in (story.asks(Verb.PAUSE, "alice"), story.wait(1)):
        for detach in every(Detach, effects):
            await taps.detach(detach)
    assert told == []
    assert asked == [f"/rec/phonograph/{segment}.wav", "all"]
    assert only(Reply, story.effects).answer is Answer.FORCED
    assert story.segments()[0].state is SegmentState.DETACHING
    assert taps.ended(segment) == DETACHED


def test_a_recording_server_gets_nothing_from_the_moment_at_which_a_pause_is_asked_for() -> None:
    talk = Talk().recording()
    silence, told = talk.pause()
    assert isinstance(silence, Flow)
    assert silence.agreement.flows == ()
    assert isinstance(told, Send)
    for answer in (talk.ringing, lambda: talk.refuse(488), talk.silence, talk.accept):
        answer()
        assert talk.flowing == []
