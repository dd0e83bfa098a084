"""Never: an event out of order, twice, late or missing breaks a recording; a queue grows without bound.

Every single event of a recorded call, every pair of neighbours and every stretch that a snapshot can make up for is
tried. tests/recorder/test_order.py goes on by chance where this one ends.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from recorder.events import SwitchDown, SwitchUp, TapUp
from tests.recorder.story import SWITCH, Story, files, says
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


def broken(so_far: list[Told]) -> list[Told]:
    """The connection breaks, and a snapshot says what there is after all that."""
    when, event = so_far[-1]
    return [(when, SwitchDown(switch=SWITCH, at=event.at, sequence=event.sequence)),
            (when, SwitchUp(switch=SWITCH, at=event.at, boot="boot-1", snapshot=snapshot(so_far)))]
