"""A call between two parties, from the first ring to Finish."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.effects import Attach, Decide, Detach, Finish, Mark
from recorder.engine import Engine
from recorder.events import LegIs, SwitchUp, TapDown
from recorder.model import Direction, LegKind, Outcome
from recorder.snapshot import Snapshot
from recorder.states import CallState, RecordingState, SegmentState
from tests.recorder.story import SWITCH, Story, every, files, only, says


def test_a_recorded_call_is_decided_marked_tapped_and_finished_once() -> None:
    story = Story(says(True))
    story.connect()
    ringing = story.rings("alice")
    assert only(Decide, ringing).caller.id == "alice"
    assert only(Mark, ringing).variables["RECORDER_DECISION"] == "record"
    story.rings("bob", "alice")
    story.answers("bob")
    attach = only(Attach, story.answers("alice"))
    assert attach.source.directions == (Direction.IN, Direction.OUT)
    assert story.recording().state is RecordingState.ARMED
    story.tap_up(attach.segment)
    story.wait(10)
    story.tap_down(attach.segment, "hangup")
    assert only(Finish, [*story.hangs_up("bob"), *story.hangs_up("alice")]).recording == story.recording().id
    assert story.row().state is CallState.CLOSED
    assert story.row().outcome is Outcome.RECORDED
    assert story.engine.calls() == ()


def test_the_recording_id_in_the_mark_is_the_id_of_the_recording() -> None:
    story = Story(says(True))
    story.talk()
    assert only(Mark, story.effects).variables["RECORDER_ID"] == story.recording().id


def test_a_call_that_policy_skips_has_a_row_and_no_tap() -> None:
    story = Story(says(False))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.wait(5)
    assert every(Attach, story.effects) == []
    assert story.row().outcome is Outcome.NOT_WANTED
    assert story.row().reason == "the user's permission says so"


def test_a_call_that_nobody_answers_is_not_recorded_and_says_why() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.wait(5)
    assert every(Attach, story.effects) == []
    assert (story.row().outcome, story.row().reason) == (Outcome.UNANSWERED, "nobody answered")


def test_recording_starts_at_answer_not_while_it_rings() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    assert every(Attach, story.rings("bob", "alice")) == []


def test_the_trunk_leg_is_tapped_although_the_user_answers_first() -> None:
    story = Story(says(True), trunks=["trunk"])
    story.connect()
    story.rings("trunk")
    story.rings("bob", "trunk")
    assert every(Attach, story.answers("bob")) == []
    assert only(Attach, story.answers("trunk")).source.leg == "trunk"


def test_an_outgoing_call_is_tapped_on_the_trunk_leg_at_its_answer() -> None:
    story = Story(says(True), trunks=["trunk"])
    story.connect()
    story.rings("alice")
    story.rings("trunk", "alice")
    assert only(Attach, story.answers("trunk")).source.leg == "trunk"
    assert story.segments()[0].side == "callee"


def test_a_call_into_an_announcement_is_recorded_from_its_answer_to_its_hangup() -> None:
    story = Story(says(True), trunks=["trunk"])
    story.connect()
    story.rings("trunk")
    segment = only(Attach, story.answers("trunk")).segment
    story.tap_up(segment)
    story.wait(60)
    story.tap_down(segment)
    assert len(every(Finish, story.hangs_up("trunk"))) == 1


def test_when_one_of_two_hangs_up_the_recording_ends_although_the_other_stays() -> None:
    story = Story(says(True))
    segment = story.talk()
    assert only(Detach, story.hangs_up("bob")).segment == segment
    story.tap_down(segment)
    assert len(every(Finish, story.wait(5))) == 1
    assert story.row().state is CallState.CLOSED


def test_the_party_that_stayed_gets_a_new_recording_when_it_talks_again() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.hangs_up("bob")
    story.tap_down(segment)
    story.wait(5)
    second = only(Attach, story.rings("carol", "alice"))
    assert second.call != story.row().id
    assert second.segment != segment


def test_our_own_channels_are_no_legs_of_any_call() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("snoop", kind=LegKind.OWN)
    assert story.rows == {}


def test_a_call_that_ends_before_the_tap_is_up_says_so() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.tap_failed(segment, "the channel is gone")
    story.wait(5)
    assert story.row().outcome is Outcome.MISSED
    assert story.row().reason == "the channel is gone"
    assert story.recording().state is RecordingState.EMPTY
    assert every(Finish, story.effects) == []


def test_a_tap_that_fails_is_tried_again_later_each_time() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    waits = []
    for _ in range(3):
        story.tap_failed(segment)
        begun = story.clock
        segment = only(Attach, story.wait(story.engine.next_deadline() - story.clock)).segment  # type: ignore[operator]
        waits.append(story.clock - begun)
    assert waits == sorted(waits)
    assert waits[2] > waits[0]


def test_a_tap_that_never_comes_up_is_given_up_and_made_anew() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    assert every(Detach, story.wait(10.1))[0].segment == segment
    assert only(Attach, story.tap_failed(segment)).segment != segment


def test_a_tap_that_ends_by_itself_while_the_call_goes_on_is_replaced() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.tap_down(segment, "write error")
    assert only(Attach, story.wait(1)).segment != segment


def test_an_event_of_another_switch_is_refused() -> None:
    with pytest.raises(ValueError, match="other"):
        Engine(SWITCH).receive(SwitchUp(switch="other", at=0.0, boot="b", snapshot=Snapshot()), 0.0)


def test_events_that_come_twice_change_nothing() -> None:
    story = Story(says(True))
    segment = story.talk()
    before = story.row()
    event = LegIs(switch=SWITCH, at=story.at, sequence=story.sequence, leg=story.legs["alice"])
    assert story.receive(event) == []
    assert story.tap_up(segment) == []
    assert story.row() == before


def test_a_late_ringing_does_not_undo_an_answer() -> None:
    story = Story(says(True))
    story.talk()
    ringing = replace(story.legs["alice"], state=story.legs["alice"].state.SETUP, answered=None)
    assert story.receive(LegIs(switch=SWITCH, at=story.at, sequence=1, leg=ringing)) == []
    assert story.row().state is CallState.ANSWERED


def test_a_tap_that_is_told_down_before_up_keeps_both_times() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.receive(TapDown(switch=SWITCH, at=story.at, segment=segment, cause="hangup", ended=story.at + 3,
                          files=files(segment)))
    story.tap_up(segment)
    (one,) = story.segments()
    assert one.state is SegmentState.DOWN
    assert one.started is not None
    assert one.ended == story.at + 3


def test_a_leg_that_is_told_gone_before_it_is_told_at_all_still_leaves_a_row() -> None:
    story = Story(says(True))
    story.connect()
    story.hangs_up("alice")
    story.rings("alice")
    story.wait(5)
    assert story.row().outcome is Outcome.UNANSWERED


def test_a_tap_that_ends_with_its_leg_is_not_asked_to_end() -> None:
    story = Story(says(True))
    segment = story.talk()
    assert every(Detach, story.hangs_up("alice")) == []
    assert len(every(Finish, story.tap_down(segment, "hangup") + story.hangs_up("bob"))) == 1


def test_a_tap_that_outlives_its_leg_is_ended_by_force() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.hangs_up("alice")
    detach = only(Detach, story.hangs_up("bob") + story.wait(5.1))
    assert (detach.segment, detach.destroy) == (segment, True)
