"""Silence for a moment after a pause; and what a FreeSWITCH asks for, no tap while its leg holds the call."""

from __future__ import annotations

from dataclasses import replace

from recorder.effects import Answer, Attach, Detach, Effect, Finish, Reply
from recorder.engine import Engine
from recorder.events import ActorKind, LegIs, Verb
from recorder.model import BridgeKind
from recorder.states import PauseState, RecordingState, SegmentState
from service.switch_settings import AsteriskSettings, FreeSwitchSettings
from service.wire import limits
from tests.recorder.story import SWITCH, Story, every, only, says

FREESWITCH = limits(FreeSwitchSettings.model_validate({"kind": "freeswitch", "password": "p"}), 0.25)
ASTERISK = limits(AsteriskSettings.model_validate({"user": "u", "password": "p"}), 0.25)
NOT_YET = FREESWITCH.resume_after - 0.001
"""Seconds after a resume when the moment is nearly over."""


def on_freeswitch() -> Story:
    return Story(says(True), limits=FREESWITCH)


def paused() -> tuple[Story, str]:
    """A call in a confirmed pause, and its last tap."""
    story = on_freeswitch()
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", request="p")
    story.tap_down(segment)
    return story, segment


def holds(story: Story, leg: str, *, held: bool = True) -> list[Effect]:
    """The leg holds the call, or takes it back."""
    story.legs[leg] = replace(story.legs[leg], held=held)
    return story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=story.legs[leg]))


# ---- After a pause --------------------------------------------------------------------------------------------------


def test_a_resumed_call_gets_its_tap_when_nothing_of_the_pause_is_on_its_way_any_more() -> None:
    story, _ = paused()
    assert every(Attach, story.asks(Verb.RESUME, "alice", request="r") + story.wait(NOT_YET)) == []
    assert len(every(Attach, story.wait(0.002))) == 1


def test_the_resume_is_answered_at_once() -> None:
    story, _ = paused()
    assert only(Reply, story.asks(Verb.RESUME, "alice", request="r")).answer is not Answer.FORCED


def test_the_first_tap_of_a_call_waits_for_nothing() -> None:
    story = on_freeswitch()
    story.talk()
    assert len(every(Attach, story.effects)) == 1


def test_on_asterisk_a_resumed_call_has_that_moment_too() -> None:
    story = Story(says(True), limits=ASTERISK)
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", request="p")
    story.tap_down(segment)
    assert every(Attach, story.asks(Verb.RESUME, "alice", request="r") + story.wait(0.1)) == []
    assert len(every(Attach, story.wait(0.2))) == 1


def test_a_pause_in_the_moment_after_a_resume_leaves_no_tap_behind() -> None:
    story, _ = paused()
    story.asks(Verb.RESUME, "alice", request="r")
    story.wait(0.02)
    assert only(Reply, story.asks(Verb.PAUSE, "alice", request="p2")).answer is Answer.CONFIRMED
    assert every(Attach, story.wait(60)) == []


def test_each_resume_begins_its_own_moment() -> None:
    story, _ = paused()
    story.asks(Verb.RESUME, "alice", request="r")
    story.wait(0.03)
    story.asks(Verb.PAUSE, "alice", request="p2")
    story.asks(Verb.RESUME, "alice", request="r2")
    assert every(Attach, story.wait(NOT_YET)) == []
    assert len(every(Attach, story.wait(0.002))) == 1


def test_with_two_owners_the_moment_begins_when_the_last_one_lets_go() -> None:
    story, _ = paused()
    story.asks(Verb.PAUSE, "alice", owner="ivr", request="p2")
    story.asks(Verb.RESUME, "alice", request="r")
    assert every(Attach, story.wait(5)) == []
    story.asks(Verb.RESUME, "alice", owner="ivr", request="r2")
    assert every(Attach, story.wait(NOT_YET)) == []
    assert len(every(Attach, story.wait(0.002))) == 1


def test_a_pause_that_ends_by_itself_has_its_moment_too() -> None:
    story = on_freeswitch()
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", longest=10.0)
    story.tap_down(segment)
    assert every(Attach, story.wait(10 + NOT_YET)) == []
    assert len(every(Attach, story.wait(0.003))) == 1


def test_another_event_in_the_moment_brings_no_tap_forward() -> None:
    story, _ = paused()
    story.asks(Verb.RESUME, "alice", request="r")
    story.wait(0.01)
    assert every(Attach, story.bridge("b", "alice", "bob")) == []
    assert every(Attach, story.connect(legs=["alice", "bob"])) == []
    assert len(every(Attach, story.wait(NOT_YET))) == 1


def test_a_call_that_ends_in_the_moment_is_finished_without_another_tap() -> None:
    story, _ = paused()
    story.asks(Verb.RESUME, "alice", request="r")
    effects = story.hangs_up("bob") + story.hangs_up("alice") + story.wait(60)
    assert every(Attach, effects) == []
    assert len(every(Finish, effects)) == 1


def test_a_service_killed_in_a_pause_keeps_the_moment_after_it() -> None:
    story, _ = paused()
    calls = story.engine.calls()
    story.engine = Engine(SWITCH, FREESWITCH)
    story.engine.restore(calls)
    story.connect(legs=["alice", "bob"])
    assert every(Attach, story.asks(Verb.RESUME, "alice", request="r") + story.wait(NOT_YET)) == []
    assert len(every(Attach, story.wait(0.002))) == 1


def test_the_tracks_of_a_conference_wait_as_well_and_its_mix_longer() -> None:
    story = on_freeswitch()
    story.connect()
    for member in ("alice", "bob"):
        story.rings(member)
        story.answers(member)
    taps = every(Attach, story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE) + story.wait(1))
    for attach in taps:
        story.tap_up(attach.segment)
    story.asks(Verb.PAUSE, "alice", request="p")
    for attach in taps:
        story.tap_down(attach.segment)
    assert every(Attach, story.asks(Verb.RESUME, "alice", request="r") + story.wait(NOT_YET)) == []
    assert sorted(one.source.leg for one in every(Attach, story.wait(0.002))) == ["alice", "bob"]
    assert every(Attach, story.wait(FREESWITCH.mix_resume_after - NOT_YET - 0.01)) == []
    assert [one.source.bridge for one in every(Attach, story.wait(0.01))] == ["room"]


# ---- Hold -----------------------------------------------------------------------------------------------------------


def test_a_tap_ends_when_its_leg_holds_and_another_follows() -> None:
    story = on_freeswitch()
    first = story.talk()
    assert only(Detach, holds(story, "alice")).segment == first
    story.tap_down(first)
    assert every(Attach, story.wait(60)) == []
    assert story.recording().state is RecordingState.RECORDING
    second = only(Attach, holds(story, "alice", held=False)).segment
    story.tap_up(second)
    assert [segment.state for segment in story.segments()] == [SegmentState.DOWN, SegmentState.UP]
    assert len(story.row().recordings) == 1


def test_a_tap_goes_on_while_the_other_leg_holds() -> None:
    story = on_freeswitch()
    story.talk()
    assert [*every(Detach, holds(story, "bob")), *every(Attach, story.wait(5))] == []


def test_a_trunks_leg_is_tapped_through_a_hold_by_the_user() -> None:
    story = Story(says(True), trunks=["bob"], limits=FREESWITCH)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    attach = only(Attach, story.answers("bob") + story.answers("alice"))
    assert attach.source.leg == "bob"
    story.tap_up(attach.segment)
    assert every(Detach, holds(story, "alice")) == []


def test_on_asterisk_a_tap_goes_on_through_a_hold() -> None:
    story = Story(says(True))
    story.talk()
    assert every(Detach, holds(story, "alice")) == []


def test_a_hold_that_is_over_before_the_tap_has_ended_is_followed_by_a_new_tap() -> None:
    story = on_freeswitch()
    first = story.talk()
    holds(story, "alice")
    assert every(Attach, holds(story, "alice", held=False)) == []
    assert only(Attach, story.tap_down(first)).segment != first


def test_a_pause_during_a_hold_is_confirmed_at_once_and_outlasts_it() -> None:
    story = on_freeswitch()
    first = story.talk()
    holds(story, "alice")
    story.tap_down(first)
    assert only(Reply, story.asks(Verb.PAUSE, "alice")).answer is Answer.CONFIRMED
    assert every(Attach, holds(story, "alice", held=False) + story.wait(60)) == []
    assert story.row().pauses[0].state is PauseState.CONFIRMED


def test_a_resume_during_a_hold_waits_for_the_end_of_the_hold() -> None:
    story, _ = paused()
    holds(story, "alice")
    story.asks(Verb.RESUME, "alice", request="r")
    assert every(Attach, story.wait(60)) == []
    assert len(every(Attach, holds(story, "alice", held=False))) == 1


def test_a_call_that_ends_on_hold_is_finished() -> None:
    story = on_freeswitch()
    first = story.talk()
    holds(story, "alice")
    story.tap_down(first)
    effects = story.hangs_up("bob") + story.hangs_up("alice") + story.wait(60)
    assert len(every(Finish, effects)) == 1
    assert story.recording().state is RecordingState.PROCESSING


def test_who_was_held_when_the_service_came_back_is_not_tapped_until_it_talks() -> None:
    story = on_freeswitch()
    first = story.talk()
    story.disconnect()
    story.legs["alice"] = replace(story.legs["alice"], held=True)
    assert only(Detach, story.connect(legs=["alice", "bob"], taps=[first])).segment == first
    story.tap_down(first)
    assert len(every(Attach, holds(story, "alice", held=False))) == 1


# ---- What a FreeSWITCH does not need ---------------------------------------------------------------------------------


def test_no_tap_is_renewed_for_its_age_or_for_the_next_party() -> None:
    story = on_freeswitch()
    segment = story.talk()
    assert every(Attach, story.wait(36_000)) == []
    story.bridge("b1", "alice", "bob")
    story.rings("carol", "alice")
    story.answers("carol")
    told = story.bridge("b1", "alice") + story.bridge("b2", "alice", "carol") + story.wait(60)
    assert segment not in {detach.segment for detach in every(Detach, told)}


def test_a_feature_code_of_a_party_has_the_same_moment() -> None:
    story, _ = paused()
    story.asks(Verb.RESUME, "alice", actor=ActorKind.PARTY, leg="alice", request="r")
    assert every(Attach, story.wait(NOT_YET)) == []
