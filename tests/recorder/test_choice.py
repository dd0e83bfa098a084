"""Asking for the decision before the answer, and what the caller may choose under profile optional."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.types import RecordingProfile
from recorder.effects import Answer, Attach, Decide, Detach, Effect, Finish, Mark, Release, Reply
from recorder.events import ActorKind, Decided, LegIs, Verb
from recorder.model import LegKind, Outcome
from recorder.states import CallState, PauseState, RecordingState
from tests.recorder.story import SWITCH, Story, every, only, optional, says

SKIP = says(False, profile=RecordingProfile.SKIP)


def rings(story: Story, leg: str, choice: bool | None, origin: str | None = None) -> list[Effect]:
    """A leg appears whose dialplan says something about its wish."""
    story.rings(leg, origin)
    return dialplan_says(story, leg, choice)


def dialplan_says(story: Story, leg: str, choice: bool | None) -> list[Effect]:
    story.legs[leg] = replace(story.legs[leg], choice=choice)
    return story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=story.legs[leg]))


def connected(story: Story, choice: bool | None = None) -> None:
    """Alice and Bob talk, and whatever tap was asked for is up."""
    story.connect()
    rings(story, "alice", choice)
    story.rings("bob", "alice")
    story.answers("bob")
    for attach in every(Attach, story.answers("alice")):
        story.tap_up(attach.segment)


def presses(story: Story, verb: Verb, leg: str) -> list[Effect]:
    """A party asks, by a feature code."""
    return story.asks(verb, leg, actor=ActorKind.PARTY, leg=leg, owner=leg)


def answered(effects: list[Effect]) -> tuple[Answer, str]:
    reply = only(Reply, effects)
    return reply.answer, reply.message


# ---- Asking for the decision ---------------------------------------------------------------------------------------


def test_a_leg_that_waits_is_let_go_with_its_decision_in_the_same_breath() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    released = only(Release, story.waits_for_decision("alice"))
    assert (released.leg, released.inside) == ("alice", True)
    assert released.variables["RECORDER_DECISION"] == "record"
    assert released.variables["RECORDER_RULE"] == "user"
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    assert released.variables["RECORDER_ID"] == story.recording().id


@pytest.mark.parametrize("inside", [True, False])
def test_what_a_leg_waited_for_in_its_dialplan_is_not_told_again_by_a_mark(inside: bool) -> None:
    story = Story(None)
    story.connect()
    asked = only(Decide, story.rings("alice"))
    story.waits_for_decision("alice", inside=inside)
    told = story.receive(Decided(switch=SWITCH, at=story.at, call=asked.call, decision=says(True)))
    assert len(every(Release, told)) == 1
    assert len(every(Mark, told)) == inside


def test_a_leg_can_wait_a_second_time() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    first = only(Release, story.waits_for_decision("alice"))
    assert only(Release, story.waits_for_decision("alice")).variables == first.variables


def test_a_decision_that_comes_after_the_leg_was_let_go_is_told_by_a_mark() -> None:
    story = Story(None)
    story.connect()
    asked = only(Decide, story.rings("alice"))
    story.waits_for_decision("alice")
    assert only(Release, story.wait(0.1)).variables["RECORDER_DECISION"] == "unknown"
    told = story.receive(Decided(switch=SWITCH, at=story.at, call=asked.call, decision=says(False)))
    assert only(Mark, told).variables["RECORDER_DECISION"] == "skip"


def test_a_leg_that_policy_is_not_asked_about_is_let_go_at_once() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("loop", kind=LegKind.LOCAL)
    assert only(Release, story.waits_for_decision("loop")).variables["RECORDER_DECISION"] == "unknown"


def test_a_leg_that_hangs_up_while_it_waits_is_forgotten() -> None:
    story = Story(None)
    story.connect()
    story.rings("alice")
    story.waits_for_decision("alice")
    assert every(Release, [*story.hangs_up("alice"), *story.wait(5)]) == []
    assert story.engine.next_deadline() is None


def test_a_leg_that_stayed_after_its_call_asks_about_its_next_call() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.hangs_up("bob")
    story.tap_down(segment)
    story.wait(5)
    assert story.row().state is CallState.CLOSED
    released = only(Release, story.waits_for_decision("alice"))
    assert released.call != story.row().id
    second = only(Attach, story.effects[-5:])
    assert second.call == released.call


def test_a_choice_at_the_question_is_the_callers_choice() -> None:
    story = Story(optional)
    story.connect()
    story.rings("alice")
    assert only(Release, story.waits_for_decision("alice")).variables["RECORDER_DECISION"] == "skip"
    assert only(Release, story.waits_for_decision("alice", True)).variables["RECORDER_DECISION"] == "record"
    assert only(Release, story.waits_for_decision("alice", False)).variables["RECORDER_DECISION"] == "skip"


def test_a_leg_may_wait_in_its_dialplan_instead() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    assert not only(Release, story.waits_for_decision("alice", inside=False)).inside


# ---- The caller's choice -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "recorded"), [(True, True), (False, False), (None, False)])
def test_under_optional_the_callers_dialplan_chooses(choice: bool | None, recorded: bool) -> None:
    story = Story(optional)
    connected(story, choice)
    assert bool(story.row().recordings) is recorded


def test_what_the_callees_dialplan_says_does_not_count() -> None:
    story = Story(optional)
    story.connect()
    story.rings("alice")
    rings(story, "bob", True, "alice")
    story.answers("bob")
    assert every(Attach, story.answers("alice")) == []


def test_the_newest_word_counts_and_an_old_one_said_again_does_not() -> None:
    story = Story(optional)
    story.connect()
    rings(story, "alice", True)
    assert only(Mark, presses(story, Verb.STOP, "alice")).variables["RECORDER_DECISION"] == "skip"
    assert every(Mark, dialplan_says(story, "alice", True)) == []
    assert only(Mark, presses(story, Verb.START, "alice")).variables["RECORDER_DECISION"] == "record"
    assert only(Mark, dialplan_says(story, "alice", False)).variables["RECORDER_DECISION"] == "skip"


def test_a_start_before_the_answer_records_from_the_answer() -> None:
    story = Story(optional)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    assert answered(presses(story, Verb.START, "alice")) == (Answer.DONE, "the recording starts")
    story.answers("bob")
    assert len(every(Attach, story.answers("alice"))) == 1


def test_a_start_in_the_middle_records_from_then_on_and_a_stop_ends_it() -> None:
    story = Story(optional)
    connected(story)
    story.wait(10)
    segment = only(Attach, presses(story, Verb.START, "alice")).segment
    story.tap_up(segment)
    began = story.at
    story.wait(10)
    assert only(Detach, presses(story, Verb.STOP, "alice")).segment == segment
    assert only(Finish, story.tap_down(segment)).recording == story.recording().id
    assert (story.recording().started, story.recording().state) == (began, RecordingState.PROCESSING)


def test_a_later_start_makes_a_second_recording_and_its_id_is_told() -> None:
    story = Story(optional)
    connected(story, True)
    first = story.recording()
    presses(story, Verb.STOP, "alice")
    story.tap_down(first.segments[0].id)
    told = presses(story, Verb.START, "alice")
    second = story.recording()
    assert second.id != first.id
    assert only(Mark, told).variables["RECORDER_ID"] == second.id
    story.tap_up(only(Attach, told).segment)
    story.tap_down(second.segments[0].id)
    ends = [*story.hangs_up("bob"), *story.hangs_up("alice")]
    assert only(Finish, ends).recording == second.id
    assert [one.state for one in story.row().recordings] == [RecordingState.PROCESSING] * 2
    assert story.row().outcome is Outcome.RECORDED


def test_a_stop_is_told_to_the_dialplan() -> None:
    story = Story(optional)
    connected(story, True)
    assert only(Mark, presses(story, Verb.STOP, "alice")).variables == {
        "RECORDER_DECISION": "skip", "RECORDER_RULE": "user", "RECORDER_ID": ""}


def test_the_end_of_a_call_changes_nothing_that_was_told() -> None:
    story = Story(says(True))
    segment = story.talk()
    ends = [*story.hangs_up("bob"), *story.tap_down(segment), *story.wait(5)]
    assert every(Mark, ends) == []


@pytest.mark.parametrize("verb", [Verb.START, Verb.STOP])
def test_the_other_party_may_neither_start_nor_stop(verb: Verb) -> None:
    story = Story(optional)
    connected(story, verb is Verb.STOP)
    answer, why = answered(presses(story, verb, "bob"))
    assert answer is Answer.REFUSED
    assert "caller" in why


def test_an_operator_may_start_and_stop_where_the_caller_may() -> None:
    story = Story(optional)
    connected(story)
    segment = only(Attach, story.asks(Verb.START, "alice")).segment
    story.tap_up(segment)
    assert only(Detach, story.asks(Verb.STOP, "alice")).segment == segment


def test_a_stop_before_the_answer_is_taken() -> None:
    story = Story(optional)
    story.connect()
    rings(story, "alice", True)
    story.rings("bob", "alice")
    assert answered(presses(story, Verb.STOP, "alice"))[0] is Answer.DONE
    story.answers("bob")
    assert every(Attach, story.answers("alice")) == []


def test_what_policy_always_records_no_party_can_stop_and_an_operator_can() -> None:
    story = Story(says(True))
    segment = story.talk()
    assert answered(presses(story, Verb.STOP, "alice"))[0] is Answer.REFUSED
    assert only(Detach, story.asks(Verb.STOP, "alice")).segment == segment
    story.tap_down(segment)
    assert "only an operator" in answered(presses(story, Verb.START, "alice"))[1]
    assert len(every(Attach, story.asks(Verb.START, "alice"))) == 1


def test_an_operator_may_stop_before_anything_was_recorded_and_the_row_says_so() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.asks(Verb.STOP, "alice")
    story.rings("bob", "alice")
    story.answers("bob")
    assert every(Attach, story.answers("alice")) == []
    story.hangs_up("bob")
    story.hangs_up("alice")
    story.wait(5)
    assert (story.row().outcome, story.row().reason) == (
        Outcome.NOT_WANTED, "it was stopped before anything was recorded")


@pytest.mark.parametrize("actor", ActorKind)
def test_what_policy_skips_nobody_can_start(actor: ActorKind) -> None:
    story = Story(SKIP)
    connected(story, True)
    answer, why = answered(story.asks(Verb.START, "alice", actor=actor, leg="alice"))
    assert answer is Answer.REFUSED
    assert why.startswith("policy does not allow it")


def test_a_start_that_policy_does_not_grant_is_refused_the_second_time() -> None:
    story = Story(says(False, profile=RecordingProfile.OPTIONAL))
    connected(story)
    presses(story, Verb.START, "alice")
    assert answered(presses(story, Verb.START, "alice"))[0] is Answer.REFUSED


# ---- With pauses, transfers, another life --------------------------------------------------------------------------


def test_a_stop_in_a_pause_is_not_undone_by_the_resume() -> None:
    story = Story(optional)
    connected(story, True)
    story.asks(Verb.PAUSE, "alice")
    story.tap_down(story.segments()[0].id)
    presses(story, Verb.STOP, "alice")
    resumed = story.asks(Verb.RESUME, "alice")
    assert every(Attach, resumed) == []
    assert answered(resumed)[1] == "the pause is over; the call is not being recorded"
    assert story.row().pauses[0].state is PauseState.RESUMED


def test_a_start_in_a_pause_waits_for_the_resume_and_says_so() -> None:
    story = Story(optional)
    connected(story, True)
    story.asks(Verb.PAUSE, "alice")
    story.tap_down(story.segments()[0].id)
    presses(story, Verb.STOP, "alice")
    started = presses(story, Verb.START, "alice")
    assert every(Attach, started) == []
    assert answered(started) == (Answer.DONE, "still paused by operator")
    assert len(every(Attach, story.asks(Verb.RESUME, "alice"))) == 1
    assert len(story.row().recordings) == 2


def test_a_transfer_keeps_what_the_caller_chose() -> None:
    story = Story(optional)
    connected(story)
    presses(story, Verb.START, "alice")
    story.tap_up(story.segments()[0].id)
    story.effects.clear()
    story.transferred("bob", "alice")
    story.rings("carol", "alice")
    story.hangs_up("bob")
    story.answers("carol")
    assert every(Decide, story.effects) == []
    assert story.recording().ended is None
    presses(story, Verb.STOP, "alice")
    assert story.recording().ended is not None


def test_who_takes_over_from_the_caller_does_not_choose() -> None:
    story = Story(optional)
    connected(story)
    story.transferred("alice", "bob")
    story.rings("carol", "bob")
    story.hangs_up("alice")
    story.answers("carol")
    assert every(Attach, story.effects) == []
    for leg in ("bob", "carol"):
        assert answered(presses(story, Verb.START, leg))[0] is Answer.REFUSED


def test_the_choice_survives_a_restart() -> None:
    story = Story(optional)
    connected(story)
    presses(story, Verb.START, "alice")
    again = Story(optional)
    again.legs = story.legs
    again.engine.restore(story.rows.values())
    again.connect(legs=["alice", "bob"], taps=[story.segments()[0].id])
    assert again.engine.calls()[0].requested is True
    assert len(again.engine.calls()[0].recordings) == 1
