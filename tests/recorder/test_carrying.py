"""Calls that go to a recording server, and into files while none takes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.types import Decision, RecordingTarget
from recorder.carrying import RESTARTED
from recorder.effects import Attach, Detach, Effect, Finish
from recorder.events import SessionIs, TapDown, Verb
from recorder.model import Carried, Direction, Session, Sink
from recorder.states import RecordingState, SegmentState, SessionState
from recorder.world import Limits
from tests.recorder.story import SWITCH, Story, every, only, says


def target(where: RecordingTarget) -> Decision:
    return replace(says(True), target=where)


def tells(story: Story, state: SessionState, *, session: str = "1@us", server: str = "main", cause: str = ""
          ) -> list[Effect]:
    """The sink tells of a session of the call's recording."""
    told = Session(id=session, server=server, state=state, asked=story.at, cause=cause)
    return story.receive(SessionIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(),
                                   recording=story.recording().id, session=told))


def talks(where: RecordingTarget, *, attached: int = 1, limits: Limits | None = None) -> tuple[Story, dict[Sink, str]]:
    """A call that is answered; the segments that were asked for, by sink."""
    story = Story(target(where), limits=limits)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    asked = every(Attach, story.answers("alice"))
    assert len(asked) == attached
    for one in asked:
        story.tap_up(one.segment)
    return story, {one.source.sink: one.segment for one in asked}


@pytest.mark.parametrize(("where", "sinks"), [
    (RecordingTarget.WAV, {Sink.FILE}), (RecordingTarget.SIPREC, {Sink.SERVER}),
    (RecordingTarget.BOTH, {Sink.FILE, Sink.SERVER}),
])
def test_a_call_is_tapped_once_for_each_place_that_its_audio_goes_to(where: RecordingTarget, sinks: set[Sink]) -> None:
    _, asked = talks(where, attached=len(sinks))
    assert set(asked) == sinks


def test_with_mixed_streams_a_server_gets_the_mix_of_the_same_leg_and_files_both_directions() -> None:
    story, asked = talks(RecordingTarget.BOTH, attached=2, limits=Limits(mixed_for_servers=True))
    sources = {sink: story.taps[segment].source for sink, segment in asked.items()}
    assert sources[Sink.SERVER].directions == (Direction.MIX,)
    assert sources[Sink.FILE].directions == (Direction.IN, Direction.OUT)
    assert (sources[Sink.SERVER].leg, sources[Sink.SERVER].bridge) == (sources[Sink.FILE].leg, "")


def test_with_mixed_streams_the_files_that_take_a_servers_place_have_both_directions() -> None:
    story, _ = talks(RecordingTarget.SIPREC, limits=Limits(mixed_for_servers=True))
    assert only(Attach, story.wait(1)).source.directions == (Direction.IN, Direction.OUT)


def test_with_mixed_streams_a_pause_ends_the_mix_and_a_resume_brings_the_next_one() -> None:
    story, asked = talks(RecordingTarget.SIPREC, limits=Limits(mixed_for_servers=True))
    tells(story, SessionState.UP)
    assert only(Detach, story.asks(Verb.PAUSE, "alice")).segment == asked[Sink.SERVER]
    story.tap_down(asked[Sink.SERVER])
    assert only(Attach, story.asks(Verb.RESUME, "alice")).source.directions == (Direction.MIX,)


def test_a_life_with_mixed_streams_ends_the_two_of_the_life_before() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    later = Story(target(RecordingTarget.SIPREC), limits=Limits(mixed_for_servers=True))
    later.clock, later.legs = story.clock + 1, story.legs
    later.engine.restore([story.row()])
    effects = later.connect(legs=["alice", "bob"], taps=[asked[Sink.SERVER]])
    assert only(Detach, effects).segment == asked[Sink.SERVER]
    effects += later.tap_down(asked[Sink.SERVER])
    assert only(Attach, effects).source.directions == (Direction.MIX,)


def test_a_call_that_a_server_takes_in_time_is_in_no_file() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    story.wait(0.9)
    assert tells(story, SessionState.UP) == []
    assert every(Attach, story.wait(60)) == []


def test_while_no_server_takes_a_call_it_goes_into_a_file() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.TRYING)
    file = only(Attach, story.wait(1))
    assert file.source.sink is Sink.FILE
    story.tap_up(file.segment)
    assert only(Detach, tells(story, SessionState.UP)).segment == file.segment
    story.tap_down(file.segment)
    assert every(Attach, story.wait(60)) == []


def test_a_session_that_is_lost_and_not_replaced_leads_into_a_file() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.UP)
    story.wait(30)
    tells(story, SessionState.OVER, cause="the server ended it")
    assert every(Attach, story.wait(0.5)) == []
    tells(story, SessionState.TRYING, session="2@us", server="second")
    assert only(Attach, story.wait(0.6)).source.sink is Sink.FILE


def test_a_session_that_is_replaced_at_once_leads_into_no_file() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.UP)
    story.wait(30)
    tells(story, SessionState.OVER)
    story.wait(0.5)
    tells(story, SessionState.UP, session="2@us", server="second")
    assert every(Attach, story.wait(60)) == []
    assert [one.server for one in story.recording().sessions] == ["main", "second"]


def test_a_pause_ends_both_taps_and_starts_no_file() -> None:
    story, asked = talks(RecordingTarget.BOTH, attached=2)
    gone = every(Detach, story.asks(Verb.PAUSE, "alice"))
    assert {one.segment for one in gone} == set(asked.values())
    for one in gone:
        story.tap_down(one.segment)
    assert every(Attach, story.wait(60)) == []


def test_a_pause_in_a_call_without_a_server_ends_its_file_too() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    file = only(Attach, story.wait(1)).segment
    story.tap_up(file)
    gone = {one.segment for one in every(Detach, story.asks(Verb.PAUSE, "alice"))}
    assert gone == {file, asked[Sink.SERVER]}
    for one in gone:
        story.tap_down(one)
    story.wait(5)
    again = every(Attach, story.asks(Verb.RESUME, "alice"))
    assert {one.source.sink for one in again} == {Sink.FILE, Sink.SERVER}


def test_a_failed_tap_of_one_sink_does_not_hold_up_the_other() -> None:
    story = Story(target(RecordingTarget.BOTH))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    by_sink = {one.source.sink: one.segment for one in every(Attach, story.answers("alice"))}
    story.tap_failed(by_sink[Sink.SERVER], "no port is free", hopeless=True)
    story.tap_up(by_sink[Sink.FILE])
    assert every(Attach, story.wait(60)) == []
    assert [one.state for one in story.segments() if one.source.sink is Sink.FILE] == [SegmentState.UP]


def test_what_a_server_was_sent_stands_in_the_segment() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.UP)
    story.wait(10)
    sent = Carried(session="1@us", direction=Direction.IN, first=story.at - 10, last=story.at, received=500, sent=500)
    story.hangs_up("bob")
    story.hangs_up("alice")
    effects = story.receive(TapDown(switch=SWITCH, at=story.at, sequence=story.next_sequence(), cause="hangup",
                                    segment=asked[Sink.SERVER], ended=story.at, carried=(sent,)))
    assert only(Finish, effects).recording == story.recording().id
    assert story.segments()[0].carried == (sent,)
    assert story.recording().state is RecordingState.PROCESSING


def test_a_finished_recording_has_no_session_that_goes_on_whatever_is_told_later() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.UP)
    story.wait(5)
    story.hangs_up("bob")
    story.hangs_up("alice")
    assert every(Finish, story.tap_down(asked[Sink.SERVER], "hangup"))
    (session,) = story.recording().sessions
    assert (session.state, session.ended) == (SessionState.OVER, story.recording().ended)


def test_a_session_that_is_over_stays_so() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.OVER, cause="the server has ended it")
    tells(story, SessionState.UP)
    assert [one.state for one in story.recording().sessions] == [SessionState.OVER]


def test_after_a_restart_of_the_service_the_old_taps_go_and_new_ones_come() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    tells(story, SessionState.UP)
    story.wait(5)
    later = Story(target(RecordingTarget.SIPREC))
    later.clock, later.legs = story.clock + 1, story.legs
    later.engine.restore([story.row()])
    assert only(Detach, later.connect(legs=["alice", "bob"], taps=[asked[Sink.SERVER]])).segment == asked[Sink.SERVER]
    assert only(Attach, later.tap_down(asked[Sink.SERVER])).source.sink is Sink.SERVER
    (old,) = later.recording().sessions
    assert (old.state, old.cause) == (SessionState.OVER, RESTARTED)
    assert later.segments()[0].cause == RESTARTED


def test_after_a_restart_of_the_service_a_file_goes_on() -> None:
    story, asked = talks(RecordingTarget.BOTH, attached=2)
    later = Story(target(RecordingTarget.BOTH))
    later.clock, later.legs = story.clock + 1, story.legs
    later.engine.restore([story.row()])
    assert only(Detach, later.connect(legs=["alice", "bob"], taps=asked.values())).segment == asked[Sink.SERVER]
    later.tap_down(asked[Sink.SERVER])
    assert [one.state for one in later.segments() if one.source.sink is Sink.FILE] == [SegmentState.UP]
