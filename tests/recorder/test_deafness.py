"""A tap that hears nothing while packets come is made anew, and not for ever."""

from __future__ import annotations

import pytest

from recorder.deafness import UNHEARD, UNPASSED
from recorder.effects import Attach, Detach, Effect
from recorder.events import Unheard, Verb
from recorder.model import Direction
from recorder.states import SegmentState
from recorder.world import Limits
from tests.recorder.story import SWITCH, Story, every, only, says


def silent(story: Story, segment: str, seconds: float, *, heard: bool = True) -> list[Effect]:
    return story.receive(Unheard(switch=SWITCH, at=story.at, segment=segment, direction=Direction.IN, seconds=seconds,
                                 heard=heard))


def replaced(story: Story, segment: str) -> str:
    """The tap that follows when an ended one is gone."""
    new = only(Attach, story.tap_down(segment)).segment
    story.tap_up(new)
    return new


def tried_within(story: Story, segment: str, total: float, *, heard: bool) -> int:
    """How often a tap is made anew if each one is silent from `heard` something, or nothing, on."""
    tried, silence, begun = 0, 0.0, story.clock
    while story.clock < begun + total:
        story.wait(1.0)
        silence += 1.0
        if any(one.segment == segment for one in every(Detach, silent(story, segment, silence, heard=heard))):
            tried += 1
            segment, silence = replaced(story, segment), 0.0
    return tried


def test_the_next_tap_comes_when_the_deaf_one_is_gone_and_not_before() -> None:
    story = Story(says(True))
    deaf = story.talk()
    effects = silent(story, deaf, 4.0)
    assert only(Detach, effects).segment == deaf
    assert every(Attach, effects) == []
    assert only(Attach, story.tap_down(deaf)).source.leg == "alice"
    assert story.segments()[0].cause == UNHEARD


def test_what_the_switch_drops_itself_is_tried_too_and_says_so() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.receive(Unheard(switch=SWITCH, at=story.at, segment=segment, direction=Direction.IN, seconds=4.0, heard=True,
                          passed=False))
    story.tap_down(segment)
    assert story.segments()[0].cause == UNPASSED


def test_a_silence_that_is_short_is_none() -> None:
    story = Story(says(True))
    assert silent(story, story.talk(), 3.9) == []


def test_where_two_taps_overlap_both_go() -> None:
    story = Story(says(True))
    old = story.talk()
    new = only(Attach, story.wait(600.1)).segment
    story.tap_up(new)
    assert {one.segment for one in every(Detach, silent(story, old, 5.0))} == {old, new}
    assert every(Attach, story.tap_down(old)) == []
    assert len(every(Attach, story.tap_down(new))) == 1


def test_a_paused_call_is_not_tapped_for_it() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.asks(Verb.PAUSE, "alice")
    assert silent(story, segment, 60.0) == []
    assert every(Attach, story.tap_down(segment) + story.wait(60)) == []


def test_a_pause_while_the_deaf_tap_goes_is_kept() -> None:
    story = Story(says(True))
    segment = story.talk()
    silent(story, segment, 5.0)
    story.asks(Verb.PAUSE, "alice")
    assert every(Attach, story.tap_down(segment) + story.wait(60)) == []


def test_nothing_is_ended_while_the_switch_is_away() -> None:
    story = Story(says(True))
    segment = story.talk()
    story.disconnect()
    assert silent(story, segment, 60.0) == []
    assert story.segments()[0].state is SegmentState.UP


@pytest.mark.parametrize(("heard", "most"), [(True, 25), (False, 7)])
def test_a_telephone_that_is_muted_for_an_hour_is_tried_less_and_less_often(heard: bool, most: int) -> None:
    story = Story(says(True), limits=Limits(renew_after=86_400.0))
    assert 3 <= tried_within(story, story.talk(), 3600, heard=heard) <= most


def test_a_third_stream_that_begins_anew_is_noticed_as_soon_as_the_first() -> None:
    story = Story(says(True))
    segment = story.talk()
    for _ in range(3):
        assert len(every(Detach, silent(story, segment, 4.0))) == 1
        segment = replaced(story, segment)
