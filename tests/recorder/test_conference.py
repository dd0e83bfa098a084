"""Conferences: one conversation of many, whatever its members do before, in it and afterwards."""

import pytest

from policy.types import RecordingProfile
from recorder.effects import Adopt, Answer, Attach, Decide, Detach, Finish, Reply
from recorder.engine import Engine, Limits
from recorder.events import ActorKind, Adopted, BridgeIs, Verb
from recorder.model import Bridge, BridgeKind, CallKind, Direction, LegKind, Outcome, TrackFile
from recorder.states import CallState, RecordingState
from tests.recorder.story import SWITCH, Story, every, only, says


def room(story: Story, *members: str, name: str = "8001", profile: str = "") -> list[object]:
    """The conference has these members now."""
    return [*story.receive(BridgeIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), bridge=Bridge(
        id="room", kind=BridgeKind.CONFERENCE, name=name, profile=profile, members=frozenset(members))))]


def comes(story: Story, leg: str, *others: str) -> list[object]:
    """A user calls, is answered, and comes into the conference at once; all that this led to."""
    effects: list[object] = [*story.rings(leg), *story.answers(leg)]
    story.wait(0.01)
    return effects + room(story, leg, *others)


def attached(effects: list[object]) -> list[Attach]:
    return [effect for effect in effects if isinstance(effect, Attach)]


def detached(effects: list[object]) -> list[Detach]:
    return [effect for effect in effects if isinstance(effect, Detach)]


def talking(story: Story, *legs: str) -> dict[str, str]:
    """A conference of these, recorded; gives the segment of each member and of the mix ("")."""
    story.connect()
    wanted = []
    for number, leg in enumerate(legs):
        effects = comes(story, leg, *legs[:number])
        for gone in detached(effects):
            story.tap_down(gone.segment)
        wanted += [one for one in attached(effects) if one.source.directions != (Direction.IN, Direction.OUT)]
    for attach in wanted:
        story.tap_up(attach.segment)
    return {attach.source.leg: attach.segment for attach in wanted}


def test_a_mix_that_can_never_be_had_is_tried_once_and_the_members_are_recorded() -> None:
    story = Story(says(True))
    segments = talking(story, "alice", "bob")
    story.wait(5)
    assert attached([*story.tap_failed(segments[""], "the name cannot be joined", hopeless=True)]) == []
    assert attached([*story.wait(60)]) == []
    story.asks(Verb.PAUSE, "alice")
    for leg in ("alice", "bob"):
        story.tap_down(segments[leg])
    again = attached([*story.asks(Verb.RESUME, "alice")])
    assert sorted(one.source.leg for one in again) == ["alice", "bob"]


def test_a_members_own_call_becomes_part_of_the_conference() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob")
    story.wait(5)
    conference = story.row("room")
    for leg in ("alice", "bob"):
        row = story.row(leg)
        assert (row.state, row.outcome, row.merged_into) == (CallState.CLOSED, Outcome.NOT_WANTED, conference.id)
        assert conference.id in row.reason
    assert (conference.conference, conference.state) == ("8001", CallState.ANSWERED)


def test_the_moment_between_the_answer_and_the_conference_is_no_recording() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob")
    story.wait(5)
    assert [one.state for one in story.row("alice").recordings] == [RecordingState.EMPTY]
    assert every(Finish, story.effects) == []


def test_a_long_way_into_the_conference_is_a_recording_of_its_own() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    own = only(Attach, story.answers("alice")).segment
    story.tap_up(own)
    story.wait(30)
    room(story, "alice")
    assert only(Finish, story.tap_down(own)).call == story.row("alice").id


def test_recording_starts_when_the_second_member_comes() -> None:
    story = Story(says(True))
    story.connect()
    alone = comes(story, "alice")
    assert [one.source.directions for one in attached(alone)] == [(Direction.IN, Direction.OUT)]
    second = comes(story, "bob", "alice")
    tapped = {(one.source.leg, one.source.bridge) for one in attached(second)
              if one.source.directions != (Direction.IN, Direction.OUT)}
    assert tapped == {("alice", ""), ("bob", ""), ("", "room")}


def test_a_conference_that_nobody_else_came_into_says_so() -> None:
    story = Story(says(True))
    for gone in detached(comes_alone := [*story.connect(), *comes(story, "alice")]):
        story.tap_down(gone.segment)
    assert comes_alone
    story.hangs_up("alice")
    room(story)
    story.wait(5)
    row = story.row("room")
    assert (row.state, row.outcome, row.reason) == (
        CallState.CLOSED, Outcome.UNANSWERED, "nobody else came into the conference")


def test_the_first_member_is_the_caller_for_policy() -> None:
    story = Story(says(True))
    story.connect()
    comes(story, "zoe")
    comes(story, "alice", "zoe")
    asked = [one for one in every(Decide, story.effects) if one.call == story.row("room").id]
    assert {one.caller.id for one in asked} == {"zoe"}


def test_a_member_who_comes_again_within_a_moment_goes_on_in_the_same_recording() -> None:
    story = Story(says(True))
    taps = talking(story, "alice", "bob")
    room(story, "alice")
    for segment in taps.values():
        story.tap_down(segment)
    story.hangs_up("bob")
    story.wait(1)
    again = comes(story, "bob2", "alice")
    assert {one.call for one in attached(again) if one.source.directions == (Direction.MIX,)} == {story.row("room").id}
    assert len(story.row("room").recordings) == 1


def test_who_stays_behind_and_gets_company_later_is_in_a_new_conference() -> None:
    story = Story(says(True))
    taps = talking(story, "alice", "bob")
    room(story, "alice")
    story.hangs_up("bob")
    for segment in taps.values():
        story.tap_down(segment)
    story.wait(10)
    first = story.row("room")
    assert (first.state, first.outcome) == (CallState.CLOSED, Outcome.RECORDED)
    comes(story, "carol", "alice")
    second = [call for call in story.engine.calls() if call.kind is CallKind.CONFERENCE]
    assert [call.id == first.id for call in second] == [False]
    assert {leg.id for leg in second[0].up} == {"alice", "carol"}


@pytest.mark.parametrize("later", [0, 3])
def test_a_leg_that_leaves_a_conference_and_talks_to_somebody_is_a_call_of_its_own(later: float) -> None:
    story = Story(says(True))
    taps = talking(story, "alice", "bob", "carol")
    assert [one.segment for one in detached(room(story, "alice", "bob"))] == [taps["carol"]]
    story.tap_down(taps["carol"])
    story.wait(later)
    story.rings("dave", "carol")
    open_calls = [call for call in story.engine.calls() if call.kind is CallKind.CALL and call.ended is None]
    assert [{leg.id for leg in call.legs} for call in open_calls] == [{"carol", "dave"}]
    story.answers("dave")
    story.bridge("talk", "carol", "dave")
    (mine,) = [call for call in story.engine.calls()
               if call.kind is CallKind.CALL and call.state is CallState.ANSWERED]
    assert [leg.id for leg in mine.up] == ["carol", "dave"]
    assert mine.first_leg == "carol"
    assert {leg.id for leg in story.row("room").up} == {"alice", "bob"}


def test_a_leg_that_leaves_a_conference_and_goes_on_alone_is_a_call_after_a_moment() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob", "carol")
    room(story, "alice", "bob")
    assert [call.kind for call in story.engine.calls() if call.state is CallState.ANSWERED] == [CallKind.CONFERENCE]
    story.wait(3)
    mine = next(call for call in story.engine.calls() if call.kind is CallKind.CALL)
    assert [leg.id for leg in mine.up] == ["carol"]


def test_a_leg_that_leaves_a_conference_and_hangs_up_is_no_call() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob", "carol")
    room(story, "alice", "bob")
    story.hangs_up("carol")
    story.wait(10)
    assert [call.kind for call in story.engine.calls()] == [CallKind.CONFERENCE]


def test_a_conference_takes_one_of_two_out_of_their_call_and_the_other_goes_on() -> None:
    story = Story(says(True))
    segment = story.talk("alice", "bob")
    story.bridge("talk", "alice", "bob")
    story.bridge("talk", "bob")
    taken = room(story, "alice")
    assert [one.segment for one in detached(taken)] == [segment]
    row = story.row("alice")
    assert (row.merged_into, [leg.id for leg in row.up]) == (None, ["bob"])


def test_a_member_behind_a_local_channel_counts_and_our_own_does_not() -> None:
    story = Story(says(True))
    story.connect()
    comes(story, "alice")
    story.rings("local", kind=LegKind.LOCAL)
    story.answers("local")
    story.rings("ours", kind=LegKind.OWN)
    effects = room(story, "alice", "local", "ours")
    assert {one.source.leg for one in attached(effects)} == {"alice", "local", ""}


@pytest.mark.parametrize("verb", [Verb.START, Verb.STOP])
def test_what_a_member_asks_for_reaches_the_conference(verb: Verb) -> None:
    story = Story(says(verb is Verb.STOP, profile=RecordingProfile.OPTIONAL))
    talking(story, "alice", "bob")
    answer = only(Reply, story.asks(verb, "bob", actor=ActorKind.DIALPLAN, leg="bob"))
    assert answer.answer is Answer.DONE
    assert story.row("room").requested is (verb is Verb.START)


def test_who_asks_before_coming_in_has_asked_for_the_conference() -> None:
    story = Story(says(False, profile=RecordingProfile.OPTIONAL))
    story.connect()
    comes(story, "alice")
    story.rings("bob")
    story.answers("bob")
    story.asks(Verb.START, "bob", actor=ActorKind.DIALPLAN, leg="bob")
    story.decision = says(True, profile=RecordingProfile.OPTIONAL)
    assert {one.source.leg for one in attached(room(story, "alice", "bob"))} == {"alice", "bob", ""}


def test_a_conference_that_is_always_recorded_is_not_stopped_by_a_member() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob")
    answer = only(Reply, story.asks(Verb.STOP, "bob", actor=ActorKind.DIALPLAN, leg="bob"))
    assert answer.answer is Answer.REFUSED


def test_a_pause_that_was_asked_for_before_coming_in_keeps_the_conference_out() -> None:
    story = Story(says(True))
    story.connect()
    comes(story, "alice")
    story.rings("bob")
    story.answers("bob")
    story.asks(Verb.PAUSE, "bob")
    assert attached(room(story, "alice", "bob")) == []
    resumed = story.asks(Verb.RESUME, "bob", request="resume")
    assert {one.source.leg for one in every(Attach, resumed)} == {"alice", "bob", ""}


def test_a_conference_found_by_a_snapshot_is_followed_and_its_members_have_no_calls() -> None:
    story = Story(says(True))
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.answers(leg)
    fresh = Story(says(True))
    fresh.legs = story.legs
    effects = fresh.connect(legs=["alice", "bob"], bridges=[Bridge(
        id="room", kind=BridgeKind.CONFERENCE, name="board", members=frozenset({"alice", "bob"}))])
    assert {one.source.leg for one in every(Attach, effects)} == {"alice", "bob", ""}
    fresh.wait(5)
    assert [call.kind for call in fresh.engine.calls()] == [CallKind.CONFERENCE]


def taken_over(story: Story, effects: list[object], *, files: bool = True) -> None:
    """The switch's own file was looked for, and is there or not."""
    (asked,) = [effect for effect in effects if isinstance(effect, Adopt)]
    there = (TrackFile(direction=Direction.MIX, path=f"adopted/{asked.segment}-mix.wav"),) if files else ()
    story.receive(Adopted(switch=SWITCH, at=story.at, call=asked.call, segment=asked.segment, started=story.at - 5,
                          ended=story.at, files=there))


def ended(story: Story, *legs: str) -> list[object]:
    """A conference of these from its begin to its end; what the end led to."""
    taps = talking(story, *legs)
    room(story)
    for segment in taps.values():
        story.tap_down(segment)
    effects: list[object] = []
    for leg in legs:
        effects += story.hangs_up(leg)
    return effects + story.wait(3) + room(story)


def test_what_the_switch_recorded_by_itself_becomes_a_recording_beside_ours() -> None:
    story = Story(says(True), limits=Limits(adopts=True))
    ended(story, "alice", "bob")
    taken_over(story, list(story.effects))
    row = story.row("room")
    assert [recording.state for recording in row.recordings] == [RecordingState.PROCESSING] * 2
    assert row.recordings[1].segments[0].files[0].direction is Direction.MIX
    assert (row.state, row.outcome, len(every(Finish, story.effects))) == (CallState.CLOSED, Outcome.RECORDED, 2)


def test_it_is_taken_over_whatever_the_policy_says_and_the_row_says_so() -> None:
    story = Story(says(False), limits=Limits(adopts=True))
    ended(story, "alice", "bob")
    taken_over(story, list(story.effects))
    row = story.row("room")
    assert (row.outcome, row.reason) == (Outcome.RECORDED, "the switch recorded the conference by itself")
    assert row.decision is not None
    assert not row.decision.record


def test_without_a_file_the_row_is_closed_as_ever() -> None:
    story = Story(says(True), limits=Limits(adopts=True))
    ended(story, "alice", "bob")
    taken_over(story, list(story.effects), files=False)
    assert (story.row("room").state, len(story.row("room").recordings)) == (CallState.CLOSED, 1)


def test_the_row_waits_for_the_file_only_so_long() -> None:
    story = Story(says(True), limits=Limits(adopts=True))
    ended(story, "alice", "bob")
    assert story.row("room").state is CallState.ENDED
    story.wait(20)
    assert story.row("room").state is CallState.CLOSED


def test_while_somebody_is_left_the_switch_still_writes_and_nothing_is_taken() -> None:
    story = Story(says(True), limits=Limits(adopts=True))
    taps = talking(story, "alice", "bob")
    room(story, "alice")
    story.hangs_up("bob")
    for segment in taps.values():
        story.tap_down(segment)
    story.wait(60)
    assert every(Adopt, story.effects) == []
    story.hangs_up("alice")
    assert len([one for one in room(story) if isinstance(one, Adopt)]) == 1


def test_the_next_life_asks_again_for_a_file_that_nobody_told_of() -> None:
    story = Story(says(True), limits=Limits(adopts=True))
    ended(story, "alice", "bob")
    waiting = story.engine.calls()
    story.engine = Engine(SWITCH, Limits(adopts=True))
    story.engine.restore(waiting)
    assert len(every(Adopt, story.connect())) == 1
