"""The tapped leg holds the call, on a switch that writes nothing meanwhile."""

from __future__ import annotations

from recorder.effects import Attach, Detach
from recorder.engine import Limits
from recorder.events import Verb
from recorder.holding import HELD, QUEUED
from recorder.model import Hold
from tests.recorder.story import Story, every, only, says

ENDS = Limits(ends_at_hold=True)


def holds(story: Story) -> list[tuple[str, float, float | None]]:
    """Whose, when, until when, in seconds since the call was created."""
    def since(at: float | None) -> float | None:
        return None if at is None else round(at - story.row().created, 3)

    return [(hold.leg, since(hold.begun) or 0.0, since(hold.ended)) for hold in story.row().holds]


def test_the_tap_ends_with_the_holds_beginning_and_the_next_one_begins_with_its_end() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    story.wait(2)
    assert only(Detach, story.holds("alice")).segment == segment
    story.wait(0.12)
    assert every(Attach, story.tap_down(segment)) == []
    (ended,) = story.segments()
    assert (ended.cause, ended.ended) == (HELD, story.row().created + 2)
    story.wait(1)
    assert only(Attach, story.holds("alice", held=False)).source == ended.source
    assert holds(story) == [("alice", 2, 3.12)]


def test_who_waits_in_a_queue_is_tapped_from_its_end_on_and_an_empty_file_is_none() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    assert only(Detach, story.queues("alice")).segment == segment
    story.tap_down(segment, "empty-file", empty=True)
    (ended,) = story.segments()
    assert (ended.cause, ended.files) == (QUEUED, ())
    story.wait(5)
    assert only(Attach, story.queues("alice", queued=False)).source == ended.source
    assert holds(story) == [("alice", 0, 5)]


def test_a_hold_of_the_other_leg_ends_nothing() -> None:
    story = Story(says(True), limits=ENDS)
    story.talk()
    assert story.holds("bob") == []
    assert holds(story) == []


def test_on_a_switch_that_writes_on_a_hold_ends_nothing() -> None:
    story = Story(says(True))
    story.talk()
    assert story.holds("alice") == []
    assert story.row().holds == ()


def test_a_pause_interrupts_a_hold() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    story.holds("alice")
    story.tap_down(segment)
    story.wait(1)
    story.asks(Verb.PAUSE, "alice")
    story.wait(1)
    assert every(Attach, story.asks(Verb.RESUME, "alice")) == []
    story.wait(1)
    assert len(every(Attach, story.holds("alice", held=False))) == 1
    assert holds(story) == [("alice", 0, 1), ("alice", 2, 3)]


def test_a_hold_that_begins_in_a_pause_is_one_from_the_pauses_end() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    story.tap_down(segment)
    story.holds("alice")
    story.wait(1)
    assert every(Attach, story.asks(Verb.RESUME, "alice")) == []
    assert holds(story) == [("alice", 1, None)]


def test_who_holds_hands_the_call_on_and_the_tap_moves_to_who_stays() -> None:
    story = Story(says(True), limits=ENDS)
    story.bridge("b", "alice", "bob")
    segment = story.talk()
    story.holds("alice")
    story.tap_down(segment)
    story.wait(1)
    assert only(Attach, story.transferred("alice", "bob")).source.leg == "bob"
    assert holds(story) == [("alice", 0, 1)]


def test_nobody_knows_of_a_hold_while_the_switch_is_away() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    story.holds("alice")
    story.tap_down(segment)
    story.wait(1)
    story.disconnect()
    story.wait(1)
    story.connect(legs=["alice", "bob"])
    story.wait(1)
    story.holds("alice", held=False)
    assert holds(story) == [("alice", 0, 1), ("alice", 2, 3)]


def test_a_hold_that_an_earlier_life_saw_begin_explains_nothing() -> None:
    story = Story(says(True), limits=ENDS)
    segment = story.talk()
    story.holds("alice")
    story.tap_down(segment)
    later = Story(says(True), limits=ENDS)
    later.legs, later.clock = story.legs, story.clock + 1
    later.engine.restore([story.row()])
    later.connect(legs=["alice", "bob"])
    assert later.row().holds == (Hold(leg="alice", begun=later.at),)
