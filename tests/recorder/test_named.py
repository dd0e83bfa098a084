"""Recording servers that somebody names, beside where policy sends a call."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.types import Decision, RecordingTarget
from recorder.effects import Answer, Attach, Detach, Effect, Reply
from recorder.engine import Limits
from recorder.events import ActorKind, SessionIs, Silenced, Verb
from recorder.model import BridgeKind, Session, Sink, Then
from recorder.states import PauseState, SessionState
from tests.recorder.story import SWITCH, Story, every, only, optional, says

LIMITS = Limits(servers=("main", "second"))


def goes_to(target: RecordingTarget) -> Decision:
    return replace(says(True), target=target)


def talks(target: RecordingTarget = RecordingTarget.WAV, *, limits: Limits = LIMITS) -> tuple[Story, dict[Sink, str]]:
    """A call that is recorded; the segments, by sink."""
    story = Story(goes_to(target), limits=limits)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    asked = every(Attach, story.answers("alice"))
    for one in asked:
        story.tap_up(one.segment)
    return story, {one.source.sink: one.segment for one in asked}


def silent(story: Story, server: str, asked: float | None = None) -> list[Effect]:
    """What sends to a server says that it is silent."""
    return story.receive(Silenced(switch=SWITCH, at=story.at, sequence=story.next_sequence(), call=story.row().id,
                                  server=server, asked=story.at if asked is None else asked))


def answer(effects: list[Effect]) -> tuple[Answer, str]:
    reply = only(Reply, effects)
    return reply.answer, reply.message


def test_a_call_in_files_goes_to_a_named_server_as_well() -> None:
    story, _ = talks()
    effects = story.asks(Verb.START, "alice", server="second")
    assert only(Attach, effects).source.sink is Sink.SERVER
    assert every(Detach, effects) == []
    assert answer(effects) == (Answer.DONE, "the call goes to that server")
    assert story.row().names == {"second"}
    (order,) = story.row().orders
    assert (order.verb, order.server) == ("start", "second")


def test_a_call_that_goes_to_servers_is_tapped_once_for_all_of_them() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    assert every(Attach, story.asks(Verb.START, "alice", server="second")) == []


def test_a_stop_of_its_name_ends_that_server_alone() -> None:
    story, asked = talks()
    tap = only(Attach, story.asks(Verb.START, "alice", server="second")).segment
    story.tap_up(tap)
    effects = story.asks(Verb.STOP, "alice", server="second", request="r2")
    assert only(Detach, effects).segment == tap
    assert story.row().names == frozenset()
    assert story.row().recording is not None
    assert asked[Sink.FILE] in {segment.id for segment in story.segments() if segment.ended is None}


def test_a_stop_without_a_name_ends_all_of_it_and_a_start_brings_back_what_policy_wants() -> None:
    story, _ = talks()
    story.tap_up(only(Attach, story.asks(Verb.START, "alice", server="second")).segment)
    gone = every(Detach, story.asks(Verb.STOP, "alice"))
    assert len(gone) == 2
    for one in gone:
        story.tap_down(one.segment)
    assert story.row().recording is None
    assert only(Attach, story.asks(Verb.START, "alice", request="r2")).source.sink is Sink.FILE


def test_a_start_with_a_name_starts_a_recording_that_was_left_to_choice() -> None:
    story = Story(lambda asked: replace(optional(asked), target=RecordingTarget.WAV), limits=LIMITS)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    begun = every(Attach, story.asks(Verb.START, "alice", actor=ActorKind.DIALPLAN, server="main"))
    assert {one.source.sink for one in begun} == {Sink.FILE, Sink.SERVER}


@pytest.mark.parametrize(("verb", "server", "sentence"), [
    (Verb.START, "third", "the settings have no recording server of that name"),
    (Verb.PAUSE, "4111111111111111", "the settings have no recording server of that name"),
    (Verb.STOP, "main", "nobody had the call sent to that server by its name"),
    (Verb.RESUME, "main", "operator holds no pause for that server here"),
])
def test_what_is_refused_says_why_and_changes_nothing(verb: Verb, server: str, sentence: str) -> None:
    story, _ = talks()
    before = story.row()
    assert answer(story.asks(verb, "alice", server=server)) == (Answer.REFUSED, sentence)
    assert story.row() == before


def test_a_server_is_named_once_at_a_time() -> None:
    story, _ = talks()
    story.asks(Verb.START, "alice", server="main")
    assert answer(story.asks(Verb.START, "alice", server="main", request="r2")) == (
        Answer.REFUSED, "the call goes to that server already")


def test_who_may_not_stop_may_not_stop_for_one_server_either() -> None:
    story, _ = talks()
    story.asks(Verb.START, "alice", actor=ActorKind.DIALPLAN, server="main")
    refused = story.asks(Verb.STOP, "alice", actor=ActorKind.DIALPLAN, server="main", request="r2")
    assert answer(refused) == (Answer.REFUSED, "policy records this call always; only an operator can stop it")


def test_what_policy_forbids_is_not_started_for_a_server() -> None:
    story = Story(says(False, rule="user"), limits=LIMITS)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    refused, why = answer(story.asks(Verb.START, "alice", server="main"))
    assert (refused, why.partition(":")[0]) == (Answer.REFUSED, "policy does not allow it")


def test_a_party_without_the_right_to_control_cannot_pause_for_a_server() -> None:
    story = Story(goes_to(RecordingTarget.SIPREC), trunks=["bob"], limits=LIMITS)
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    refused = story.asks(Verb.PAUSE, "bob", actor=ActorKind.PARTY, leg="bob", server="main")
    assert answer(refused) == (Answer.REFUSED, "this party may not control the recording")


def test_a_pause_for_one_server_is_answered_when_that_is_silent_and_leaves_all_taps() -> None:
    story, _ = talks(RecordingTarget.BOTH)
    effects = story.asks(Verb.PAUSE, "alice", server="main")
    assert (every(Reply, effects), every(Detach, effects)) == ([], [])
    call = story.row()
    assert (call.paused, call.kept_from("main"), call.kept_from("second")) == (False, True, False)
    assert answer(silent(story, "main")) == (Answer.CONFIRMED, "paused; nothing goes to that server")
    assert [pause.state for pause in story.row().silences] == [PauseState.CONFIRMED]


def test_the_silence_of_an_earlier_pause_does_not_confirm_a_later_one() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    first = story.at
    story.asks(Verb.PAUSE, "alice", server="main", request="p1")
    given_back = story.asks(Verb.RESUME, "alice", server="main", request="r1")
    assert {reply.request: reply.answer for reply in every(Reply, given_back)} == {
        "r1": Answer.DONE, "p1": Answer.REFUSED}
    story.wait(1)
    story.asks(Verb.PAUSE, "alice", server="main", request="p2")
    assert every(Reply, silent(story, "main", first)) == []
    assert only(Reply, silent(story, "main")).request == "p2"


def test_after_a_resume_a_server_is_kept_from_what_is_still_on_its_way() -> None:
    story, _ = talks(RecordingTarget.SIPREC, limits=replace(LIMITS, resume_after=0.2))
    story.asks(Verb.PAUSE, "alice", server="main")
    silent(story, "main")
    assert answer(story.asks(Verb.RESUME, "alice", server="main", request="r2")) == (
        Answer.DONE, "the pause for that server is over")
    story.wait(0.1)
    assert story.row().kept_from("main")
    story.wait(0.2)
    assert not story.row().kept_from("main")


def test_two_owners_pauses_for_a_server_are_independent() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    story.asks(Verb.PAUSE, "alice", owner="ivr", server="main", request="p1")
    story.asks(Verb.PAUSE, "alice", owner="agent", server="main", request="p2")
    assert answer(story.asks(Verb.RESUME, "alice", owner="ivr", server="main", request="r1")) == (
        Answer.DONE, "still paused by agent")
    assert story.row().kept_from("main")
    story.asks(Verb.RESUME, "alice", owner="agent", server="main", request="r2")
    assert not story.row().kept_from("main")


def test_the_longest_time_of_a_pause_may_end_that_server() -> None:
    story, _ = talks()
    tap = only(Attach, story.asks(Verb.START, "alice", server="main")).segment
    story.tap_up(tap)
    story.asks(Verb.PAUSE, "alice", server="main", longest=30.0, then=Then.STOP, request="p")
    silent(story, "main")
    assert only(Detach, story.wait(30.1)).segment == tap
    assert story.row().orders[-1].server == "main"
    assert story.row().recording is not None


def test_a_server_that_was_named_does_not_stand_in_for_those_of_policy() -> None:
    story, _ = talks(RecordingTarget.SIPREC)
    story.asks(Verb.START, "alice", server="second")
    session = Session(id="1@us", server="second", state=SessionState.UP, asked=story.at, named=True)
    story.receive(SessionIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), recording=story.recording().id,
                            session=session))
    assert only(Attach, story.wait(1)).source.sink is Sink.FILE


def test_no_word_of_a_named_server_leads_into_no_other_file() -> None:
    story, _ = talks()
    story.tap_up(only(Attach, story.asks(Verb.START, "alice", server="main")).segment)
    assert every(Attach, story.wait(60)) == []
    assert not story.recording().uncarried


def test_the_end_of_the_call_answers_who_waits_for_a_pause() -> None:
    story, asked = talks(RecordingTarget.SIPREC)
    story.asks(Verb.PAUSE, "alice", server="main")
    story.hangs_up("bob")
    effects = [*story.hangs_up("alice"), *story.tap_down(asked[Sink.SERVER])]
    assert only(Reply, effects).answer is Answer.CONFIRMED


def test_a_conference_goes_to_no_server() -> None:
    story = Story(goes_to(RecordingTarget.WAV), limits=LIMITS)
    story.connect()
    story.rings("alice")
    story.answers("alice")
    story.rings("bob")
    story.answers("bob")
    story.bridge("room", "alice", "bob", kind=BridgeKind.CONFERENCE)
    conference = next(row.id for row in story.rows.values() if row.kind == "conference")
    assert answer(story.asks(Verb.START, conference, server="main")) == (
        Answer.REFUSED, "a conference goes to no recording server")
