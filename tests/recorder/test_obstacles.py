"""Media that the switch does not read: whenever it tells so, what has no audio is not wanted, what has some is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.effects import Attach, Decide, Detach, Finish, Mark
from recorder.engine import Engine
from recorder.events import LegIs
from recorder.model import Call, Leg, LegState, Outcome
from recorder.states import RecordingState
from recorder.taps import UNREAD
from tests.recorder.story import SWITCH, Story, every, only, says, unless_unread

PAST = "bypass_media"


def tapped() -> tuple[Story, str]:
    """Both have answered and a tap was asked for, before the switch told of the obstacle; gives the segment."""
    story = Story(unless_unread)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    return story, only(Attach, story.answers("alice")).segment


def over(story: Story) -> Call:
    """Both hang up; gives the row, when it is final."""
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.wait(20)
    return story.row()


def not_wanted(call: Call) -> bool:
    """Whether the row says that it was the obstacle, and none of its recordings has anything in it."""
    assert call.decision is not None
    assert (call.outcome, call.decision.rule) == (Outcome.NOT_WANTED, "obstacle"), call
    assert PAST in call.reason
    return all(recording.state is RecordingState.EMPTY for recording in call.recordings)


def test_told_with_the_answer_there_is_no_tap() -> None:
    story = Story(unless_unread)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.legs["alice"] = replace(story.legs["alice"], obstacle=PAST)
    assert every(Attach, story.answers("alice")) == []
    call = over(story)
    assert not_wanted(call)
    assert call.recordings == ()


def test_told_while_the_tap_is_on_its_way() -> None:
    story, segment = tapped()
    assert only(Detach, story.tells_obstacle("alice", PAST)).segment == segment
    story.tap_failed(segment, "there are no media")
    assert not_wanted(over(story))


def test_told_after_the_tap_was_refused_it_is_not_tried_again_and_the_dialplan_knows() -> None:
    story, segment = tapped()
    story.tap_failed(segment, "there are no media")
    told = story.tells_obstacle("alice", PAST)
    assert only(Mark, told).variables["RECORDER_DECISION"] == "skip"
    assert every(Attach, story.wait(30)) == []
    assert not_wanted(over(story))


def test_told_while_the_tap_is_on_its_way_and_the_word_of_its_end_comes_after_the_call() -> None:
    story, segment = tapped()
    story.tells_obstacle("alice", PAST)
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.tap_failed(segment, "there are no media")
    story.wait(20)
    assert not_wanted(story.row())


def test_told_while_the_tap_is_on_its_way_of_which_nothing_is_heard_again() -> None:
    story, _ = tapped()
    story.tells_obstacle("alice", PAST)
    assert not_wanted(over(story))


def test_told_when_the_call_is_over() -> None:
    story, segment = tapped()
    story.tap_failed(segment, "there are no media")
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.tells_obstacle("alice", PAST)
    story.wait(20)
    assert not_wanted(story.row())


def test_told_by_the_snapshot_after_a_break() -> None:
    story, _ = tapped()
    story.disconnect()
    story.legs["alice"] = replace(story.legs["alice"], obstacle=PAST)
    story.connect(legs=["alice", "bob"])
    assert not_wanted(over(story))


@pytest.mark.parametrize("up_first", [True, False])
def test_a_tap_that_came_up_has_a_recording(up_first: bool) -> None:
    story, segment = tapped()
    if up_first:
        story.tap_up(segment)
    story.tells_obstacle("alice", PAST)
    if not up_first:
        story.tap_up(segment)
    story.wait(0.02)
    story.tap_down(segment)
    call = over(story)
    assert call.decision is not None
    assert (call.outcome, call.decision.record) == (Outcome.RECORDED, True)
    assert [one.cause for one in story.segments()] == [UNREAD]
    assert [effect.recording for effect in every(Finish, story.effects)] == [call.recordings[0].id]


def test_what_the_switch_does_not_read_any_more_is_not_tapped_and_what_comes_back_is() -> None:
    """FreeSWITCH may let the media go past it after the answer, or take them back."""
    story = Story(says(True))
    segment = story.talk()
    assert only(Detach, story.tells_obstacle("alice", PAST)).segment == segment
    story.tap_down(segment)
    assert story.segments()[0].cause == UNREAD
    assert only(Attach, story.tells_obstacle("alice", None)).source.leg == "alice"


def test_a_call_that_was_not_wanted_for_it_is_recorded_when_the_media_come_back() -> None:
    story, segment = tapped()
    story.tells_obstacle("alice", PAST)
    story.tap_failed(segment, "there are no media")
    story.wait(1)
    story.tap_up(only(Attach, story.tells_obstacle("alice", None)).segment)
    call = over(story)
    assert call.decision is not None
    assert (call.outcome, call.decision.record, len(call.recordings)) == (Outcome.RECORDED, True, 1)


def test_the_next_life_asks_where_the_answer_was_lost() -> None:
    story, segment = tapped()
    story.decision = None
    story.tells_obstacle("alice", PAST)
    assert len(every(Decide, story.tap_failed(segment, "there are no media"))) == 1
    calls = story.engine.calls()
    story.decision, story.engine = unless_unread, Engine(SWITCH)
    story.engine.restore(calls)
    story.connect(legs=["alice", "bob"])
    assert not_wanted(over(story))


def test_what_is_older_than_the_snapshot_does_not_take_the_obstacle_back() -> None:
    """FreeSWITCH's events wait while the calls are read, and some of those that come then are older."""
    story = Story(unless_unread)
    story.connect()
    rang = Leg(id="alice", name="alice", created=story.at)
    number = story.next_sequence()
    story.legs["alice"] = replace(rang, state=LegState.UP, answered=story.at, obstacle=PAST)
    story.legs["bob"] = Leg(id="bob", name="bob", origin="alice", state=LegState.UP, answered=story.at)
    story.connect(legs=["alice", "bob"], numbered=True)
    stale = LegIs(switch=SWITCH, at=story.at, sequence=number, leg=replace(rang, context="from-users"))
    assert story.receive(stale) == []
    assert (story.row().legs[0].obstacle, story.row().legs[0].context) == (PAST, "from-users")
    call = over(story)
    assert not_wanted(call)
    assert call.recordings == ()
