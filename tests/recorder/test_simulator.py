"""The simulated switch is like real ones: what they told at a hangup is among what it tells, and it lies in time."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from ari_app.generated import events as ari
from ari_app.translate import translate
from esl_app.translate import Translator
from recorder.effects import Attach, Detach
from recorder.events import BridgeIs, CallEvent, LegGone, SwitchDown, SwitchUp, TapDown, TapFailed, TapUp
from recorder.model import Bridge, BridgeKind, Direction, Source
from tests.ari_app import captures as asterisk
from tests.esl_app import captures as freeswitch
from tests.esl_app import replay
from tests.simulator import NAME, Agenda, Faults, FaultySwitch

SOURCE = Source(leg="alice", directions=(Direction.IN, Direction.OUT))
ATTACH = Attach(call="call", segment="recording.0", source=SOURCE)
TALK = Bridge(id="talk", kind=BridgeKind.MIXING, members=frozenset({"alice", "bob"}))
DETACH = Detach(call="call", segment="recording.0", source=SOURCE)


def words(events: Iterable[CallEvent]) -> tuple[str, ...]:
    """How a call between two came apart, in the order in which it was told."""
    told: list[str] = []
    together = False
    for event in events:
        if isinstance(event, BridgeIs):
            if together and len(event.bridge.members) < 2:
                told.append("apart")
            together = len(event.bridge.members) == 2
        elif isinstance(event, LegGone | TapDown):
            told.append("gone" if isinstance(event, LegGone) else "tap down")
    return tuple(word for place, word in enumerate(told) if word != "apart" or "apart" not in told[:place])


def on_asterisk(name: str) -> tuple[str, ...]:
    told: list[CallEvent] = []
    finished = 0
    for number, event in enumerate(asterisk.events(name), start=1):
        told += translate(event, NAME, number)
        finished += isinstance(event, ari.RecordingFinished)
        if isinstance(event, ari.RecordingFinished) and finished == 2:
            told.append(TapDown(switch=NAME, at=event.timestamp, segment="a.0", cause="done", ended=event.timestamp))
    return words(told)


def on_freeswitch(name: str) -> tuple[str, ...]:
    translator = Translator(NAME, replay.SPOOL)
    events = freeswitch.events(name)
    recorded = {(event.header("Record-File-Path") or "").rpartition("/")[2] for event in events} - {""}
    events = list(replay.tagged(events, dict.fromkeys(recorded, replay.segment("a"))))
    gone: set[str] = set()
    told: list[CallEvent] = []
    for event in (one for raw in events for one in translator.translate(raw)):
        if isinstance(event, LegGone):
            if event.leg in gone:
                continue
            gone.add(event.leg)
        told.append(event)
    return words(told)


class Line:
    """Whatever arrives from a switch, with a call of Alice and Bob on it."""

    def __init__(self, seed: int, faults: Faults | None = None) -> None:
        self.told: list[CallEvent] = []
        self.agenda = Agenda()
        self.switch = FaultySwitch(self.agenda, self.told.append, random.Random(seed))
        self.switch.connect()
        self.settle()
        self.switch.rings("alice")
        self.switch.rings("bob", "alice")
        self.switch.answers("bob")
        self.switch.answers("alice")
        self.switch.joins("talk", ["alice", "bob"])
        self.settle()
        self.told.clear()
        self.switch.faults = faults or Faults()

    def settle(self) -> None:
        while self.agenda.next() is not None:
            self.agenda.do_next()

    def kinds(self) -> list[type[CallEvent]]:
        return [type(event) for event in self.told]


def simulated(seed: int) -> tuple[str, ...]:
    line = Line(seed)
    line.switch.attach(ATTACH)
    line.settle()
    line.switch.hangs_up("bob")
    line.agenda.clock += line.switch.dice.choice([0.0, 0.005])
    line.switch.hangs_up("alice")
    line.settle()
    return words([BridgeIs(switch=NAME, at=0.0, bridge=TALK), *line.told])


@pytest.mark.parametrize("told", [
    on_asterisk("answered_and_tapped"), on_freeswitch("trunk_call_record_mask"),
    on_freeswitch("trunk_call_json_events")], ids=["asterisk", "freeswitch", "freeswitch json"])
def test_what_a_real_switch_told_at_a_hangup_is_among_what_the_simulated_one_tells(told: tuple[str, ...]) -> None:
    assert sorted(told) == ["apart", "gone", "gone", "tap down"]
    assert told in {simulated(seed) for seed in range(200)}


def test_a_tap_whose_end_overtakes_its_beginning_never_writes() -> None:
    line = Line(1, Faults(stalled=1.0))
    line.switch.attach(ATTACH)
    line.switch.detach(DETACH)
    line.settle()
    assert line.kinds() == [TapFailed]
    assert line.switch.taps["recording.0"].started is None


def test_a_deaf_switch_goes_on_writing_and_says_nothing() -> None:
    line = Line(1, Faults(deaf=1.0))
    line.switch.attach(ATTACH)
    line.settle()
    line.switch.detach(DETACH)
    line.settle()
    assert line.kinds() == [TapUp]
    assert line.switch.taps["recording.0"].alive


def test_where_an_event_is_lost_the_connection_is_too_and_a_snapshot_has_what_was_lost() -> None:
    line = Line(1, Faults(lost=1.0))
    line.switch.attach(ATTACH)
    line.settle()
    assert line.kinds() == [SwitchDown]
    line.switch.connect()
    line.settle()
    up = line.told[1]
    assert isinstance(up, SwitchUp)
    assert [tap.segment for tap in up.snapshot.taps] == ["recording.0"]


def test_what_happens_while_the_snapshot_is_read_comes_after_it() -> None:
    line = Line(1)
    line.switch.disconnect()
    line.switch.connect()
    line.switch.hangs_up("bob")
    line.settle()
    assert line.kinds()[:2] == [SwitchDown, SwitchUp]
    assert LegGone in line.kinds()[2:]


def test_a_crash_ends_all_and_tells_only_that_nobody_is_there() -> None:
    line = Line(1)
    line.switch.attach(ATTACH)
    line.settle()
    line.switch.crashes()
    line.settle()
    assert line.kinds() == [TapUp, SwitchDown]
    assert not line.switch.taps["recording.0"].alive
