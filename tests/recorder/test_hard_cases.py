"""The cases that break recorders, each told to the pure engine."""

from __future__ import annotations

from collections.abc import Sized

from recorder.effects import Answer, Attach, Detach, Finish, Reply
from recorder.engine import Engine
from recorder.events import ActorKind, Decided, Tick, Verb
from recorder.model import Bridge, BridgeKind, CallKind, Direction, LegKind, Outcome, Then
from recorder.states import CallState, PauseState, RecordingState, SegmentState
from tests.recorder.story import SWITCH, Story, every, only, says


def test_pause_while_an_attach_is_in_flight_ends_that_tap_and_confirms_only_then() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    asked = story.asks(Verb.PAUSE, "alice")
    assert only(Detach, asked).segment == segment
    assert every(Reply, asked) == []
    assert every(Reply, story.tap_up(segment)) == []
    assert only(Reply, story.tap_down(segment)).answer is Answer.CONFIRMED
    assert every(Attach, story.wait(60)) == []


def test_everything_read_again_while_an_attach_is_under_way_leaves_it_alone() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    segment = only(Attach, story.answers("alice")).segment
    effects = story.connect(legs=("alice", "bob"), coming=(segment,))
    assert every(Detach, effects) == []
    story.tap_up(segment)
    assert [one.id for one in story.recording().segments] == [segment]


def test_a_pause_is_confirmed_by_the_end_of_the_tap_and_by_nothing_else() -> None:
    story = Story(says(True))
    segment = story.talk()
    assert every(Reply, story.asks(Verb.PAUSE, "alice")) == []
    assert only(Reply, story.tap_down(segment)).answer is Answer.CONFIRMED
    assert story.row().pauses[0].state is PauseState.CONFIRMED
    assert story.recording().state is RecordingState.PAUSED


def test_a_pause_that_the_switch_does_not_confirm_is_forced_flagged_and_told() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    effects = story.wait(0.26)
    assert only(Detach, effects).destroy
    assert only(Reply, effects).answer is Answer.FORCED
    assert story.segments()[0].forced
    assert story.row().pauses[0].state is PauseState.FORCED
    story.tap_down(segment)
    assert len(every(Reply, story.effects)) == 1


def test_resume_is_a_new_tap_after_the_old_one_is_gone() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    assert every(Attach, story.asks(Verb.RESUME, "alice", request="r2")) == []
    attach = only(Attach, story.tap_down(segment) + story.wait(1))
    assert attach.segment != segment


def test_pause_while_the_switch_is_down_ends_the_tap_at_once_when_it_is_back() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.disconnect()
    story.asks(Verb.PAUSE, "alice")
    answers = every(Reply, story.wait(1))
    assert [reply.answer for reply in answers] == [Answer.FORCED]
    effects = story.connect(legs=["alice", "bob"], taps=[segment])
    assert only(Detach, effects).segment == segment
    assert every(Attach, effects) == []


def test_a_tap_is_not_given_up_as_lost_while_the_switch_cannot_be_seen() -> None:
    story = Story(says(True))
    story.talk()
    story.disconnect()
    story.asks(Verb.PAUSE, "alice")
    story.wait(600)
    assert story.segments()[0].state is SegmentState.DETACHING


def test_killed_while_paused_the_next_life_does_not_tap_again() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    story.tap_down(segment)
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    assert every(Attach, story.connect(legs=["alice", "bob"]) + story.wait(600)) == []
    assert only(Attach, story.asks(Verb.RESUME, "alice")).segment != segment


def test_killed_between_the_pause_and_its_detach_the_next_life_ends_the_tap() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    effects = story.connect(legs=["alice", "bob"], taps=[segment])
    assert only(Detach, effects).segment == segment
    assert every(Attach, effects) == []


def test_killed_in_a_call_the_next_life_goes_on_with_the_same_tap() -> None:
    story = Story(says(True))
    segment = story.talk()
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    effects = story.connect(legs=["alice", "bob"], taps=[segment])
    assert [*every(Attach, effects), *every(Detach, effects)] == []
    story.tap_down(segment)
    assert len(every(Finish, [*story.hangs_up("bob"), *story.hangs_up("alice")])) == 1


def test_a_call_that_ended_while_we_were_dead_is_finished_by_the_next_life() -> None:
    story = Story(says(True))
    story.talk()
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    assert len(every(Finish, story.connect())) == 1
    assert story.segments()[0].state is SegmentState.LOST
    assert story.row().state is CallState.CLOSED


def test_a_pause_covers_every_tap_that_can_hear_the_leg() -> None:
    story = Story(says(True))
    story.connect()
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.tap_up(only(Attach, story.answers(leg)).segment)
    joined = story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    left = every(Detach, joined)
    assert {effect.source.leg for effect in left} == {"alice", "bob"}
    for attach in every(Attach, joined):
        story.tap_up(attach.segment)
    paused = every(Detach, story.asks(Verb.PAUSE, "alice"))
    heard = {(effect.source.leg, effect.source.bridge) for effect in paused}
    assert heard == {("alice", ""), ("bob", ""), ("", "room")}
    # The taps that they came with are on their way out, and hear the conference until they are gone.
    replies = [reply for detach in (*paused, *left) for reply in every(Reply, story.tap_down(detach.segment))]
    assert [reply.answer for reply in replies] == [Answer.CONFIRMED]


def test_transfer_while_paused_stays_paused() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = story.talk("trunk", "bob")
    story.asks(Verb.PAUSE, "bob")
    story.tap_down(segment)
    story.transferred("bob", "trunk")
    story.hangs_up("bob")
    story.rings("carol", "trunk")
    assert every(Attach, story.answers("carol") + story.wait(30)) == []
    assert only(Attach, story.asks(Verb.RESUME, "trunk", request="r2")).source.leg == "trunk"


def test_a_blind_transfer_is_one_recording_on_the_leg_that_stays() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = story.talk("trunk", "bob")
    story.transferred("bob", "trunk")
    story.hangs_up("bob")
    story.wait(20)
    story.rings("carol", "trunk")
    story.answers("carol")
    assert every(Detach, story.effects) == []
    story.tap_down(segment)
    assert len(every(Finish, [*story.hangs_up("carol"), *story.hangs_up("trunk")])) == 1
    assert len(story.rows) == 1


def test_when_the_tapped_party_hands_over_and_leaves_the_tap_moves_to_who_stays() -> None:
    story = Story(says(True))
    segment = story.talk("alice", "bob")
    handed = story.transferred("alice", "bob")
    assert only(Detach, handed).segment == segment
    assert (only(Attach, handed).source.leg, story.segments()[1].side) == ("bob", "callee")


def test_two_owners_of_a_pause_both_have_to_give_it_back() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", owner="ivr", request="p1")
    story.tap_down(segment)
    assert only(Reply, story.asks(Verb.PAUSE, "alice", owner="agent", request="p2")).answer is Answer.CONFIRMED
    assert every(Attach, story.asks(Verb.RESUME, "alice", owner="ivr", request="r1") + story.wait(5)) == []
    assert len(every(Attach, story.asks(Verb.RESUME, "alice", owner="agent", request="r2"))) == 1


def test_a_pause_may_end_the_recording_after_its_longest_time() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", longest=30.0, then=Then.STOP)
    story.tap_down(segment)
    story.wait(31)
    assert len(every(Attach, story.effects)) == 1
    assert story.recording().ended is not None
    (order,) = story.row().orders
    assert (order.verb, order.actor, order.reason) == ("stop", "operator", "the pause of operator was over")


def test_the_row_says_who_had_the_recording_stopped_and_nothing_of_who_was_refused() -> None:
    story = Story(says(True))
    story.talk()
    story.asks(Verb.STOP, "alice", actor=ActorKind.PARTY, leg="alice")
    story.asks(Verb.STOP, "alice", request="r2")
    (order,) = story.row().orders
    assert (order.verb, order.actor, order.at) == ("stop", "operator", story.at)


def test_a_party_that_presses_keys_for_ever_fills_no_row() -> None:
    story = Story(says(True))
    story.talk()
    for number in range(150):
        story.asks(Verb.STOP, "alice", request=f"stop {number}")
        story.asks(Verb.START, "alice", request=f"start {number}")
        story.wait(1)
    assert len(story.row().orders) == 100


def test_a_trunk_that_joins_later_controls_nothing() -> None:
    story = Story(says(True), trunks=["mobile"])
    story.talk("alice", "bob")
    story.rings("mobile", "alice")
    story.answers("mobile")
    effects = story.asks(Verb.PAUSE, "mobile", actor=ActorKind.PARTY, leg="mobile")
    assert only(Reply, effects).answer is Answer.REFUSED


def test_a_pause_ends_by_itself_after_its_longest_time() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice", longest=30.0)
    story.tap_down(segment)
    assert every(Attach, story.wait(29)) == []
    assert len(every(Attach, story.wait(2))) == 1


def test_the_outside_party_may_not_pause() -> None:
    story = Story(says(True), trunks=["trunk"])
    story.talk("trunk", "bob")
    effects = story.asks(Verb.PAUSE, "trunk", actor=ActorKind.PARTY, leg="trunk")
    assert only(Reply, effects).answer is Answer.REFUSED
    assert every(Detach, effects) == []


def test_a_user_cannot_stop_what_policy_records_always_but_an_operator_can() -> None:
    story = Story(says(True))
    segment = story.talk()
    refused = story.asks(Verb.STOP, "alice", actor=ActorKind.PARTY, leg="alice")
    assert only(Reply, refused).answer is Answer.REFUSED
    assert only(Detach, story.asks(Verb.STOP, "alice", request="r2")).segment == segment
    assert len(every(Finish, story.tap_down(segment))) == 1


def test_a_new_boot_ends_the_old_calls_and_their_taps() -> None:
    story = Story(says(True))
    story.talk()
    story.disconnect()
    assert len(every(Finish, story.connect(boot="boot-2"))) == 1
    assert story.segments()[0].cause == "the switch restarted"
    assert story.row().outcome is Outcome.RECORDED


def test_hangup_before_the_decision_still_leaves_a_row_with_the_decision() -> None:
    story = Story(None)
    story.connect()
    story.rings("alice")
    story.hangs_up("alice")
    call = story.row().id
    story.receive(Decided(switch=SWITCH, at=story.at, call=call, decision=says(True)))
    story.wait(5)
    assert story.row().decision == says(True)
    assert story.row().outcome is Outcome.UNANSWERED


def test_two_calls_that_merge_become_one_recording() -> None:
    story = Story(says(True), trunks=["trunk"])
    first = story.talk("trunk", "bob")
    story.wait(1)
    story.rings("bob2")
    story.rings("carol", "bob2")
    story.answers("carol")
    second = only(Attach, story.answers("bob2")).segment
    story.tap_up(second)
    merged = story.bridge("talk", "trunk", "carol")
    story.hangs_up("bob")
    story.hangs_up("bob2")
    story.tap_down(second)
    story.wait(10)
    assert [detach.segment for detach in every(Detach, merged)] == [second]
    assert story.row("bob2").merged_into == story.row("trunk").id
    assert story.row("bob2").state is CallState.CLOSED
    assert [segment.state for segment in story.segments("trunk")] == [SegmentState.UP]
    story.tap_down(first)
    assert len(every(Finish, story.hangs_up("carol") + story.hangs_up("trunk"))) == 1


def test_what_one_call_keeps_out_the_merged_call_keeps_out() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = story.talk("trunk", "bob")
    story.wait(1)
    story.rings("bob2")
    story.rings("carol", "bob2")
    story.answers("carol")
    story.answers("bob2")
    story.asks(Verb.PAUSE, "carol")
    assert only(Detach, story.bridge("talk", "trunk", "carol")).segment == segment


def test_an_attended_transfer_that_fails_leaves_the_first_call_as_it_was() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = story.talk("trunk", "bob")
    story.rings("bob2")
    story.rings("carol", "bob2")
    story.hangs_up("carol")
    story.hangs_up("bob2")
    story.wait(10)
    assert every(Detach, story.effects) == []
    assert story.row("bob2").outcome is Outcome.UNANSWERED
    story.tap_down(segment)
    assert len(every(Finish, story.hangs_up("bob") + story.hangs_up("trunk"))) == 1


def test_a_leg_that_replaces_another_takes_its_place_in_the_call() -> None:
    story = Story(says(True), trunks=["trunk"])
    story.talk("trunk", "bob")
    story.rings("carol")
    story.answers("carol")
    story.replaced("bob", "carol")
    story.hangs_up("bob")
    story.wait(10)
    assert story.row("trunk").state is CallState.ANSWERED
    assert story.row("carol").merged_into == story.row("trunk").id


def test_a_conference_shrinking_from_three_to_one_ends_when_one_of_the_last_two_leaves() -> None:
    story = Story(says(True))
    story.connect()
    for leg in ("alice", "bob", "carol"):
        story.rings(leg)
        story.answers(leg)
    story.effects.clear()
    effects = story.bridge("room", "alice", "bob", "carol", kind=BridgeKind.CONFERENCE)
    joined = every(Attach, effects)
    for own in every(Detach, effects):
        story.tap_down(own.segment)
    assert sorted(attach.source.directions[0] for attach in joined) == [Direction.IN] * 3 + [Direction.MIX]
    for attach in joined:
        story.tap_up(attach.segment)
    left = story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    assert [effect.source.leg for effect in every(Detach, left)] == ["carol"]
    ended = story.bridge("room", "alice", kind=BridgeKind.CONFERENCE)
    assert len(every(Detach, ended)) == 3
    for effect in (*every(Detach, left), *every(Detach, ended)):
        story.tap_down(effect.segment)
    assert len(every(Finish, story.wait(5))) == 1


def test_our_own_member_does_not_keep_a_conference_going() -> None:
    story = Story(says(True))
    story.connect()
    for leg in ("alice", "bob"):
        story.rings(leg)
        story.answers(leg)
    story.effects.clear()
    story.bridge("room", "alice", "bob", "our-quiet-member", kind=BridgeKind.CONFERENCE)
    story.bridge("room", "alice", "our-quiet-member", kind=BridgeKind.CONFERENCE)
    story.wait(5)
    conference = next(call for call in story.rows.values() if call.kind is CallKind.CONFERENCE)
    assert conference.state is not CallState.ANSWERED


def test_the_taps_of_who_had_the_switch_before_us_are_ended_since_no_pause_of_ours_would_end_them() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.disconnect()
    effects = story.connect(legs=["alice", "bob"], taps=[segment, "somebody-else.0"])
    assert effects == [only(Detach, effects)]
    assert only(Detach, effects).segment == "somebody-else.0"


def test_a_bridge_that_comes_back_with_the_same_members_changes_nothing() -> None:
    story = Story(says(True))
    story.talk()
    story.bridge("talk", "alice", "bob")
    before = story.row()
    assert story.bridge("talk", "alice", "bob") == []
    assert story.row() == before


def test_a_tick_too_many_does_no_harm() -> None:
    story = Story(says(True))
    story.talk()
    before = story.row()
    assert story.receive(Tick(switch=SWITCH, at=story.at)) == []
    assert story.row() == before


def test_memory_does_not_grow_with_the_calls_that_are_over() -> None:
    story = Story(says(False))
    story.connect()
    for number in range(200):
        story.rings(f"leg-{number}")
        story.bridge(f"talk-{number}", f"leg-{number}")
        story.bridge(f"talk-{number}")
        story.hangs_up(f"leg-{number}")
        story.wait(100)
    world = story.engine._world
    held: tuple[Sized, ...] = (world.legs, world.calls, world.calls_of, world.gone, world.seen, world.conferences,
                               world.bridges, world.recordings, world.early)
    assert sum(len(memory) for memory in held) < 10


def test_a_bridge_of_a_snapshot_is_followed() -> None:
    story = Story(says(True))
    story.talk()
    story.disconnect()
    room = Bridge(id="talk", kind=BridgeKind.MIXING, members=frozenset({"alice", "bob"}))
    segment = story.segments()[0].id
    assert story.connect(legs=["alice", "bob"], bridges=[room], taps=[segment]) == []


def test_half_of_a_local_channel_that_is_told_late_has_a_decision_like_every_row() -> None:
    story = Story(says(True))
    story.connect()
    story.hangs_up("local")
    story.rings("local", kind=LegKind.LOCAL)
    story.wait(5)
    row = story.row("local")
    assert (row.state, row.outcome) == (CallState.CLOSED, Outcome.UNANSWERED)
    assert row.decision is not None
