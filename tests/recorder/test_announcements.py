"""What the parties of a recorded call hear of it, event by event."""

from __future__ import annotations

from dataclasses import replace

import pytest

from policy.types import Announcement, Beep
from recorder.effects import Announce, Attach, Detach, Effect, Hush
from recorder.events import ActorKind, Announced, Verb
from recorder.playback import Heard, Playback
from recorder.states import PlaybackInput, PlaybackState
from tests.recorder.story import SWITCH, Story, only, says

BEEP = Announcement(beep=Beep())
SOUND = Announcement(sound="consent")


def story(announcement: Announcement) -> Story:
    return Story(replace(says(True), announcement=announcement))


def asked(effects: list[Effect]) -> list[tuple[str, Heard]]:
    """On which legs announcements are asked for, and for whom."""
    return [(effect.leg, effect.heard) for effect in effects if isinstance(effect, Announce)]


def tells(told: Story, news: PlaybackInput, which: int = -1) -> list[Effect]:
    """The switch tells of an announcement of the call."""
    return told.receive(Announced(switch=SWITCH, at=told.at, sequence=told.next_sequence(), news=news,
                                  announcement=told.row().playbacks[which].id, cause="it says why"))


def playbacks(told: Story) -> tuple[Playback, ...]:
    return told.row().playbacks


def test_nothing_is_announced_before_the_recording_has_begun() -> None:
    told = story(BEEP)
    told.connect()
    told.rings("alice")
    told.rings("bob", "alice")
    told.answers("bob")
    assert asked(told.answers("alice")) == []
    effects = told.tap_up(next(iter(told.taps)))
    assert asked(effects) == [("alice", Heard.ALL)]
    assert [effect.hearers for effect in effects if isinstance(effect, Announce)] == [("alice", "bob")]


def test_what_is_to_be_in_the_recording_is_said_on_a_leg_that_is_not_tapped() -> None:
    told = story(replace(BEEP, recorded=True))
    told.talk()
    assert asked(told.effects) == [("bob", Heard.ALL)]


def test_a_party_that_joins_hears_the_sound_alone_and_the_others_not_again() -> None:
    told = story(SOUND)
    told.talk()
    tells(told, PlaybackInput.PLAYS)
    tells(told, PlaybackInput.ENDS)
    told.rings("carol", "alice")
    assert asked(told.answers("carol")) == [("carol", Heard.LEG)]
    assert playbacks(told)[-1].hearers == ("carol",)


def test_a_beep_begins_anew_when_a_party_joins() -> None:
    told = story(BEEP)
    told.talk()
    tells(told, PlaybackInput.PLAYS)
    told.rings("carol", "alice")
    effects = told.answers("carol")
    assert [type(effect) for effect in effects if isinstance(effect, Hush | Announce)] == [Hush, Announce]
    assert playbacks(told)[-1].hearers == ("alice", "bob", "carol")


def test_a_pause_ends_the_beep_and_the_resume_begins_it_once_the_tap_is_back() -> None:
    told = story(BEEP)
    segment = told.talk()
    tells(told, PlaybackInput.PLAYS)
    assert any(isinstance(effect, Hush) for effect in told.asks(Verb.PAUSE, "alice"))
    told.tap_down(segment)
    tells(told, PlaybackInput.ENDS)
    assert asked(told.asks(Verb.RESUME, "alice")) == []
    assert asked(told.tap_up(told.segments()[-1].id)) == [("alice", Heard.ALL)]


def test_a_beep_lets_go_of_the_leg_before_a_tap_for_the_next_party_and_begins_once_that_is_up() -> None:
    told = story(BEEP)
    segment = told.talk()
    told.bridge("first", "alice", "bob")
    tells(told, PlaybackInput.PLAYS)
    handed = told.transferred("bob", "alice")
    assert [(effect.announcement, effect.leg) for effect in handed if isinstance(effect, Hush)] == [
        (playbacks(told)[0].id, "alice")]
    assert only(Detach, handed).segment == segment
    tells(told, PlaybackInput.ENDS)
    following = told.tap_down(segment)
    assert (only(Attach, following).source.leg, asked(following)) == ("alice", [])
    assert [leg for leg, _ in asked(told.tap_up(told.segments()[-1].id))] == ["alice"]


def test_a_sound_that_a_transfer_cuts_short_is_said_again_once_the_next_tap_is_up() -> None:
    told = story(SOUND)
    segment = told.talk()
    told.bridge("first", "alice", "bob")
    tells(told, PlaybackInput.PLAYS)
    handed = told.transferred("bob", "alice")
    assert [effect.leg for effect in handed if isinstance(effect, Hush)] == ["alice"]
    tells(told, PlaybackInput.ENDS)
    assert (playbacks(told)[0].state, playbacks(told)[0].cause) == (
        PlaybackState.FAILED, "it would have kept the tap from hearing the next party")
    assert asked(told.tap_down(segment)) == []
    assert [leg for leg, _ in asked(told.tap_up(told.segments()[-1].id))] == ["alice"]


def test_a_sound_goes_on_in_a_pause() -> None:
    told = story(SOUND)
    told.talk()
    tells(told, PlaybackInput.PLAYS)
    assert not any(isinstance(effect, Hush) for effect in told.asks(Verb.PAUSE, "alice"))


def test_a_sound_is_not_said_again_after_a_pause() -> None:
    told = story(SOUND)
    segment = told.talk()
    tells(told, PlaybackInput.PLAYS)
    tells(told, PlaybackInput.ENDS)
    told.asks(Verb.PAUSE, "alice")
    told.tap_down(segment)
    told.asks(Verb.RESUME, "alice")
    assert asked(told.tap_up(told.segments()[-1].id)) == []


def test_what_fails_is_tried_three_times_and_the_recording_goes_on() -> None:
    told = story(SOUND)
    told.talk()
    for _ in range(5):
        if playbacks(told)[-1].state is PlaybackState.ASKED:
            tells(told, PlaybackInput.FAILS)
        told.wait(20)
    assert [one.state for one in playbacks(told)] == [PlaybackState.FAILED] * 3
    assert {one.cause for one in playbacks(told)} == {"it says why"}
    assert told.recording().ended is None


def test_one_that_was_asked_for_and_is_not_on_the_switch_is_made_anew() -> None:
    told = story(BEEP)
    segment = told.talk()
    told.disconnect()
    effects = told.connect(legs=["alice", "bob"], taps=[segment])
    assert [type(effect) for effect in effects if isinstance(effect, Hush | Announce)] == [Hush, Announce]


def test_a_word_of_one_that_nobody_wants_any_more_ends_it() -> None:
    told = story(BEEP)
    told.talk()
    told.asks(Verb.PAUSE, "alice")
    tells(told, PlaybackInput.ENDS)
    assert any(isinstance(effect, Hush) for effect in tells(told, PlaybackInput.PLAYS))


@pytest.mark.parametrize("announcement", [Announcement(), BEEP, SOUND])
def test_a_farewell_is_said_to_each_party_and_stays_when_the_recording_has_stopped(announcement: Announcement) -> None:
    told = story(announcement)
    told.talk()
    before = len(playbacks(told))
    effects = told.asks(Verb.STOP, told.row().id, actor=ActorKind.SERVICE, owner="service", farewell="over")
    said = [effect for effect in effects if isinstance(effect, Announce)]
    assert [(one.leg, one.heard, one.what) for one in said] == [
        (leg, Heard.LEG, Announcement(sound="over")) for leg in ("alice", "bob")]
    assert any(isinstance(effect, Detach) for effect in effects)
    own = {one.announcement for one in said}
    for number in (before, before + 1):
        assert not any(isinstance(one, Hush) and one.announcement in own
                       for one in tells(told, PlaybackInput.PLAYS, number))
        tells(told, PlaybackInput.ENDS, number)
    assert [one.state for one in playbacks(told)[before:]] == [PlaybackState.DONE] * 2


def test_what_nobody_asked_to_be_said_is_not_said_at_a_stop() -> None:
    told = story(Announcement())
    told.talk()
    assert asked(told.asks(Verb.STOP, told.row().id, actor=ActorKind.SERVICE, owner="service")) == []
