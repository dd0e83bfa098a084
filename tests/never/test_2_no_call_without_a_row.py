"""Never: a call leaves no row.

Each has its decision and the rule that made it, recorded or not; and a recording stands in its row before the tap that
fills it is asked for.
"""

from __future__ import annotations

import pytest

from policy.types import Decision
from recorder.effects import Attach, Effect
from recorder.events import CallEvent, Decided
from recorder.model import Call, Outcome
from recorder.states import CallState, SegmentState
from tests.recorder.story import SWITCH, Story, every, says
from tests.recorder.test_order import STORIES, again


class Watched(Story):
    """Looks at the rows that a step has changed before the step's effects are performed."""

    def receive(self, event: CallEvent) -> list[Effect]:
        step = self.engine.receive(event, self.clock)
        stored = {call.id: call for call in step.changed}
        for attach in every(Attach, step.effects):
            (recording,) = [one for one in stored[attach.call].recordings
                            if attach.segment in {segment.id for segment in one.segments}]
            assert recording.segments[-1].state is SegmentState.ATTACHING
            assert stored[attach.call].decision is not None
        self.rows |= stored
        self.effects += step.effects
        return list(step.effects)


@pytest.mark.parametrize("name", sorted(STORIES))
def test_every_call_is_closed_with_its_decision_its_rule_and_what_became_of_it(name: str) -> None:
    story = again(STORIES[name](), STORIES[name]().told)
    story.wait(200)
    assert story.engine.calls() == ()
    for call in story.rows.values():
        assert call.state is CallState.CLOSED
        assert call.decision is not None
        assert call.decision.rule
        assert call.outcome is not None
        assert call.reason or call.outcome is Outcome.RECORDED


@pytest.mark.parametrize("record", [True, False])
def test_a_recording_is_in_its_row_before_its_tap_is_asked_for(record: bool) -> None:
    story = Watched()
    story.connect()
    story.rings("alice")
    story.rings("bob", "alice")
    story.receive(decided(story.row(), says(record)))
    story.answers("bob")
    story.answers("alice")
    assert len(every(Attach, story.effects)) == record


def test_a_call_that_hangs_up_in_the_moment_of_its_first_word_has_a_row() -> None:
    story = Story(says(True))
    story.connect()
    story.rings("alice")
    story.hangs_up("alice")
    story.wait(5)
    assert (story.row().outcome, story.row().decision) == (Outcome.UNANSWERED, says(True))


def test_a_call_that_came_while_nobody_looked_has_a_row_when_we_look() -> None:
    story = Story(says(True))
    story.connect()
    story.disconnect()
    story.rings("alice")
    other = Story(says(True))
    other.legs = story.legs
    other.connect(legs=["alice"])
    assert other.row().decision == says(True)


def decided(call: Call, decision: Decision) -> Decided:
    return Decided(switch=SWITCH, at=call.created, call=call.id, decision=decision)
