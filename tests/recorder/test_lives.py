"""What one life of the service owes the next, one call the next, and a pause the call that it comes to."""

from __future__ import annotations

from recorder.effects import Answer, Attach, Decide, Detach, Reply
from recorder.engine import Engine
from recorder.events import LegIs, Verb
from recorder.model import BridgeKind, CallKind
from recorder.states import CallState, PauseState, SegmentState
from tests.recorder.story import SWITCH, Story, every, only, says


def again(story: Story, *, legs: tuple[str, ...] = (), taps: tuple[str, ...] = ()) -> None:
    """The service is killed and started again from its rows."""
    story.engine = Engine(SWITCH)
    story.engine.restore(story.rows.values())
    story.effects.clear()
    story.connect(legs=legs, taps=taps)


def a_leg_that_stayed(story: Story) -> None:
    """Alice talks to Bob, who leaves; she stays, and the call is over."""
    segment = story.talk()
    story.hangs_up("bob")
    story.tap_down(segment)
    story.wait(5)
    assert story.row().state is CallState.CLOSED


def test_a_leg_that_stays_after_its_call_opens_no_other_by_old_news() -> None:
    story = Story(says(True))
    a_leg_that_stayed(story)
    story.receive(LegIs(switch=SWITCH, at=story.at, sequence=1, leg=story.legs["alice"]))
    story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=story.legs["alice"]))
    story.disconnect()
    story.connect(legs=["alice"])
    assert len(story.rows) == 1


def test_the_next_call_of_a_leg_gets_an_id_of_its_own_in_the_next_life_too() -> None:
    story = Story(says(True))
    a_leg_that_stayed(story)
    again(story, legs=("alice",))
    assert len(story.rows) == 1
    story.rings("carol", "alice")
    assert len({call.id for call in story.rows.values()}) == 2


def test_a_decision_that_was_lost_with_the_last_life_is_asked_for_again() -> None:
    story = Story(None)
    story.connect()
    story.rings("alice")
    again(story, legs=("alice",))
    assert only(Decide, story.effects).caller.id == "alice"


def test_a_call_that_is_recorded_keeps_its_decision_and_what_it_was_made_for() -> None:
    story = Story(says(True))
    segment = story.talk()
    decided_for = story.row().decided_for
    again(story, legs=("alice", "bob"), taps=(segment,))
    assert every(Decide, story.effects) == []
    assert story.engine.calls()[0].decided_for == decided_for


def test_a_pause_ends_by_itself_in_the_next_life_too() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", longest=30.0)
    story.tap_down(segment)
    story.wait(10)
    again(story, legs=("alice", "bob"))
    assert every(Attach, story.wait(19)) == []
    assert len(every(Attach, story.wait(2))) == 1


def test_a_tap_that_was_asked_for_before_the_connection_broke_is_ended_before_it_is_made_anew() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.disconnect()
    back = story.connect(legs=["alice", "bob"])
    assert only(Detach, back).segment == segment
    assert every(Attach, back) == []
    assert only(Attach, story.tap_failed(segment)).segment != segment


def test_killed_in_a_pause_with_a_tap_on_its_way_the_next_life_ends_it_before_it_confirms() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    story.asks(Verb.PAUSE, "alice")
    again(story, legs=("alice", "bob"))
    assert only(Detach, story.effects).segment == segment
    assert story.row().pauses[0].state is PauseState.ASKED
    story.tap_failed(segment)
    assert story.row().pauses[0].state is PauseState.CONFIRMED


def test_a_pause_is_not_called_confirmed_while_a_tap_was_given_up_without_the_word_of_the_switch() -> None:
    story = Story(says(True))
    story.talk()
    story.asks(Verb.PAUSE, "alice", owner="ivr", request="p1")
    story.wait(10)
    assert story.segments()[0].state is SegmentState.LOST
    assert only(Reply, story.asks(Verb.PAUSE, "alice", owner="agent", request="p2")).answer is Answer.FORCED


def test_a_pause_that_is_given_back_before_it_was_confirmed_is_answered_so() -> None:
    story = Story(says(True))
    story.talk()
    story.asks(Verb.PAUSE, "alice", request="p1")
    replies = every(Reply, story.asks(Verb.RESUME, "alice", request="r1"))
    assert {reply.request: reply.answer for reply in replies} == {"p1": Answer.REFUSED, "r1": Answer.DONE}


def test_an_inherited_pause_is_confirmed_only_when_the_tap_of_its_new_call_is_gone() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = story.talk("trunk", "bob")
    story.wait(1)
    story.rings("bob2")
    story.rings("carol", "bob2")
    story.answers("carol")
    second = only(Attach, story.answers("bob2")).segment
    story.asks(Verb.PAUSE, "carol")
    story.tap_failed(second)
    story.bridge("talk", "trunk", "carol")
    assert story.row("trunk").pauses[0].state is PauseState.ASKED
    story.tap_down(segment)
    assert story.row("trunk").pauses[0].state is PauseState.CONFIRMED


def test_a_second_conference_in_the_same_bridge_has_a_row_of_its_own() -> None:
    story = Story(says(False))
    story.connect()
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.answers(leg)
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    story.bridge("room", "alice", kind=BridgeKind.CONFERENCE)
    story.wait(10)
    story.bridge("room", "alice", kind=BridgeKind.CONFERENCE)
    assert len([call for call in story.rows.values() if call.kind is CallKind.CONFERENCE]) == 1
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    rooms = [call.state for call in story.rows.values() if call.kind is CallKind.CONFERENCE]
    assert rooms == [CallState.CLOSED, CallState.ANSWERED]


def test_a_conference_that_ended_while_we_were_dead_is_over_although_its_members_are_still_there() -> None:
    story = Story(says(True))
    story.connect()
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.answers(leg)
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    again(story, legs=("alice", "bob"))
    story.wait(10)
    assert CallKind.CONFERENCE not in {call.kind for call in story.engine.calls() if call.state is CallState.ANSWERED}


def test_a_late_word_of_a_bridge_does_not_bring_it_back() -> None:
    story = Story(says(False))
    story.connect()
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.answers(leg)
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    told_late = story.sequence
    story.bridge("room", kind=BridgeKind.CONFERENCE)
    story.wait(10)
    story.sequence = told_late - 1
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    assert story.engine.calls() == tuple(call for call in story.engine.calls() if call.kind is CallKind.CALL)


def test_a_recording_goes_on_to_the_end_of_the_call_when_nobody_saw_the_end_of_its_last_segment() -> None:
    story = Story(says(True))
    first = story.talk()
    call = story.row()
    story.asks(Verb.PAUSE, call.id)
    story.tap_down(first)
    second = only(Attach, story.asks(Verb.RESUME, call.id)).segment
    story.tap_up(second)
    story.wait(30)
    again(story)
    (recording,) = story.row().recordings
    assert [segment.ended is None for segment in recording.segments] == [False, True]
    assert recording.ended == story.row().ended
    assert recording.ended is not None
    assert recording.ended > recording.segments[1].asked + 29
