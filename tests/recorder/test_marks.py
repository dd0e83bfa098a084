"""Pauses that the dialplan marks on a leg: seen with any look at the leg, before anything is tapped."""

from __future__ import annotations

from dataclasses import replace

from recorder.effects import Answer, Attach, Detach, Effect, Reply
from recorder.engine import Engine
from recorder.events import LegIs, Verb
from recorder.states import PauseState
from tests.recorder.story import SWITCH, Story, every, only, says


def marks(story: Story, leg: str, owners: str) -> list[Effect]:
    """The leg is seen with that mark."""
    story.legs[leg] = replace(story.legs[leg], pausing=owners)
    return story.receive(LegIs(switch=SWITCH, at=story.at, sequence=story.next_sequence(), leg=story.legs[leg]))


def held(story: Story) -> list[str]:
    return [pause.owner for pause in story.row().pauses if pause.resumed is None]


def test_a_mark_that_appears_pauses_and_one_that_goes_resumes() -> None:
    story = Story(says(True))
    segment = story.talk()
    assert only(Detach, marks(story, "alice", "ivr")).segment == segment
    story.tap_down(segment)
    assert (held(story), story.row().pauses[0].state) == (["ivr"], PauseState.CONFIRMED)
    attach = only(Attach, marks(story, "alice", "") + story.wait(1))
    assert attach.segment != segment


def test_a_mark_found_on_a_call_that_nobody_knew_keeps_it_untapped() -> None:
    story = Story(says(True))
    story.rings("alice")
    story.rings("bob", "alice")
    story.answers("bob")
    story.answers("alice")
    story.legs["alice"] = replace(story.legs["alice"], pausing="ivr")
    story.engine = Engine(SWITCH)
    story.rows.clear()
    effects = story.connect(legs=["alice", "bob"]) + story.wait(600)
    assert every(Attach, effects) == []
    assert held(story) == ["ivr"]
    assert every(Attach, marks(story, "alice", "")) != []


def test_marked_while_we_were_dead_the_tap_that_runs_is_ended_and_no_other_is_made() -> None:
    story = Story(says(True))
    segment = story.talk()
    calls = story.engine.calls()
    story.legs["bob"] = replace(story.legs["bob"], pausing="ivr")
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    effects = story.connect(legs=["alice", "bob"], taps=[segment])
    assert only(Detach, effects).segment == segment
    assert every(Attach, effects + story.tap_down(segment) + story.wait(600)) == []


def test_resumed_while_we_were_dead_the_call_is_recorded_again() -> None:
    story = Story(says(True))
    segment = story.talk()
    marks(story, "alice", "ivr")
    story.tap_down(segment)
    calls = story.engine.calls()
    story.legs["alice"] = replace(story.legs["alice"], pausing="")
    story.engine = Engine(SWITCH)
    story.engine.restore(calls)
    assert only(Attach, story.connect(legs=["alice", "bob"])).segment != segment


def test_a_mark_that_lasts_opens_its_pause_once_whoever_gives_it_back() -> None:
    story = Story(says(True))
    segment = story.talk()
    marks(story, "alice", "ivr")
    story.tap_down(segment)
    story.asks(Verb.RESUME, "alice", owner="ivr")
    marks(story, "alice", "ivr")
    assert held(story) == []
    marks(story, "alice", "")
    marks(story, "alice", "ivr")
    assert held(story) == ["ivr"]


def test_two_owners_on_one_leg_are_given_back_one_by_one() -> None:
    story = Story(says(True))
    segment = story.talk()
    marks(story, "alice", "ivr&fraud-desk")
    story.tap_down(segment)
    assert every(Attach, marks(story, "alice", "ivr") + story.wait(60)) == []
    assert held(story) == ["ivr"]


def test_the_same_owner_on_two_legs_holds_until_both_are_taken_off() -> None:
    story = Story(says(True))
    segment = story.talk()
    marks(story, "alice", "ivr")
    marks(story, "bob", "ivr")
    story.tap_down(segment)
    marks(story, "alice", "")
    assert held(story) == ["ivr"]
    marks(story, "bob", "")
    assert held(story) == []


def test_a_leg_that_leaves_with_its_mark_on_gives_nothing_back() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.rings("carol", "alice")
    story.answers("carol")
    marks(story, "bob", "ivr")
    story.tap_down(segment)
    assert every(Attach, story.hangs_up("bob") + story.wait(60)) == []
    assert held(story) == ["ivr"]


def test_the_request_that_comes_with_the_mark_gives_the_pause_its_words_and_its_end() -> None:
    story = Story(says(True))
    segment = story.talk()
    marks(story, "alice", "ivr")
    story.asks(Verb.PAUSE, "alice", owner="ivr", longest=5)
    assert only(Reply, story.tap_down(segment)).answer is Answer.CONFIRMED
    (pause,) = story.row().pauses
    assert pause.until == story.at + 5
    assert every(Attach, story.wait(6)) != []


def test_a_mark_that_is_no_owners_name_is_a_pause_all_the_same() -> None:
    story = Story(says(True))
    story.talk()
    marks(story, "alice", "4111111111111111")
    assert held(story) == ["dialplan"]


def test_a_call_that_takes_a_marked_leg_in_is_paused() -> None:
    story = Story(says(True))
    story.talk()
    story.wait(1)
    story.rings("ivr-leg")
    story.answers("ivr-leg")
    marks(story, "ivr-leg", "ivr")
    effects = story.bridge("b", "alice", "bob", "ivr-leg")
    assert every(Detach, effects) != []
    assert held(story) == ["ivr"]
