"""Transfers, told to the pure engine with the bridges that a switch tells of."""

from __future__ import annotations

from dataclasses import replace

from recorder.effects import Attach, Detach
from recorder.engine import Engine
from recorder.events import LegIs
from recorder.model import Bridge, BridgeKind, Leg, LegKind, LegState, Party, Visit
from recorder.states import CallState
from tests.recorder.story import SWITCH, Story, every, only, says


def talking(story: Story, caller: str, callee: str) -> str:
    """A call in a bridge of its own, tapped; gives the segment."""
    segment = story.talk(caller, callee)
    story.bridge("first", callee)
    story.bridge("first", caller, callee)
    return segment


def half(story: Story, leg: str, name: str, twin: str, origin: str) -> None:
    """One half of a Local channel."""
    story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=Leg(
        id=leg, name=name, twin=twin, kind=LegKind.LOCAL, state=LegState.UP, origin=origin, answered=story.at)))


def test_a_tap_is_made_anew_before_it_hears_the_next_party() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story, "trunk", "bob")
    handed = story.transferred("bob", "trunk")
    assert only(Detach, handed).segment == segment
    # Two taps of a leg share what makes one of them deaf: the next one waits until this one is gone.
    assert every(Attach, handed) == []
    assert only(Attach, story.tap_down(segment)).source.leg == "trunk"


def test_a_tap_whose_leg_comes_to_another_party_without_a_transfer_is_made_anew() -> None:
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    story.wait(1)
    story.rings("carol")
    story.answers("carol")
    story.bridge("first", "alice", "bob", "carol")
    assert only(Detach, story.bridge("first", "alice", "carol")).segment == segment


def test_a_third_party_that_only_joins_leaves_the_tap_alone() -> None:
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    story.rings("carol", "alice")
    story.answers("carol")
    joined = story.bridge("first", "alice", "bob", "carol")
    assert segment not in [detach.segment for detach in every(Detach, joined)]


def test_a_local_channel_that_steps_out_of_the_way_changes_nobodys_party() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    half(story, "one", "Local/102@users-1;1", "Local/102@users-1;2", "alice")
    half(story, "two", "Local/102@users-1;2", "Local/102@users-1;1", "alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.tap_up(only(Attach, story.answers("alice")).segment)
    story.bridge("inner", "two", "bob")
    story.bridge("outer", "alice", "one")
    story.bridge("outer", "one")
    effects = story.bridge("inner", "two", "bob", "alice") + story.bridge("inner", "bob", "alice")
    story.bridge("outer")
    assert every(Detach, effects) == []
    assert {visit.leg for visit in story.row().visits if visit.left is None} == {"alice", "bob"}


def test_a_party_that_is_apart_while_others_talk_is_not_the_one_to_tap() -> None:
    """An attended transfer by the tapped caller: who stays is in the other bridge before the transfer is told."""
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    story.wait(1)
    story.rings("alice2")
    story.rings("carol", "alice2")
    story.answers("carol")
    consultation = only(Attach, story.answers("alice2")).segment
    story.tap_up(consultation)
    story.bridge("second", "alice2", "carol")
    story.bridge("first", "alice")
    story.bridge("second", "alice2", "carol", "bob")
    story.bridge("second", "carol", "bob")
    moved = story.transferred("alice", "bob", "carol")
    effects = [effect for effect in story.effects if isinstance(effect, Detach)]
    assert {effect.segment for effect in effects} == {segment, consultation}
    assert only(Attach, [one for one in story.effects if isinstance(one, Attach)][2:]).source.leg == "bob"
    assert only(Attach, moved).source.leg == "bob"
    assert story.segments()[1].side == "callee"


def test_who_waits_while_the_other_one_asks_somebody_keeps_the_tap() -> None:
    """An attended transfer by keys: the outside hears music, and its recording nothing of the consultation."""
    story = Story(says(True), trunks=["trunk"])
    talking(story, "trunk", "bob")
    story.effects.clear()
    story.bridge("first", "trunk")
    story.rings("carol", "trunk")
    story.answers("carol")
    story.bridge("second", "bob", "carol")
    assert [*every(Attach, story.effects), *every(Detach, story.effects)] == []


def test_who_is_transferred_twice_keeps_the_track() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob")
    story.transferred("alice", "bob")
    story.hangs_up("alice")
    for segment in story.segments():
        story.tap_up(segment.id)
    story.rings("carol", "bob")
    story.answers("carol")
    story.bridge("second", "bob", "carol")
    story.transferred("bob", "carol")
    assert [(one.source.leg, one.side) for one in story.segments()] == [
        ("alice", "caller"), ("bob", "callee"), ("carol", "caller")]


def test_a_parked_call_waits_although_nobody_told_of_a_transfer() -> None:
    story = Story(says(True))
    talking(story, "alice", "bob")
    story.bridge("first", "bob")
    story.bridge("lot", "alice", kind=BridgeKind.HOLDING)
    story.bridge("first")
    story.hangs_up("bob")
    story.wait(30)
    assert story.row().state is CallState.ANSWERED


def test_the_row_knows_who_talked_when() -> None:
    story = Story(says(True), trunks=["trunk"])
    talking(story, "trunk", "bob")
    begun = story.at
    story.wait(3)
    story.transferred("bob", "trunk")
    story.bridge("first", "trunk")
    story.bridge("first")
    story.hangs_up("bob")
    handed = story.at
    story.wait(2)
    story.rings("carol", "trunk")
    story.answers("carol")
    story.bridge("second", "trunk", "carol")
    assert story.row("trunk").visits == (
        Visit(leg="trunk", joined=begun, left=handed), Visit(leg="bob", joined=begun, left=handed),
        Visit(leg="trunk", joined=story.at), Visit(leg="carol", joined=story.at))


def test_after_a_restart_what_a_tap_has_heard_is_what_the_first_look_shows() -> None:
    story = Story(says(True), trunks=["trunk"])
    segment = talking(story, "trunk", "bob")
    calls = story.engine.calls()
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    bridge = Bridge(id="first", kind=BridgeKind.MIXING, members=frozenset({"trunk", "bob"}))
    assert every(Detach, story.connect(legs=["trunk", "bob"], bridges=[bridge], taps=[segment])) == []
    story.rings("carol")
    story.answers("carol")
    story.bridge("first", "trunk", "bob", "carol")
    assert only(Detach, story.bridge("first", "trunk", "carol")).segment == segment


def test_the_tap_moves_at_once_to_who_stays_where_the_other_ones_ended_with_its_leg() -> None:
    """FreeSWITCH tells of the tap's end before it tells of the leg's."""
    story = Story(says(True))
    segment = talking(story, "alice", "bob")
    story.wait(1)
    story.rings("carol", "bob")
    story.answers("carol")
    assert every(Attach, story.tap_down(segment, "success-silence")) == []
    assert only(Attach, story.hangs_up("alice")).source.leg == "bob"


def test_who_is_on_a_leg_stays_whomever_that_leg_dials() -> None:
    """FreeSWITCH overwrites the user as whom a leg was dialled when that leg dials the next one."""
    story = Story(says(True))
    talking(story, "alice", "bob")
    story.legs["bob"] = replace(story.legs["bob"], party=Party(user="carol", number="103"))
    story.holds("bob", held=False)
    assert [leg.party.user for leg in story.row().legs] == ["alice", "bob"]
