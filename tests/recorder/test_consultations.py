"""Consultations by feature keys, told to the pure engine in the order in which Asterisk 22 tells of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.types import Decision
from recorder.effects import Attach, Decide, Detach, Mark
from recorder.engine import Engine
from recorder.events import ActorKind, LegIs, Verb
from recorder.model import Bridge, BridgeKind, Call, Leg, LegKind, LegState, Outcome, Party
from recorder.states import CallState
from tests.recorder.story import SWITCH, Story, every, only, says

ONE, TWO = "Local/103@users-1;1", "Local/103@users-1;2"


def is_there(story: Story, leg: Leg) -> None:
    story.legs[leg.id] = leg
    story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=leg))


def half(story: Story, leg: str, name: str, twin: str, origin: str) -> None:
    is_there(story, Leg(id=leg, name=name, twin=twin, kind=LegKind.LOCAL, origin=origin))


def talking(story: Story, caller: str = "trunk", callee: str = "bob") -> str:
    """A call in a bridge of its own, tapped; gives the segment."""
    segment = story.talk(caller, callee)
    story.bridge("first", callee)
    story.bridge("first", caller, callee)
    story.wait(5)
    return segment


def asks(story: Story, who: str = "bob", caller: str = "trunk", *, stays: str = "trunk") -> None:
    """A party of the first call dials Carol by keys; she rings."""
    half(story, "one", ONE, TWO, caller)
    story.bridge("second", "one")
    story.bridge("first", stays)
    story.bridge("second", who, "one")
    half(story, "two", TWO, ONE, caller)
    is_there(story, Leg(id="carol", name="PJSIP/carol-0001", origin=caller, dialled_by="two", party=Party(user="carol"),
                        endpoint="carol"))


def answers(story: Story) -> None:
    """Carol answers."""
    story.wait(1)
    for leg in ("carol", "two", "one"):
        story.answers(leg)
    story.bridge("third", "carol")
    story.bridge("third", "two", "carol")


def comes_back(story: Story) -> None:
    """Who asked is with the first call again, and Carol hangs up."""
    story.bridge("second", "one")
    story.bridge("first", "trunk", "bob")
    for leg in ("one", "two", "carol"):
        story.hangs_up(leg)


def consultation(story: Story) -> Call:
    """Its row."""
    return next(call for call in story.rows.values() if call.consults is not None)


def own(asked: Decide) -> Decision:
    """Bob's calls are not recorded, the others are."""
    return says(asked.caller.party.user != "bob")


def test_a_consultation_is_a_call_of_who_asks_and_the_first_ones_tap_stays() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    story.effects.clear()
    asks(story)
    assert every(Attach, story.effects) == [], "nobody has answered yet"
    answers(story)
    call = consultation(story)
    assert (call.first_leg, call.consults, call.state) == ("bob", story.row("trunk").id, CallState.ANSWERED)
    assert {leg.id for leg in call.legs} == {"bob", "one", "two", "carol"}
    assert {leg.id for leg in story.row("trunk").legs} == {"trunk", "bob"}
    tap = only(Attach, story.effects)
    assert (tap.call, tap.source.leg) == (call.id, "carol")
    assert every(Detach, story.effects) == []
    assert every(Mark, story.effects) == [], "the variables on the callers' channels are the first call's"


@pytest.mark.parametrize("early", [True, False])
def test_the_order_in_which_its_legs_are_told_does_not_matter(early: bool) -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    dialled = Leg(id="carol", name="PJSIP/carol-0001", origin="trunk", dialled_by="two", party=Party(user="carol"))
    half(story, "one", ONE, TWO, "trunk")
    if early:
        half(story, "two", TWO, ONE, "trunk")
        is_there(story, dialled)
    else:
        is_there(story, replace(dialled, dialled_by=""))
    story.bridge("first", "trunk")
    story.bridge("second", "bob", "one")
    if not early:
        is_there(story, dialled)
        half(story, "two", TWO, ONE, "trunk")
    assert {leg.id for leg in consultation(story).legs} == {"bob", "one", "two", "carol"}
    assert {leg.id for leg in story.row("trunk").legs} == {"trunk", "bob"}


def test_policy_is_asked_for_who_consults() -> None:
    story = Story(own, trunks=["trunk"])
    talking(story)
    asks(story)
    story.effects.clear()
    answers(story)
    comes_back(story)
    story.wait(5)
    assert every(Attach, story.effects) == []
    assert consultation(story).outcome is Outcome.NOT_WANTED
    assert story.row("trunk").state is CallState.ANSWERED


def test_the_tap_of_who_asks_moves_to_who_waits() -> None:
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    story.effects.clear()
    asks(story, "alice", "alice", stays="bob")
    assert only(Detach, story.effects).segment == segment
    first = only(Attach, story.effects)
    assert (first.call, first.source.leg) == (story.row("alice").id, "bob")
    assert story.segments("alice")[-1].side == "callee"


def test_a_menu_that_is_asked_is_heard_by_who_asks_once_the_first_calls_tap_is_gone() -> None:
    """Two taps of a leg share what makes one of them deaf."""
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    half(story, "one", ONE, TWO, "alice")
    story.bridge("first", "bob")
    story.bridge("second", "alice", "one")
    story.effects.clear()
    story.answers("one")
    assert every(Attach, story.effects) == []
    tap = only(Attach, story.tap_down(segment))
    assert (tap.call, tap.source.leg) == (consultation(story).id, "alice")


def test_who_asked_comes_back_and_the_consultation_has_ended() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story)
    asks(story)
    answers(story)
    tap = story.segments("bob")[-1].id
    story.tap_up(tap)
    story.wait(3)
    story.effects.clear()
    comes_back(story)
    ended = story.at
    story.tap_down(tap)
    story.wait(60)
    call = consultation(story)
    assert (call.state, call.outcome, call.ended, call.merged_into) == (
        CallState.CLOSED, Outcome.RECORDED, ended, None)
    assert segment not in [one.segment for one in every(Detach, story.effects)]
    first = story.row("trunk")
    assert (first.state, first.away) == (CallState.ANSWERED, frozenset())
    assert [visit.leg for visit in first.visits if visit.left is None] == ["trunk", "bob"]


def test_who_asked_is_in_the_first_call_again_when_the_consultation_has_ended_though_no_bridge_tells() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    for leg in ("one", "two", "carol"):
        story.hangs_up(leg)
    story.bridge("second", "bob")
    assert story.row("trunk").away == {"bob"}
    story.wait(5)
    assert story.row("trunk").away == frozenset()


def test_whom_the_asking_party_had_dialled_before_stays_in_the_first_call() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story, "trunk", "alice")
    is_there(story, Leg(id="bob", name="PJSIP/bob-0001", origin="trunk", dialled_by="alice", state=LegState.UP,
                        answered=story.at))
    story.bridge("first", "trunk", "alice", "bob")
    half(story, "one", ONE, TWO, "trunk")
    story.bridge("first", "trunk", "bob")
    story.bridge("second", "alice", "one")
    half(story, "two", TWO, ONE, "trunk")
    assert {leg.id for leg in consultation(story).legs} == {"alice", "one", "two"}
    assert {leg.id for leg in story.row("trunk").legs} == {"trunk", "alice", "bob"}


def test_nobody_answers_the_consultation() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    for leg in ("carol", "two", "one"):
        story.hangs_up(leg)
    story.bridge("second", "bob")
    story.bridge("second")
    story.bridge("first", "trunk", "bob")
    story.wait(5)
    call = consultation(story)
    assert (call.outcome, call.answered, call.recordings) == (Outcome.UNANSWERED, None, ())
    assert story.row("trunk").state is CallState.ANSWERED


@pytest.mark.parametrize("answered", [True, False])
def test_the_call_is_handed_on_and_the_consultation_became_part_of_it(answered: bool) -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story)
    asks(story)
    if answered:
        answers(story)
        story.tap_up(story.segments("bob")[-1].id)
        story.wait(3)
    story.effects.clear()
    story.bridge("second", "bob")
    story.bridge("first", "trunk", "one")
    story.bridge("second")
    assert segment in [one.segment for one in every(Detach, story.transferred("bob", "trunk", "one") + story.effects)]
    story.hangs_up("bob")
    story.wait(0.1)
    if not answered:
        story.wait(30)
        answers(story)
    story.bridge("first", "trunk", "carol")
    for leg in ("one", "two"):
        story.hangs_up(leg)
    story.wait(30)
    first, second = story.row("trunk"), consultation(story)
    assert second.merged_into == first.id
    assert len(second.recordings) == answered
    assert first.state is CallState.ANSWERED
    assert [leg.id for leg in first.up] == ["trunk", "carol"]
    assert [visit.leg for visit in first.visits if visit.left is None] == ["trunk", "carol"]


def test_three_talk_in_the_first_call() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    story.bridge("first", "trunk", "one")
    story.bridge("second", "bob")
    story.bridge("second")
    story.bridge("first", "trunk", "one", "bob")
    story.transferred("bob", "trunk", "one")
    story.bridge("first", "trunk", "bob", "carol")
    for leg in ("one", "two"):
        story.hangs_up(leg)
    first = story.row("trunk")
    assert ([leg.id for leg in first.up], first.transferred_by) == (["trunk", "bob", "carol"], "bob")
    assert consultation(story).merged_into == first.id


def test_to_and_fro_between_the_two() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    story.tap_up(story.segments("bob")[-1].id)
    story.effects.clear()
    for _ in range(2):
        story.bridge("second", "one")
        story.bridge("first", "trunk", "bob")
        story.wait(30)
        first, second = story.row("trunk"), consultation(story)
        assert (first.away, second.away, second.state) == (frozenset(), frozenset({"bob"}), CallState.ANSWERED)
        story.bridge("first", "trunk")
        story.bridge("second", "one", "bob")
        story.wait(30)
        first, second = story.row("trunk"), consultation(story)
        assert (first.away, second.away, first.state) == (frozenset({"bob"}), frozenset(), CallState.ANSWERED)
    assert every(Detach, story.effects) == []


def test_who_waits_hangs_up_and_the_consultation_goes_on() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story)
    asks(story)
    answers(story)
    story.wait(3)
    story.hangs_up("trunk")
    story.bridge("first")
    ended = story.at
    story.tap_down(segment)
    story.bridge("third", "carol", "bob")
    story.wait(30)
    first = story.row("trunk")
    assert (first.state, first.outcome, first.ended) == (CallState.CLOSED, Outcome.RECORDED, ended)
    assert all(leg.gone is not None for leg in first.legs)
    assert consultation(story).state is CallState.ANSWERED


def test_who_asks_hangs_up_and_nobody_takes_over() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    for leg in ("bob", "one", "two", "carol", "trunk"):
        story.hangs_up(leg)
    for call in (story.row("trunk"), consultation(story)):
        assert call.state in (CallState.ENDED, CallState.CLOSED)


def test_a_pause_of_who_asks_is_of_the_consultation_and_comes_into_the_first_call_with_it() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    story.asks(Verb.PAUSE, "bob", actor=ActorKind.PARTY, leg="bob", owner="agent")
    assert (story.row("trunk").paused, consultation(story).paused) == (False, True)
    story.bridge("first", "trunk", "one")
    assert story.row("trunk").paused


def test_a_mark_on_who_asks_is_of_the_call_in_which_it_talks() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    asks(story)
    answers(story)
    is_there(story, replace(story.legs["bob"], pausing="agent"))
    assert (story.row("trunk").paused, consultation(story).paused) == (False, True)
    is_there(story, replace(story.legs["bob"], pausing=""))
    assert not consultation(story).paused


def test_a_mark_from_before_keeps_both_paused_until_it_is_seen_to_be_off() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story)
    is_there(story, replace(story.legs["bob"], pausing="agent"))
    asks(story)
    answers(story)
    assert (story.row("trunk").paused, consultation(story).paused) == (True, True)
    is_there(story, replace(story.legs["bob"], pausing=""))
    assert (story.row("trunk").paused, consultation(story).paused) == (True, False)
    comes_back(story)
    assert not story.row("trunk").paused


def test_a_consultation_outlives_the_service() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story)
    asks(story)
    answers(story)
    tap = story.segments("bob")[-1].id
    story.tap_up(tap)
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    story.effects.clear()
    bridges = [Bridge(id=name, kind=BridgeKind.MIXING, members=frozenset(members)) for name, members in (
        ("first", {"trunk"}), ("second", {"bob", "one"}), ("third", {"two", "carol"}))]
    story.connect(legs=["trunk", "bob", "one", "two", "carol"], bridges=bridges, taps=[segment, tap])
    assert [*every(Attach, story.effects), *every(Detach, story.effects)] == []
    comes_back(story)
    assert story.row("trunk").away == frozenset()
    assert consultation(story).state is not CallState.ANSWERED


def test_a_forwarded_call_is_no_consultation() -> None:
    """A Local channel in the bridge of a party is nothing special as long as nobody waits."""
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    half(story, "one", ONE, TWO, "alice")
    half(story, "two", TWO, ONE, "alice")
    story.rings("bob", "alice")
    for leg in ("bob", "two", "one", "alice"):
        story.answers(leg)
    story.bridge("inner", "two", "bob")
    story.bridge("outer", "alice", "one")
    assert story.legs["alice"].state is LegState.UP
    assert [call.consults for call in story.rows.values()] == [None]
