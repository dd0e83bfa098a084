"""Taps are renewed while they run: after ten minutes, and at once when their file stops growing."""

from __future__ import annotations

from recorder.effects import Attach, Detach, Effect
from recorder.events import Observed, TapUp, Verb
from recorder.model import BridgeKind
from recorder.renewal import STALLED
from recorder.states import SegmentState
from recorder.world import Limits
from tests.recorder.story import SWITCH, Story, every, files, only, says


def still(story: Story, segment: str, seconds: float) -> list[Effect]:
    return story.receive(Observed(switch=SWITCH, at=story.at, segment=segment, bytes=32_812, still=seconds))


def test_a_long_call_gets_a_new_tap_before_the_old_one_goes() -> None:
    story = Story(says(True))
    first = story.talk()
    second = only(Attach, story.wait(600.1))
    assert second.source.leg == "alice"
    assert every(Detach, story.tap_up(second.segment) + story.wait(1.9)) == []
    assert only(Detach, story.wait(0.2)).segment == first
    story.tap_down(first)
    assert [segment.state for segment in story.segments()] == [SegmentState.DOWN, SegmentState.UP]
    assert len(story.row().recordings) == 1


def test_it_is_renewed_again_and_again() -> None:
    story = Story(says(True))
    running = story.talk()
    for _ in range(5):
        new = only(Attach, story.wait(600.1)).segment
        story.tap_up(new)
        assert only(Detach, story.wait(2.1)).segment == running
        story.tap_down(running)
        running = new
    assert every(Attach, story.wait(590)) == []


def test_a_new_tap_that_fails_leaves_the_old_one_alone_and_is_tried_again() -> None:
    story = Story(says(True))
    story.talk()
    failed = only(Attach, story.wait(600.1)).segment
    assert every(Detach, story.tap_failed(failed) + story.wait(5)) == []
    assert len(every(Attach, story.wait(6))) == 1


def test_a_pause_ends_both_taps_of_an_overlap() -> None:
    story = Story(says(True))
    first = story.talk()
    second = only(Attach, story.wait(600.1)).segment
    story.tap_up(second)
    assert {detach.segment for detach in every(Detach, story.asks(Verb.PAUSE, "alice"))} == {first, second}
    story.tap_down(first)
    story.tap_down(second)
    assert every(Attach, story.wait(1300)) == []


def test_no_tap_is_renewed_while_the_switch_is_away() -> None:
    story = Story(says(True))
    story.talk()
    story.disconnect()
    assert every(Attach, story.wait(1000)) == []


def test_the_age_of_a_tap_counts_from_its_start_also_in_another_life() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.wait(300)
    later = Story(says(True))
    later.legs = story.legs
    later.clock = story.clock
    later.engine.restore([story.row()])
    later.connect(legs=["alice", "bob"], taps=[segment])
    assert every(Attach, later.wait(290)) == []
    assert len(every(Attach, later.wait(11))) == 1


def test_a_clock_of_the_switch_that_is_wrong_by_a_day_does_not_make_it_go_round() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.receive(TapUp(switch=SWITCH, at=story.at - 86_400, segment=segment, started=story.at - 86_400,
                        files=files(segment)))
    assert len(every(Attach, story.wait(30))) <= 1


def test_the_mix_of_a_conference_is_not_renewed_and_its_members_are() -> None:
    story = Story(says(True))
    story.connect()
    for member in ("alice", "bob"):
        story.rings(member)
        story.answers(member)
    taps = every(Attach, story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE))
    for tap in taps:
        story.tap_up(tap.segment)
    assert {attach.source.leg for attach in every(Attach, story.wait(600.1))} == {"alice", "bob"}


def test_a_file_that_does_not_grow_means_a_new_tap_at_once() -> None:
    story = Story(says(True))
    dead = story.talk()
    effects = still(story, dead, 2.6)
    assert only(Detach, effects).segment == dead
    assert only(Attach, effects).source.leg == "alice"
    story.tap_down(dead)
    assert story.segments()[0].cause == STALLED


def test_a_file_that_is_still_for_a_moment_is_as_asterisk_writes_it() -> None:
    story = Story(says(True))
    assert still(story, story.talk(), 2.1) == []


def test_a_mix_may_be_still_for_longer_where_the_switch_writes_it_in_larger_blocks() -> None:
    story = Story(says(True), limits=Limits(mix_stall_after=7.0))
    story.connect()
    for member in ("alice", "bob"):
        story.rings(member)
        story.answers(member)
    taps = every(Attach, story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE))
    for tap in taps:
        story.tap_up(tap.segment)
    (mix,) = [tap.segment for tap in taps if tap.source.bridge]
    assert still(story, mix, 6.0) == []
    assert only(Detach, still(story, mix, 7.0)).segment == mix


def test_what_is_paused_is_not_made_anew() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    assert every(Attach, still(story, segment, 5.0)) == []
    story.tap_down(segment)
    assert every(Attach, still(story, segment, 5.0) + story.wait(60)) == []


def test_a_full_disk_that_stalls_every_tap_is_asked_less_and_less_often() -> None:
    story = Story(says(True))
    segment = story.talk()
    taps = 0
    begun = story.clock
    while story.clock < begun + 120:
        effects = still(story, segment, 2.6) + story.tap_down(segment) + story.wait(0.1)
        while not (attached := every(Attach, effects)):
            effects = story.wait(0.5)
        segment = attached[-1].segment
        taps += 1
        story.tap_up(segment)
        story.wait(2.6)
    assert taps < 20
