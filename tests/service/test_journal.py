"""The flight recorder: what a journal holds, what it leaves out, and that a fresh engine repeats it."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import pytest

from faults import JournalInvalid
from policy.types import Policy
from recorder.effects import Attach, Decide, Effect
from recorder.engine import Engine
from recorder.events import ActorKind, Asked, BridgeIs, CallEvent, SwitchDown, Tick, Verb
from recorder.model import Bridge, BridgeKind, Call
from recorder.snapshot import Snapshot, TapFact
from recorder.world import Limits
from service.deciding import decided
from service.journal import Journal
from service.journal_files import Bounds, Entry, JournalFiles, read
from service.replay import replay
from tests.service.fakes import RECORD_ALL, SWITCH, Story


class Life:
    """An engine with its journal, and no driver."""

    def __init__(self, folder: Path, *, policy: Policy = RECORD_ALL, bounds: Bounds | None = None, at: float = 1e9,
                 restored: tuple[Call, ...] = ()) -> None:
        self.files = JournalFiles(folder, bounds)
        self.engine = Engine(SWITCH, Limits())
        self.engine.restore(restored)
        self.journal = Journal(self.files, SWITCH, Limits(), at)
        self.journal.restored(restored)
        self.policy = policy
        self.now = 50.0
        self.calls: dict[str, Call] = {call.id: call for call in restored}

    def feed(self, *events: CallEvent) -> list[Effect]:
        effects: list[Effect] = []
        for event in events:
            self.now += 0.01
            step = self.engine.receive(event, self.now)
            self.journal.note(event, step, self.now)
            self.calls.update({call.id: call for call in step.changed})
            effects += step.effects
            for effect in step.effects:
                if isinstance(effect, Decide):
                    effects += self.feed(decided(effect, self.calls[effect.call], self.policy, event.at))
        return effects

    def attach(self, *events: CallEvent) -> Attach:
        return next(effect for effect in self.feed(*events) if isinstance(effect, Attach))

    def lines(self, call: str) -> list[Entry]:
        self.files.flushed()
        return read(self.files.path(call))


def recorded_call(life: Life, story: Story) -> str:
    attach = life.attach(story.up(), *story.dial(), *story.answer())
    life.feed(story.tap_up(attach), *story.hangup(), story.tap_down(attach.segment))
    return attach.call


def test_a_journal_repeats_in_a_fresh_engine(tmp_path: Path) -> None:
    life = Life(tmp_path)
    call = recorded_call(life, Story())
    result = replay(life.lines(call))
    assert result.differences == ()
    assert result.result is not None
    assert result.result.outcome is life.calls[call].outcome


def test_a_replay_says_where_the_engine_did_something_else(tmp_path: Path) -> None:
    life = Life(tmp_path)
    lines = life.lines(recorded_call(life, Story()))
    tampered = [line for line in lines if line.get("event", {}).get("type") != "TapDown"]
    assert replay(tampered).differences


def test_no_number_stands_in_a_journal_and_ids_stay_whole(tmp_path: Path) -> None:
    life = Life(tmp_path)
    call = recorded_call(life, Story(caller="1795230600.12", callee="1795230600.13"))
    life.files.flushed()
    text = life.files.path(call).read_text()
    assert "4930123456" not in text
    assert "4930987654" not in text
    assert "*******456" in text
    assert '"1795230600.12"' in text


def test_a_journal_is_its_owners_alone(tmp_path: Path) -> None:
    life = Life(tmp_path / "journal")
    call = recorded_call(life, Story())
    life.files.flushed()
    assert stat.S_IMODE(life.files.path(call).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700


def test_a_call_that_lives_through_a_reconnection_repeats(tmp_path: Path) -> None:
    life = Life(tmp_path)
    story, other = Story(), Story("carol-leg", "dave-leg")
    attach = life.attach(story.up(), *story.dial(), *story.answer())
    tap = story.tap_up(attach)
    life.feed(tap, *other.dial())
    life.feed(SwitchDown(switch=SWITCH, at=story.at))
    legs = tuple(story.live(leg, story.at) for leg in (story.caller, story.callee))
    fact = TapFact(segment=tap.segment, started=tap.started, files=tap.files)
    there = (*legs, other.caller)
    snapshot = Snapshot(legs=there, taps=(fact,), read={leg.id: number for number, leg in enumerate(there, start=7)})
    life.feed(story.up(snapshot=snapshot), *story.hangup(), story.tap_down(tap.segment))
    lines = life.lines(attach.call)
    assert "carol-leg" not in json.dumps(lines)
    snapshots = [line["event"].get("snapshot", {}) for line in lines if "event" in line]
    (read,) = [one["read"] for one in snapshots if "read" in one]
    assert read == {story.caller.id: 7, story.callee.id: 8}
    assert replay(lines).differences == ()


def test_a_call_that_takes_another_ones_leg_over_repeats(tmp_path: Path) -> None:
    life = Life(tmp_path)
    story, other = Story(), Story("carol-leg", "dave-leg")
    attach = life.attach(story.up(), *story.dial(), *story.answer())
    life.feed(story.tap_up(attach))
    other.sequence = story.sequence + 10
    life.feed(*other.dial(), *other.answer()[:2])
    talk = Bridge(id="bridge-2", kind=BridgeKind.MIXING, members=frozenset({"alice-leg", "carol-leg"}))
    life.feed(BridgeIs(switch=SWITCH, at=other.at, sequence=200, bridge=talk))
    story.sequence = 300
    life.feed(*story.hangup(), *other.hangup(), story.tap_down(attach.segment))
    life.now += 5
    life.feed(Tick(switch=SWITCH, at=other.at + 5))
    lines = life.lines(attach.call)
    assert "carol-leg" in json.dumps(lines)
    assert replay(lines).differences == ()


def test_a_call_that_was_taken_over_from_the_ledger_repeats(tmp_path: Path) -> None:
    story = Story()
    first = Life(tmp_path)
    attach = first.attach(story.up(), *story.dial(), *story.answer())
    first.feed(story.tap_up(attach))
    first.files.stop()
    second = Life(tmp_path, at=2e9, restored=tuple(first.engine.calls()))
    legs = tuple(story.live(leg, story.at) for leg in (story.caller, story.callee))
    fact = TapFact(segment=attach.segment, started=story.at)
    second.feed(story.up(snapshot=Snapshot(legs=legs, taps=(fact,))), *story.hangup(),
                story.tap_down(attach.segment))
    result = replay(second.lines(attach.call))
    assert result.differences == ()
    assert result.result is not None


def test_a_pause_that_ends_by_itself_repeats(tmp_path: Path) -> None:
    life = Life(tmp_path)
    story = Story()
    attach = life.attach(story.up(), *story.dial(), *story.answer())
    life.feed(story.tap_up(attach))
    life.feed(Asked(switch=SWITCH, at=story.at, request="r", verb=Verb.PAUSE, target=story.caller.id,
                    actor=ActorKind.OPERATOR, longest=3.0),
              story.tap_down(attach.segment))
    life.now += 4
    again = life.attach(Tick(switch=SWITCH, at=story.at + 4))
    life.feed(story.tap_up(again), *story.hangup(), story.tap_down(again.segment))
    assert replay(life.lines(attach.call)).differences == ()


def test_a_journal_is_bounded_and_says_so_and_still_has_the_end(tmp_path: Path) -> None:
    life = Life(tmp_path, bounds=Bounds(lines=4))
    call = recorded_call(life, Story())
    lines = life.lines(call)
    assert len(lines) == 6
    assert "closed" in lines[-1]
    assert replay(lines).cut


def test_old_journals_go_first_when_there_are_too_many(tmp_path: Path) -> None:
    names = [f"00000000-0000-5000-8000-00000000000{number}" for number in range(4)]
    for age, name in enumerate(names):
        (tmp_path / f"{name}.jsonl").write_text("{}\n")
        written = time.time() - 1000 * age
        os.utime(tmp_path / f"{name}.jsonl", (written, written))
    files = JournalFiles(tmp_path, Bounds(journals=2))
    files.flushed()
    files.stop()
    assert sorted(path.stem for path in tmp_path.iterdir()) == names[:2]


def test_what_the_disk_refuses_is_dropped_and_the_call_goes_on(tmp_path: Path) -> None:
    life = Life(tmp_path / "journal")
    (tmp_path / "journal").rmdir()
    (tmp_path / "journal").write_text("in the way")
    call = recorded_call(life, Story())
    life.files.stop()
    assert life.calls[call].outcome is not None


@pytest.mark.parametrize("text", ["", "not json\n{}\n", "[]\n", '{"n": 1}\n'])
def test_what_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(JournalInvalid):
        read(tmp_path / "x.jsonl")


def test_a_journal_whose_last_line_was_cut_off_by_a_kill_is_read(tmp_path: Path) -> None:
    life = Life(tmp_path)
    call = recorded_call(life, Story())
    life.files.flushed()
    path = life.files.path(call)
    path.write_text(path.read_text()[:-20])
    assert replay(read(path)).differences == ()


def test_a_name_that_is_no_call_reaches_no_path(tmp_path: Path) -> None:
    files = JournalFiles(tmp_path)
    with pytest.raises(JournalInvalid):
        files.path("../../etc/passwd")
    files.stop()
