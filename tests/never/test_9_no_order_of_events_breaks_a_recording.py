"""Never: an event out of order, twice, late or missing breaks a recording; a queue grows without bound.

Every single event of a recorded call, every pair of neighbours and every stretch that a snapshot can make up for is
tried. tests/recorder/test_order.py goes on by chance where this one ends.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.commands import Asker
from link.askers import Askers
from policy.types import Announcement
from recorder.effects import Announce, Attach, Detach, Reply
from recorder.events import (
    ActorKind,
    Adopted,
    Announced,
    Asked,
    Held,
    Observed,
    SwitchDown,
    SwitchFound,
    SwitchUp,
    TapUp,
    Unheard,
    Verb,
)
from recorder.model import Direction
from recorder.states import PlaybackInput, PlaybackState
from service.status import Status
from tests.esl_app import captures
from tests.esl_app.replay import replay
from tests.esl_app.test_translate import BLIND, FOLLOWING, LEAVES, MIX, TRUNK_CALL
from tests.recorder.story import SWITCH, Story, every, files, says
from tests.recorder.test_order import STORIES, Told, again, rows, shuffled, snapshot, tellable

NAMES = sorted(STORIES)


@pytest.mark.parametrize("name", NAMES)
def test_any_event_twice(name: str) -> None:
    story = STORIES[name]()
    for place, event in enumerate(story.told):
        if not isinstance(event[1], SwitchUp):
            assert rows(again(story, [*story.told[:place], event, *story.told[place:]])) == rows(story)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("late", [1, 2, 5])
def test_any_event_late(name: str, late: int) -> None:
    story = STORIES[name]()
    for place in range(1, len(story.told)):
        jitter = [late if one == place else 0 for one in range(len(story.told))]
        assert rows(again(story, shuffled(story.told, jitter))) == rows(story), story.told[place]


@pytest.mark.parametrize("name", NAMES)
def test_any_event_missing_before_a_snapshot(name: str) -> None:
    story = STORIES[name]()
    for place in range(1, len(story.told)):
        if tellable([story.told[place][1]]):
            told = [*story.told[:place], *broken(story.told[: place + 1]), *story.told[place + 1:]]
            assert rows(again(story, told), times=False) == rows(story, times=False), story.told[place]


@pytest.mark.parametrize("name", NAMES)
def test_a_break_of_the_connection_at_any_moment(name: str) -> None:
    story = STORIES[name]()
    for place in range(2, len(story.told)):
        told = [*story.told[:place], *broken(story.told[:place]), *story.told[place:]]
        assert rows(again(story, told)) == rows(story), story.told[place]


def test_everything_backwards_within_a_hangup() -> None:
    story = STORIES["normal"]()
    assert rows(again(story, [*story.told[:-4], *reversed(story.told[-4:])])) == rows(story)


def test_events_of_taps_that_nobody_knows_are_kept_only_for_so_long() -> None:
    story = Story(says(True))
    story.connect()
    for number in range(5000):
        story.receive(TapUp(switch=SWITCH, at=story.at, sequence=number, segment=f"other.{number}", started=story.at,
                            files=files(f"other.{number}")))
    assert len(story.engine._world.early) <= 1000


def test_the_same_word_of_an_unknown_tap_is_kept_once() -> None:
    story = Story(says(True))
    story.connect()
    word = TapUp(switch=SWITCH, at=story.at, segment="other.0", started=story.at, files=files("other.0"))
    for number in range(100):
        story.receive(replace(word, sequence=number))
    assert len(story.engine._world.early["other.0"]) == 1


def test_what_is_told_of_things_that_nobody_knows_changes_no_row() -> None:
    story = Story(says(True))
    segment = story.talk()
    before = story.row()
    for told in (Observed(switch=SWITCH, at=story.at, segment="other.0", bytes=0, still=60.0),
                 Unheard(switch=SWITCH, at=story.at, segment="other.0", direction=Direction.IN, seconds=60.0,
                         heard=True),
                 Announced(switch=SWITCH, at=story.at, announcement="other.a0", news=PlaybackInput.PLAYS),
                 Announced(switch=SWITCH, at=story.at, announcement=f"{segment[:-2]}.a7", news=PlaybackInput.FAILS),
                 Adopted(switch=SWITCH, at=story.at, call="other", segment="other.0", files=files("other.0")),
                 Adopted(switch=SWITCH, at=story.at, call=before.id, segment=f"{segment[:-2]}.9",
                         files=files("other.9")),
                 Held(switch=SWITCH, at=story.at, leg="nobody"),
                 SwitchFound(switch=SWITCH, at=story.at, boot="boot-1")):
        for _ in range(2):
            story.receive(replace(told, sequence=story.next_sequence()))
        assert story.row() == before, told
    assert len(every(Attach, story.effects)) == 1


def test_a_tap_that_is_seen_to_stand_still_again_and_again_is_renewed_once_a_time() -> None:
    story = Story(says(True))
    segment = story.talk()
    for _ in range(50):
        story.receive(Observed(switch=SWITCH, at=story.at, sequence=story.next_sequence(), segment=segment, bytes=44,
                               still=10.0))
    assert len(every(Attach, story.effects)) <= 2
    assert [one.segment for one in every(Detach, story.effects)] in ([], [segment])


def test_a_tap_that_is_told_deaf_again_and_again_is_ended_once() -> None:
    story = Story(says(True))
    segment = story.talk()
    for _ in range(50):
        story.receive(Unheard(switch=SWITCH, at=story.at, sequence=story.next_sequence(), segment=segment,
                              direction=Direction.IN, seconds=10.0, heard=True))
    assert [one.segment for one in every(Detach, story.effects)] == [segment]
    story.tap_down(segment)
    story.receive(Unheard(switch=SWITCH, at=story.at, sequence=story.next_sequence(), segment=segment,
                          direction=Direction.IN, seconds=10.0, heard=True))
    assert len(every(Attach, story.effects)) == 2


def test_announcements_and_their_words_twice_and_late_are_one_announcement() -> None:
    story = Story(replace(says(True), announcement=Announcement(sound="consent")))
    story.talk()
    for news in (PlaybackInput.PLAYS, PlaybackInput.PLAYS, PlaybackInput.ENDS, PlaybackInput.ENDS, PlaybackInput.PLAYS,
                 PlaybackInput.FAILS):
        story.receive(Announced(switch=SWITCH, at=story.at, sequence=story.next_sequence(), news=news,
                                announcement=story.row().playbacks[0].id))
    (shown,) = story.row().playbacks
    assert shown.state is PlaybackState.DONE
    assert sum(isinstance(effect, Announce) for effect in story.effects) == 1


def test_requests_that_are_never_confirmed_are_forgotten_with_their_call() -> None:
    story = Story(says(True))
    story.talk()
    for number in range(200):
        story.asks(Verb.PAUSE, "alice", request=f"pause {number}")
    story.wait(5)
    assert len(every(Reply, story.effects)) == 200
    assert (story.engine._world.requests, story.engine._world.forced) == ({}, set())


def test_who_waits_for_an_answer_is_kept_only_for_so_long() -> None:
    askers, status = Askers[Asker](most=10), Status(SWITCH)
    for number in range(500):
        askers.expect(str(number), Asker("PJSIP/alice-00000001", ""))
        status.asked(Asked(switch=SWITCH, at=1.0, request=str(number), verb=Verb.PAUSE, target="a",
                           actor=ActorKind.OPERATOR))
    assert len(askers) == 10
    assert len(status._asked) <= 100


@pytest.mark.parametrize(("name", "recordings", "trunks"), [
    ("trunk_call_record_mask", TRUNK_CALL, ()), ("blind_transfer_refer", BLIND, ()),
    ("blind_transfer_bleg_recording_follow", FOLLOWING, (LEAVES,)), ("conference_3_members_record", MIX, ()),
    ("fs_shutdown_with_recording", {}, ())])
def test_every_event_of_a_freeswitch_twice_is_the_same_call(
    name: str, recordings: dict[str, str], trunks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    once = replay(name, says(True), recordings=recordings, trunks=trunks)
    recorded = captures.events(name)
    monkeypatch.setattr(captures, "events", lambda _: [event for event in recorded for _ in range(2)])
    twice = replay(name, says(True), recordings=recordings, trunks=trunks)
    assert twice.rows == once.rows
    assert (every(Attach, twice.effects), every(Detach, twice.effects)) == (
        every(Attach, once.effects), every(Detach, once.effects))


def broken(so_far: list[Told]) -> list[Told]:
    """The connection breaks, and a snapshot says what there is after all that."""
    when, event = so_far[-1]
    return [(when, SwitchDown(switch=SWITCH, at=event.at, sequence=event.sequence)),
            (when, SwitchUp(switch=SWITCH, at=event.at, boot="boot-1", snapshot=snapshot(so_far)))]
